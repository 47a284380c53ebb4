import { closeSync, constants, openSync, readSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { SealedRecord } from "../core/manifest.ts";
import { fileError } from "../io/files.ts";
import { seedFiles } from "../io/store.ts";
import { differences, listTree, type TreeList } from "../io/tree-list.ts";
import { type TreeWriter, treeWriter } from "../unpack/tree.ts";
import { makeTree } from "./tree.ts";

const chunkBytes = 1 << 20;
/** What `listTree` says of a file and of a link. */
const fileLine = /^([0-7]{3}) [0-9a-f]{64}$/;
const linkLine = /^-> (.+)$/s;

/**
 * Copies a tree of a seed, a volume that an image carries, into `dir/tree`, and gives that path. Only
 * what the tree's own list names is copied, by the rules of an archive; then every byte of the copy is
 * compared with the list. Throws a UserError (`integrity`) where it is not what was published.
 */
export async function stageSeed(seed: string, record: SealedRecord, dir: string): Promise<string> {
  const from = join(seed, record.dir);
  const files = await seedFiles(seed, record);
  if (!files) throw notAsPublished(from, "its list of files is missing or not its own");
  const tree = await makeTree(dir);
  const entries = Object.keys(files).length;
  const writer = treeWriter(tree, 0, { bytes: Number.POSITIVE_INFINITY, entries });
  try {
    for (const [path, line] of Object.entries(files)) copyEntry(writer, from, path, line);
    writer.finish();
  } finally {
    writer.close();
  }
  await restoreModes(tree, files);
  const wrong = differences(files, await listTree(tree));
  if (wrong.length > 0) throw notAsPublished(from, wrong.slice(0, 5).join(", "));
  return tree;
}

function copyEntry(writer: TreeWriter, from: string, path: string, line: string): void {
  const target = linkLine.exec(line)?.[1];
  const mode = fileLine.exec(line)?.[1];
  if (line === "dir") writer.directory(path);
  else if (target !== undefined) writer.symlink(path, target);
  else if (mode !== undefined) copyFile(writer, join(from, path), path, Number.parseInt(mode, 8));
  else writer.refuse(path, `is neither file, directory nor link (${line})`);
}

function copyFile(writer: TreeWriter, source: string, path: string, mode: number): void {
  const input = openSource(source);
  const output = writer.file(path, mode);
  try {
    const chunk = Buffer.alloc(chunkBytes);
    for (let read = -1; read !== 0; ) {
      read = readSync(input, chunk);
      output?.write(chunk.subarray(0, read));
    }
    output?.close();
  } finally {
    closeSync(input);
  }
}

function openSource(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}

/** An archive's modes are levelled; a seed's are the ones that were published. */
async function restoreModes(tree: string, files: TreeList): Promise<void> {
  for (const [path, line] of Object.entries(files)) {
    const mode = fileLine.exec(line)?.[1];
    if (mode !== undefined) await chmod(join(tree, path), Number.parseInt(mode, 8));
  }
}

function notAsPublished(tree: string, what: string): UserError {
  return new UserError("integrity", `the seed's ${tree} is not as published: ${what}`, {
    hint: "Nothing of it was installed. Build the image anew, or name another --seed.",
  });
}

import { createHash } from "node:crypto";
import { type BigIntStats, createReadStream, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import pLimit from "p-limit";
import { sha256Hex } from "../core/digest.ts";
import { layout } from "../core/layout.ts";

/**
 * What a tree holds: path to `dir`, `-> TARGET` or `MODE SHA256`, in order of path. Our own record in
 * the tree's root is left out, because it holds this list.
 */
export type TreeList = Readonly<Record<string, string>>;

/** sha256 of files whose every byte was hashed as it was written, by `stampOf`. */
export type WrittenDigests = Map<string, string>;

/** Of a regular file: what is different as soon as anybody writes to it, or puts another in its place. */
export function stampOf({ ino, size, mode, ctimeNs }: BigIntStats): string {
  return `${ino} ${size} ${mode} ${ctimeNs}`;
}

/**
 * Lists a tree and hashes every file in it. Rejects where something cannot be read. Files that are
 * still as they were `written` are not read again.
 */
export async function listTree(root: string, written?: WrittenDigests): Promise<TreeList> {
  const limit = pLimit(8);
  const visit = async (dir: string): Promise<[string, string][]> => {
    const entries = readdirSync(join(root, dir), { withFileTypes: true });
    const found = entries
      .filter(({ name }) => dir !== "" || name !== layout.record)
      .map(async (entry): Promise<[string, string][]> => {
        const path = dir === "" ? entry.name : `${dir}/${entry.name}`;
        if (entry.isDirectory()) return [[path, "dir"], ...(await visit(path))];
        return [[path, await limit(() => describeEntry(join(root, path), written))]];
      });
    return (await Promise.all(found)).flat();
  };
  return Object.fromEntries((await visit("")).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function describeEntry(path: string, written?: WrittenDigests): Promise<string> {
  const stats = lstatSync(path, { bigint: true });
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  if (!stats.isFile()) return "neither file, directory nor link";
  const digest = written?.get(stampOf(stats)) ?? (await hashFile(path));
  return `${(stats.mode & 0o7777n).toString(8)} ${digest}`;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) hash.update(chunk);
  return hash.digest("hex");
}

/** The one digest that stands for a whole list: sha256, lower-case hexadecimal. */
export function contentsDigest(list: TreeList): string {
  return sha256Hex(JSON.stringify(Object.entries(list)));
}

/** The paths at which two lists differ: changed, gone or come. */
export function differences(expected: TreeList, found: TreeList): string[] {
  const paths = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...paths].filter((path) => expected[path] !== found[path]).sort();
}

/**
 * The latest change time (ns) of anything in a tree. Nobody can set it back, so that a tree in which
 * nothing is newer than its publication is the tree that was published. Synchronous: every start looks
 * at every file, and a look through the thread pool takes ten times as long.
 */
export function latestChange(root: string): bigint {
  let latest = lstatSync(root, { bigint: true }).ctimeNs;
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const path = join(root, entry.name);
    const time = entry.isDirectory()
      ? latestChange(path)
      : lstatSync(path, { bigint: true }).ctimeNs;
    if (time > latest) latest = time;
  }
  return latest;
}

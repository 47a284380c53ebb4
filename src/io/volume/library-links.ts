import { dirname, join, relative } from "node:path";
import { sha256Hex } from "../../core/digest.ts";
import { layout } from "../../core/layout.ts";
import { digestedBytes, type LibrarySet, lineOfTool } from "../../core/library-set.ts";
import type { InstalledRecord } from "../../core/manifest.ts";
import { rm } from "../disk.ts";
import {
  ifThere,
  linkAtomically,
  linkTarget,
  listNames,
  lstatIfExists,
  makeDirectory,
  withContext,
  writeAtomically,
} from "../files.ts";
import { readPlain } from "../input.ts";

type Tree = Pick<InstalledRecord, "tool" | "dir" | "libraries">;

/** The link by which scripts find a library set's tree, relative to the volume; undefined for other tools. */
export function libraryLink({ tool, libraries }: Tree): string | undefined {
  return libraries && `${layout.libraries}/${libraries.digest}-${lineOfTool(tool)}`;
}

/** True if the link of a library set leads to its tree; also for other tools. */
export async function isLibraryLinked(prefix: string, tree: Tree): Promise<boolean> {
  const link = libraryLink(tree);
  return link === undefined || (await linkTarget(join(prefix, link))) === targetOf(link, tree);
}

/** Links a library set in one step; does nothing for other tools. */
export async function linkLibraries(prefix: string, tree: Tree): Promise<void> {
  const link = libraryLink(tree);
  if (link === undefined || (await isLibraryLinked(prefix, tree))) return;
  const dir = join(prefix, layout.libraries);
  // Always a directory: a link is from an untrusted writer and is not followed.
  if ((await lstatIfExists(dir))?.isSymbolicLink())
    await withContext("remove", dir, rm(dir, { force: true }));
  await makeDirectory(dir);
  await linkAtomically(targetOf(link, tree), join(prefix, link));
}

/** Removes the links of library sets that go, and the copies beside them. */
export async function unlinkLibraries(prefix: string, trees: readonly Tree[]): Promise<void> {
  const links = new Set(trees.flatMap((tree) => libraryLink(tree) ?? []));
  if (links.size === 0) return;
  const dir = join(prefix, layout.libraries);
  const names = ifThere(dir, () => listNames(dir)) ?? [];
  for (const name of names.filter((name) => links.has(`${layout.libraries}/${linkOfName(name)}`))) {
    const path = join(dir, name);
    await withContext("remove", path, rm(path, { force: true }));
  }
}

/**
 * Writes a copy of what a set's digest covers beside the link of each set of Node, with its length in its name: a
 * script's start compares it with the skill's files, because Node takes 5 ms to load what makes a digest.
 */
export async function writeDigestedTexts(
  prefix: string,
  trees: readonly Tree[],
  sets: readonly Pick<LibrarySet, "language" | "digest" | "files">[],
): Promise<void> {
  for (const { language, digest, files } of sets) {
    const tree = trees.find((it) => it.libraries?.digest === digest);
    const link = tree && libraryLink(tree);
    if (language !== "node" || link === undefined) continue;
    const parts = Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
    const bytes = digestedBytes(language, parts);
    // A file that is no text is not copied: what decodes to the same text may be another one.
    if (sha256Hex(bytes) !== digest || bytes.includes("\uFFFD")) continue;
    const path = join(prefix, `${link}-${bytes.length}`);
    if (readPlain(path, bytes.length) === bytes.toString()) continue;
    await writeAtomically(path, bytes, { durable: false });
  }
}

/** The link that a name in the index is, or belongs to. */
export function linkOfName(name: string): string {
  return name.replace(/-node-\d+$/, "-node");
}

/** Python imports from the link itself, Node from `node_modules` in it. */
function targetOf(link: string, { tool, dir }: Tree): string {
  const imported = lineOfTool(tool) === "node" ? dir : join(dir, "site-packages");
  return relative(dirname(link), imported);
}

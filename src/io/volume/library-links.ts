import { dirname, join, relative } from "node:path";
import { layout } from "../../core/layout.ts";
import { lineOfTool } from "../../core/library-set.ts";
import type { InstalledRecord } from "../../core/manifest.ts";
import { rm } from "../disk.ts";
import { linkAtomically, linkTarget, lstatIfExists, makeDirectory, withContext } from "../files.ts";

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

/** Removes the links of library sets that go. */
export async function unlinkLibraries(prefix: string, trees: readonly Tree[]): Promise<void> {
  for (const link of trees.flatMap((tree) => libraryLink(tree) ?? [])) {
    const path = join(prefix, link);
    await withContext("remove", path, rm(path, { force: true }));
  }
}

/** Python imports from the link itself, Node from `node_modules` in it. */
function targetOf(link: string, { tool, dir }: Tree): string {
  const imported = lineOfTool(tool) === "node" ? dir : join(dir, "site-packages");
  return relative(dirname(link), imported);
}

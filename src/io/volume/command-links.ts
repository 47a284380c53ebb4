import { statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { commandName, layout } from "../../core/layout.ts";
import type { InstalledRecord } from "../../core/manifest.ts";
import { hooksDir, pluginDir } from "../../core/package-files.ts";
import { ifThere, isDirectory, linkAtomically, linkTarget } from "../files.ts";

type Tree = Pick<InstalledRecord, "tool" | "dir">;

/** Paths without a version, for settings of other programs, and the directories of the command's tree they lead to. */
const parts: ReadonlyMap<string, string> = new Map([
  [layout.plugin, pluginDir],
  [layout.pythonHook, hooksDir],
  [layout.nodeHook, hooksDir],
]);
export const commandLinks: readonly string[] = [...parts.keys()];

/** What other programs load through these links. */
const modules = [
  `${layout.plugin}/index.js`,
  `${layout.pythonHook}/sitecustomize.py`,
  `${layout.nodeHook}/register.cjs`,
];

/** True if all the links lead into this tree; also for trees of other tools. */
export async function hasCommandLinks(prefix: string, tree: Tree): Promise<boolean> {
  return (await wrongLinks(prefix, tree)).length === 0;
}

/** Links the parts of the command's tree, each in one step; does nothing for other trees. */
export async function linkCommandParts(prefix: string, tree: Tree): Promise<void> {
  for (const link of await wrongLinks(prefix, tree)) {
    await linkAtomically(targetOf(tree, link), join(prefix, link));
  }
}

/** The links that this command has created. */
export async function ownCommandLinks(prefix: string): Promise<string[]> {
  const own: string[] = [];
  for (const link of commandLinks) {
    const target = await linkTarget(join(prefix, link));
    if (target?.startsWith(`../../${layout.lib}/${commandName}/`)) own.push(link);
  }
  return own;
}

/** The modules behind the links by their paths in the volume, with their sizes; none without the command. */
export function linkedModules(prefix: string): { path: string; size: number }[] {
  return modules.flatMap((path) => {
    const stats = ifThere(join(prefix, path), () => statSync(join(prefix, path)));
    return stats ? [{ path, size: stats.size }] : [];
  });
}

async function wrongLinks(prefix: string, tree: Tree): Promise<string[]> {
  if (tree.tool !== commandName) return [];
  const wrong: string[] = [];
  for (const [link, part] of parts) {
    // An older version of the command may lack it.
    if (!isDirectory(join(prefix, tree.dir, part))) continue;
    if ((await linkTarget(join(prefix, link))) !== targetOf(tree, link)) wrong.push(link);
  }
  return wrong;
}

function targetOf({ dir }: Tree, link: string): string {
  return relative(dirname(link), join(dir, parts.get(link) ?? ""));
}

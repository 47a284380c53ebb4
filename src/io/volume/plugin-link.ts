import { statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { commandName, layout } from "../../core/layout.ts";
import type { InstalledRecord } from "../../core/manifest.ts";
import { pluginDir } from "../../core/package-files.ts";
import { ifThere, linkAtomically, linkTarget, statIfExists } from "../files.ts";

type Tree = Pick<InstalledRecord, "tool" | "dir">;

/** True if openclaw.json's path leads to the plugin of this tree; also for trees without a plugin. */
export async function isPluginLinked(prefix: string, tree: Tree): Promise<boolean> {
  if (!(await hasPlugin(prefix, tree))) return true;
  return (await linkTarget(join(prefix, layout.plugin))) === targetOf(tree);
}

/** Links the plugin of the command's tree, in one step; does nothing for other trees. */
export async function linkPlugin(prefix: string, tree: Tree): Promise<void> {
  if (await isPluginLinked(prefix, tree)) return;
  await linkAtomically(targetOf(tree), join(prefix, layout.plugin));
}

/** True if the plugin's link is one that this command has created. */
export async function isPluginOurs(prefix: string): Promise<boolean> {
  const target = await linkTarget(join(prefix, layout.plugin));
  return target?.startsWith(`../../${layout.lib}/${commandName}/`) === true;
}

/** The plugin's module by its path in the volume, with its bytes; none if there is no plugin. */
export function pluginProgram(prefix: string): { path: string; size: number }[] {
  const path = `${layout.plugin}/index.js`;
  const stats = ifThere(join(prefix, path), () => statSync(join(prefix, path)));
  return stats ? [{ path, size: stats.size }] : [];
}

async function hasPlugin(prefix: string, { tool, dir }: Tree): Promise<boolean> {
  if (tool !== commandName) return false;
  return (await statIfExists(join(prefix, dir, pluginDir)))?.isDirectory() === true;
}

function targetOf({ dir }: Tree): string {
  return relative(dirname(layout.plugin), join(dir, pluginDir));
}

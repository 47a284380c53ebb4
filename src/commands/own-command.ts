import { join } from "node:path";
import type { Context } from "../context.ts";
import { commandName, layout } from "../core/layout.ts";
import type { Manifest } from "../core/manifest.ts";
import { isPartOfCommand } from "../core/package-files.ts";
import { keyOfBuild } from "../core/plan/command.ts";
import { compareVersions } from "../core/versions.ts";
import type { FreshnessFacts, Input } from "../io/freshness/facts.ts";
import { viewOfPackage } from "../io/freshness/view.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import type { Summary } from "./summary.ts";

/** True where the volume is to get a copy of this command, or a link to the one it has. */
export function isCommandDue({ plan: { command } }: InstalledState): boolean {
  return command !== undefined && command.action !== "keep";
}

/** The volume's own command, where it is newer than the one that is running. */
export function newerCommand(
  { tools }: Manifest,
  { version }: Pick<Context, "version">,
): string | undefined {
  const installed = tools[commandName];
  return installed && compareVersions(installed.version, version) > 0
    ? installed.version
    : undefined;
}

/** What `list` and `doctor` say of an older command. */
export function olderThanVolumes(newer: string, { version }: Pick<Context, "version">): string {
  return `this command is ${version}; the volume's own is ${newer}, and stays`;
}

/** Says what the volume's own command is, where this run does nothing about it. */
export function sayCommand(
  { manifest, inspection, plan, prefix }: InstalledState,
  context: Context,
): void {
  const { emit } = context.reporter;
  const installed = manifest.tools[commandName];
  const newer = newerCommand(manifest, context);
  if (installed && inspection.damaged.has(commandName) && !plan.command) {
    const message = `${prefix}/${installed.dir} is damaged, and this command, which lies there, cannot repair itself`;
    const hint = "Run openclaw-install-skill-deps of an image or of npm on this volume.";
    emit({ type: "warning", problem: "E_TREE_CHANGED", message, hint });
  } else if (newer !== undefined) {
    const path = `${prefix}/${layout.binPath(commandName)}`;
    emit({
      type: "detail",
      message: `${path} is ${newer}, newer than this ${context.version}, and stays`,
    });
  }
}

/** The volume's command sees what this one sees, where it is a copy of it, and reads its own catalogue. */
export function viewsOfCommand(
  view: string,
  inputs: readonly Input[],
  { state: { prefix, ownPackage }, applied: { manifest } }: Summary,
  { packageDir }: Context,
): Pick<FreshnessFacts, "view" | "inputs">[] {
  const record = manifest.tools[commandName];
  const isCopy = record?.key === (ownPackage && keyOfBuild(ownPackage));
  if (!record || !ownPackage || ownPackage.isInstalled || !isCopy) return [];
  const tree = join(prefix, record.dir);
  const other = viewOfPackage(tree, view);
  if (other === undefined) return [];
  const placed = (path: string) => {
    const inPackage = path.startsWith(`${packageDir}/`) ? path.slice(packageDir.length + 1) : "";
    return isPartOfCommand(inPackage) ? join(tree, inPackage) : path;
  };
  return [{ view: other, inputs: inputs.map((it) => ({ ...it, path: placed(it.path) })) }];
}

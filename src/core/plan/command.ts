import { commandName } from "../layout.ts";
import { compareVersions } from "../versions.ts";
import type { InstallReason, InstallStep, OwnPackage, PlanRequest, Step } from "./plan.ts";

/** What identifies a copy of the package, beside its version: 12 hex digits. */
export function keyOfBuild({ build }: OwnPackage): string {
  return build.slice(0, 12);
}

/**
 * The step for the command itself: the volume gets a copy of the package that is running, where it has none
 * or an older one. Undefined where the volume's copy is damaged and is what is running.
 */
export function commandStep(
  requiredBy: string[],
  { present, ownPackage, force }: Pick<PlanRequest, "present" | "ownPackage" | "force">,
): Step | undefined {
  const tool = commandName;
  const record = present.manifest.tools[tool];
  const isForced = force === "all" || force.has(tool);
  const reason = ownPackage && installReason(ownPackage, isForced, { present });
  if (ownPackage && reason) return installStep(ownPackage, reason, requiredBy, record?.version);
  if (!record || present.damaged.has(tool)) return undefined;
  const { version } = record;
  const bins = Object.keys(record.bins);
  if (present.unlinked.has(tool)) return { action: "link", tool, version, bins, record };
  return { action: "keep", tool, version, bins };
}

function installReason(
  own: OwnPackage,
  isForced: boolean,
  { present }: Pick<PlanRequest, "present">,
): InstallReason | undefined {
  const record = present.manifest.tools[commandName];
  if (!record) return "missing";
  if (own.isInstalled) return undefined; // a copy of itself would be no better
  if (isForced) return "forced";
  if (present.damaged.has(commandName)) return "damaged";
  const order = compareVersions(own.version, record.version);
  if (order > 0) return "newer version";
  return order === 0 && keyOfBuild(own) !== record.key ? "other build" : undefined;
}

function installStep(
  ownPackage: OwnPackage,
  reason: InstallReason,
  requiredBy: string[],
  replaces: string | undefined,
): InstallStep {
  return {
    action: "install",
    tool: commandName,
    version: ownPackage.version,
    reason,
    replaces,
    bins: [commandName],
    needs: [],
    for: requiredBy,
    artifacts: [],
    ownPackage,
  };
}

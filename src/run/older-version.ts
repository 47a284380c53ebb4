import { describeError, UserError } from "../core/errors.ts";
import type { InstallStep } from "../core/plan/plan.ts";
import { compareVersions } from "../core/versions.ts";
import { nameSome } from "../core/wording.ts";
import type { Emit } from "../report/events.ts";

/** An installed version that is older than the wanted one, and the reason. */
export interface OlderVersion {
  readonly tool: string;
  readonly version: string;
  readonly wanted: string;
  readonly reason: string;
}

/** Returns a step's older version; undefined if the installed version is the wanted one. */
export function olderVersion(
  { tool, version: wanted }: InstallStep,
  version: string,
  errors: readonly UserError[],
): OlderVersion | undefined {
  if (compareVersions(version, wanted) >= 0) return undefined;
  return { tool, version, wanted, reason: reasonOf(errors) };
}

/** Why the sources of the wanted version failed. */
function reasonOf(errors: readonly UserError[]): string {
  const reasons = errors.map((error) => error.shared?.message ?? describeError(error));
  return [...new Set(reasons)].join("; ") || "this run is offline";
}

/** The same for a reused tree: the run that published it has just tried the sources. */
export function usedAgain(step: InstallStep, version: string): OlderVersion | undefined {
  const error = new UserError("E_VOLUME_BUSY", "another run has just installed it");
  return olderVersion(step, version, [error]);
}

/** If no source has the update now, the older source's version stays, which is no failure. */
export function keptVersion(step: InstallStep, error: unknown): OlderVersion | undefined {
  const { fallback } = step;
  if (fallback === undefined || !(error instanceof UserError)) return undefined;
  if (error.kind !== "network" && error.kind !== "unmet") return undefined;
  return olderVersion(step, fallback, [error]);
}

/** Reports the older versions, grouped by reason. */
export function sayOlder(fallbacks: readonly OlderVersion[], emit: Emit): void {
  for (const reason of new Set(fallbacks.map((it) => it.reason))) {
    const items = fallbacks
      .filter((it) => it.reason === reason)
      .map(({ tool, version, wanted }) => `${tool} ${version} in place of ${wanted}`)
      .sort();
    const verb = items.length > 1 ? "are" : "is";
    const message = `${nameSome(items, 20)} ${verb} used: ${reason}; update tries again`;
    emit({ type: "warning", problem: "E_OLDER_VERSION", message });
  }
}

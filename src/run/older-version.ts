import { describeError, UserError } from "../core/errors.ts";
import type { InstallStep } from "../core/plan/plan.ts";
import { compareVersions } from "../core/versions.ts";
import type { Emit } from "../report/events.ts";
import { listNames } from "../report/text.ts";

/** An older version of a tool than the one that is wanted, and why it has to do. */
export interface OlderVersion {
  readonly tool: string;
  readonly version: string;
  readonly wanted: string;
  readonly reason: string;
}

/** What a step came to where its version is older than what is wanted; undefined where it is not. */
export function olderVersion(
  { tool, version: wanted }: InstallStep,
  version: string,
  errors: readonly UserError[],
): OlderVersion | undefined {
  if (compareVersions(version, wanted) >= 0) return undefined;
  return { tool, version, wanted, reason: reasonOf(errors) };
}

/** What the sources of the wanted version failed with. */
function reasonOf(errors: readonly UserError[]): string {
  const reasons = errors.map((error) => error.shared?.message ?? describeError(error));
  return [...new Set(reasons)].join("; ") || "this run is offline";
}

/** The same of a tree that was taken up: whoever has put it there has tried the sources a moment ago. */
export function usedAgain(step: InstallStep, version: string): OlderVersion | undefined {
  const error = new UserError("E_VOLUME_BUSY", "another run has just installed that one");
  return olderVersion(step, version, [error]);
}

/** An update that no source can give now leaves what an older source has given, and is no failure. */
export function keptVersion(step: InstallStep, error: unknown): OlderVersion | undefined {
  const { fallback } = step;
  if (fallback === undefined || !(error instanceof UserError)) return undefined;
  if (error.kind !== "network" && error.kind !== "unmet") return undefined;
  return olderVersion(step, fallback, [error]);
}

/** Says what is older than it should be, each reason once. */
export function sayOlder(fallbacks: readonly OlderVersion[], emit: Emit): void {
  for (const reason of new Set(fallbacks.map((it) => it.reason))) {
    const items = fallbacks
      .filter((it) => it.reason === reason)
      .map(({ tool, version, wanted }) => `${tool} ${version} in place of ${wanted}`)
      .sort();
    const verb = items.length > 1 ? "are" : "is";
    const message = `${listNames(items, 20)} ${verb} used: ${reason}; update tries again`;
    emit({ type: "warning", problem: "E_OLDER_VERSION", message });
  }
}

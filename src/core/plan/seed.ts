import type { VerifiedRecord } from "../manifest.ts";
import type { Artifact, Recipe } from "../recipe.ts";
import { compareVersions } from "../versions.ts";
import { needsOf } from "./needs.ts";
import {
  type InstallReason,
  installationKey,
  newestVersion,
  type PlanRequest,
  type SeedSource,
  versionOf,
} from "./plan.ts";

/** A recipe with its sources for the planned platform. */
export interface Installable {
  readonly recipe: Recipe;
  readonly artifacts: readonly Artifact[];
}

/**
 * How the seed can provide a tool; undefined if it cannot. A tree equal to the catalogue's is as
 * good as a download. A different one is a fallback: without a recipe or a network, and only if the
 * volume has none or an older one. The seed never replaces a newer version.
 */
export function seedSource(
  tool: string,
  installable: Installable | undefined,
  request: PlanRequest,
): SeedSource | undefined {
  const record = request.seed[tool];
  if (!record) return undefined;
  if (isWanted(record, installable)) return { record, isFirst: true };
  if (!isProgress(record, request)) return undefined;
  if (!installable) return { record, isFirst: true };
  const { recipe, artifacts } = installable;
  const served = new Set(artifacts.flatMap((artifact) => needsOf(recipe, artifact)));
  const isServed = record.needs.every((need) => served.has(need));
  return isServed ? { record, isFirst: request.offline } : undefined;
}

/** True if the seed's tree is what the recipe would install (not an older source of it). */
function isWanted(record: VerifiedRecord, installable: Installable | undefined): boolean {
  if (!installable) return false;
  const { recipe, artifacts } = installable;
  const newest = newestVersion(recipe, artifacts);
  return artifacts.some(
    (artifact) =>
      installationKey(recipe, artifact) === record.key &&
      compareVersions(versionOf(recipe, artifact), newest) >= 0,
  );
}

function isProgress(record: VerifiedRecord, { present }: PlanRequest): boolean {
  const installed = present.manifest.tools[record.tool];
  if (!installed) return true;
  const order = compareVersions(record.version, installed.version);
  return order > 0 || (order === 0 && present.damaged.has(record.tool));
}

/** Why a tool without a recipe is installed from the seed; undefined if it is not. */
export function seedReason(
  { record }: SeedSource,
  { present, force }: PlanRequest,
): InstallReason | undefined {
  const { tool } = record;
  const installed = present.manifest.tools[tool];
  if (!installed) return "missing";
  if (force === "all" || force.has(tool)) return "forced";
  if (present.damaged.has(tool)) return "damaged";
  return compareVersions(record.version, installed.version) > 0 ? "newer version" : undefined;
}

/** The parts of a step for a tool that only the seed has. */
export function seedParts({ version, bins, needs }: VerifiedRecord) {
  return { version, bins: Object.keys(bins), needs };
}

import { minorOf } from "../locks/wheel-tags.ts";
import { fallbackOf, type SealedRecord } from "../manifest.ts";
import type { Artifact } from "../recipe.ts";
import { compareVersions } from "../versions.ts";
import { artifactsFor, downloadSize } from "./artifact.ts";
import {
  type InstallReason,
  type InstallStep,
  installationKey,
  newestVersion,
  type PlanRequest,
  type SeedSource,
  type Step,
  versionOf,
} from "./plan.ts";
import { type Installable, seedParts, seedReason, seedSource } from "./seed.ts";

/** The step for a tool; undefined if it is damaged and nothing can replace it. */
export function stepFor(
  tool: string,
  requiredBy: string[],
  request: PlanRequest,
): Step | undefined {
  const { present, catalogue, platform } = request;
  const record = present.manifest.tools[tool];
  const recipe = catalogue.recipes.get(tool);
  const found = recipe ? artifactsFor(recipe, platform) : undefined;
  const installable = recipe && found && "artifacts" in found ? { recipe, ...found } : undefined;
  const offered = seedSource(tool, installable, request);
  const seed = offered && !isStranded(offered.record, request) ? offered : undefined;
  const reason = installable
    ? installReason(tool, installable, seed, request)
    : seed && seedReason(seed, request);
  if (reason !== undefined) {
    return installStep(tool, installable, seed, reason, requiredBy, request);
  }
  if (!record || present.damaged.has(tool)) return undefined;
  const { version } = record;
  const bins = Object.keys(record.bins);
  if (present.unlinked.has(tool)) return { action: "link", tool, version, bins, record };
  const newest = installable && newestVersion(installable.recipe, installable.artifacts);
  if (newest === undefined || compareVersions(newest, version) <= 0) {
    return { action: "keep", tool, version, bins };
  }
  const tried = fallbackOf(present.manifest, tool);
  const unreachable = tried?.wanted === newest ? { unreachable: tried.reason } : {};
  return { action: "keep", tool, version, bins, newer: newest, ...unreachable };
}

/**
 * Packages are chosen for one minor version of Python (3.12); another one cannot run compiled
 * modules.
 */
export function isStranded({ source }: SealedRecord, request: PlanRequest): boolean {
  const version = source.python === undefined ? undefined : plannedPython(request);
  return version !== undefined && minorOf(version) !== source.python;
}

/** The version of the volume's Python after the plan is applied. */
function plannedPython(request: PlanRequest): string | undefined {
  const step = stepFor("python3", [], request);
  const seed = step?.action === "install" && step.seed?.isFirst ? step.seed : undefined;
  return seed ? seed.record.version : step?.version;
}

function installReason(
  tool: string,
  { recipe, artifacts }: Installable,
  seed: SeedSource | undefined,
  request: PlanRequest,
): InstallReason | undefined {
  const { present, force, update } = request;
  const record = present.manifest.tools[tool];
  if (!record) return "missing";
  if (force === "all" || force.has(tool)) return "forced";
  if (isStranded(record, request)) return "other Python";
  if (present.damaged.has(tool)) return "damaged";
  const order = compareVersions(newestVersion(recipe, artifacts), record.version);
  const sameKey = artifacts.some((artifact) => installationKey(recipe, artifact) === record.key);
  if (order === 0 && !sameKey) return "recipe changed";
  return (order > 0 && update) || seedIsNewer(seed, record) ? "newer version" : undefined;
}

/** The seed needs no download, so a newer version in it is installed without `update`. */
function seedIsNewer(seed: SeedSource | undefined, installed: SealedRecord): boolean {
  return seed?.isFirst === true && compareVersions(seed.record.version, installed.version) > 0;
}

function installStep(
  tool: string,
  installable: Installable | undefined,
  seed: SeedSource | undefined,
  reason: InstallReason,
  requiredBy: string[],
  { present, catalogue, platform }: PlanRequest,
): InstallStep | undefined {
  const replaces = present.manifest.tools[tool]?.version;
  const common = {
    action: "install",
    tool,
    reason,
    ...(replaces === undefined ? {} : { replaces }),
    for: requiredBy,
    ...(seed === undefined ? {} : { seed }),
  } as const;
  if (!installable) return seed && { ...common, ...seedParts(seed.record), artifacts: [] };
  const { recipe } = installable;
  const installed = present.manifest.tools[tool];
  // The installed version does not count as newer than itself.
  const isBetter = (artifact: Artifact): boolean =>
    !installed || compareVersions(versionOf(recipe, artifact), installed.version) > 0;
  const artifacts = installable.artifacts.filter(
    (it) => reason !== "newer version" || isBetter(it),
  );
  const isFallback =
    reason === "newer version" &&
    (fallbackOf(present.manifest, tool) !== undefined ||
      installable.artifacts.some((it) => installationKey(recipe, it) === installed?.key));
  const [first] = artifacts;
  const python = catalogue.recipes.get("python3")?.version;
  const size = first && !seed?.isFirst ? downloadSize(first, platform, python) : undefined;
  return {
    ...common,
    version: newestVersion(recipe, installable.artifacts),
    ...(isFallback && installed && { fallback: installed.version }),
    ...(size === undefined ? {} : { size }),
    bins: Object.keys(first?.bins ?? recipe.bins),
    needs: recipe.needs,
    ...(recipe.declared && { declared: recipe.declared }),
    recipe,
    artifacts,
  };
}

import { commandName } from "../layout.ts";
import { lineOfTool, titleOfSet } from "../library-set.ts";
import { minorOf } from "../locks/wheel-tags.ts";
import { fallbackOf, isHeld, type VerifiedRecord } from "../manifest.ts";
import type { Artifact } from "../recipe.ts";
import { compareVersions } from "../versions.ts";
import { artifactsFor, downloadSize } from "./artifact.ts";
import { commandStep } from "./command.ts";
import { needsOf } from "./needs.ts";
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
  if (tool === commandName) return commandStep(requiredBy, request);
  const record = present.manifest.tools[tool];
  const recipe = catalogue.recipes.get(tool);
  const found = recipe ? artifactsFor(recipe, platform) : undefined;
  const all = recipe && found && "artifacts" in found ? { recipe, ...found } : undefined;
  const held = record !== undefined && isHeld(present.manifest, tool) ? record : undefined;
  const installable = all && (held ? ofVersion(held.version, all) : all);
  const inSeed = seedSource(tool, installable, request);
  const offered = held && inSeed ? seedForHeld(held, inSeed, request) : inSeed;
  const seed = offered && !isStranded(offered.record, request) ? offered : undefined;
  const reason = installable
    ? installReason(tool, installable, seed, request)
    : seed && seedReason(seed, request);
  if (reason !== undefined) {
    return installStep(tool, installable, seed, reason, requiredBy, request);
  }
  if (!record || present.damaged.has(tool)) return undefined;
  if (!present.unlinked.has(tool)) return keepStep(record, all, request);
  const { version } = record;
  return { action: "link", tool, version, bins: Object.keys(record.bins), record };
}

function keepStep(
  { tool, version, bins }: VerifiedRecord,
  all: Installable | undefined,
  { present: { manifest } }: PlanRequest,
): Step {
  const held = isHeld(manifest, tool) || undefined;
  const keep = { action: "keep", tool, version, bins: Object.keys(bins), held } as const;
  const newest = all && newestVersion(all.recipe, all.artifacts);
  if (newest === undefined || compareVersions(newest, version) <= 0) return keep;
  const tried = fallbackOf(manifest, tool);
  const unreachable = tried?.wanted === newest ? tried.reason : undefined;
  return { ...keep, newer: newest, unreachable };
}

/**
 * The sources with a version; all of them if none has it, which matters only for a tool that cannot
 * stay.
 */
function ofVersion(version: string, { recipe, artifacts }: Installable): Installable {
  const same = artifacts.filter((artifact) => versionOf(recipe, artifact) === version);
  return { recipe, artifacts: same.length > 0 ? same : artifacts };
}

/** The seed's tree of the held version is better than any other version. */
function seedForHeld(
  held: VerifiedRecord,
  seed: SeedSource,
  request: PlanRequest,
): SeedSource | undefined {
  if (!canReplace(held, seed.record.version, request)) return undefined;
  return seed.record.version === held.version ? { ...seed, isFirst: true } : seed;
}

/** True if this version may replace a held tool: it is the same, or the held one cannot run. */
function canReplace(
  { tool, version, source }: VerifiedRecord,
  offered: string | undefined,
  request: PlanRequest,
): boolean {
  const isLost = request.present.damaged.has(tool) || isStranded({ source }, request);
  return isLost || offered === version;
}

/**
 * Packages are chosen for one minor version of Python (3.12); another one cannot run compiled
 * modules.
 */
export function isStranded(
  { source }: Pick<VerifiedRecord, "source">,
  request: PlanRequest,
): boolean {
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
  const newest = newestVersion(recipe, artifacts);
  const isKept = isHeld(present.manifest, tool);
  if (isKept && !canReplace(record, newest, request)) return undefined;
  if (force === "all" || force.has(tool)) return "forced";
  if (isStranded(record, request)) return "other Python";
  if (present.damaged.has(tool)) return "damaged";
  if (isKept) return undefined; // other bytes of the same version do not count
  const order = compareVersions(newest, record.version);
  const sameKey = artifacts.some((artifact) => installationKey(recipe, artifact) === record.key);
  if (order === 0 && !sameKey) return "recipe changed";
  return (order > 0 && update) || seedIsNewer(seed, record) ? "newer version" : undefined;
}

/** The seed needs no download, so a newer version in it is installed without `update`. */
function seedIsNewer(seed: SeedSource | undefined, installed: VerifiedRecord): boolean {
  return seed?.isFirst === true && compareVersions(seed.record.version, installed.version) > 0;
}

/** What requires a library set: its skills, or where somebody named it the skill that declared it first. */
function skillsOf(requiredBy: readonly string[], installable: Installable | undefined) {
  const by = installable?.recipe.declared?.by;
  return by === undefined || requiredBy.includes(by) ? requiredBy : [by];
}

function installStep(
  tool: string,
  installable: Installable | undefined,
  seed: SeedSource | undefined,
  reason: InstallReason,
  requiredBy: string[],
  { present, catalogue, platform }: PlanRequest,
): InstallStep | undefined {
  const common = {
    action: "install",
    tool,
    reason,
    replaces: present.manifest.tools[tool]?.version,
    for: requiredBy,
    title: lineOfTool(tool) && titleOfSet(tool, skillsOf(requiredBy, installable)),
    seed,
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
    fallback: isFallback ? installed?.version : undefined,
    size,
    bins: Object.keys(first?.bins ?? recipe.bins),
    needs: seed?.isFirst ? seed.record.needs : needsOf(recipe, first),
    declared: recipe.declared,
    recipe,
    artifacts,
  };
}

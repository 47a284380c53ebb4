import * as semver from "semver";
import type { SealedRecord } from "./manifest.ts";
import {
  type BinState,
  type InstallReason,
  type InstallStep,
  installationKey,
  type Plan,
  type PlanRequest,
  type Requirement,
  type Step,
  type Unmet,
} from "./plan.ts";
import { isAtLeast, keysFor, type Platform, platformId } from "./platform.ts";
import { selectWheels } from "./pypi-lock.ts";
import type { Artifact, Recipe } from "./recipe.ts";
import { minorOf } from "./wheel-tags.ts";

/**
 * Decides what has to be done so that every requirement holds. Pure: everything it needs to know
 * about the disk is in `request.present`. Steps come in an order in which a tool follows what it
 * needs, and the largest download comes first otherwise.
 */
export function resolvePlan(request: PlanRequest): Plan {
  const bins = new Map<string, BinState>();
  const unmet: Unmet[] = [];
  /** Tool to those who ask for it. */
  const wanted = new Map<string, Set<string>>();

  const want = (tool: string, asker: string): void => {
    const askers = wanted.get(tool) ?? new Set();
    wanted.set(tool, askers.add(asker));
  };
  const settle = (bin: string, asker: string): void => {
    const found = bins.get(bin) ?? resolveBin(bin, request);
    bins.set(bin, found);
    if (found.state !== "unmet" && found.tool !== undefined) want(found.tool, asker);
  };

  for (const requirement of request.requirements) {
    for (const bin of requirement.bins) settle(bin, requirement.for);
    const alternative = chooseAlternative(requirement, request);
    if (alternative !== undefined) settle(alternative, requirement.for);
    else for (const bin of requirement.anyBins) settle(bin, requirement.for);
  }
  addNeeds(wanted, request);
  if (wanted.has("python3")) {
    const records = Object.values(request.present.manifest.tools);
    const stranded = records.filter((record) => isStranded(record, request));
    for (const { tool } of stranded) want(tool, "python3");
  }
  for (const [bin, state] of bins) {
    if (state.state !== "unmet") continue;
    unmet.push({ bin, for: askersOf(bin, request.requirements), reason: state.reason });
  }
  const steps = [...wanted].map(([tool, askers]) => stepFor(tool, [...askers].sort(), request));
  return {
    platform: platformId(request.platform),
    steps: inOrder(steps.filter((step) => step !== undefined)),
    unmet: unmet.sort((a, b) => (a.bin < b.bin ? -1 : 1)),
    bins: Object.fromEntries([...bins].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** The recipe's sources for a platform, or why there are none. */
export function artifactsFor(
  recipe: Recipe,
  platform: Platform,
): { artifacts: readonly Artifact[] } | { reason: string } {
  const key = keysFor(platform).find((candidate) => recipe.artifacts[candidate] !== undefined);
  const listed = key === undefined ? undefined : recipe.artifacts[key];
  if (!listed) {
    const have = Object.keys(recipe.artifacts).join(", ");
    return {
      reason: `the recipe ${recipe.name} has nothing for ${platformId(platform)} (${have})`,
    };
  }
  const { libcVersion } = platform;
  const artifacts = listed.filter(
    ({ glibc }) =>
      glibc === undefined || libcVersion === undefined || isAtLeast(libcVersion, glibc),
  );
  if (artifacts.length > 0) return { artifacts };
  const glibc = listed.map((artifact) => artifact.glibc).join(" or ");
  return { reason: `the recipe ${recipe.name} needs glibc ${glibc}; here it is ${libcVersion}` };
}

/** -1, 0 or 1 by semver; versions that are not semver are read for the numbers they hold. */
export function compareVersions(a: string, b: string): number {
  const read = (text: string) => semver.parse(text, { loose: true }) ?? semver.coerce(text);
  const [left, right] = [read(a), read(b)];
  if (left && right) return semver.compare(left, right);
  return a === b ? 0 : a < b ? -1 : 1;
}

function resolveBin(bin: string, request: PlanRequest): BinState {
  const { present, catalogue, platform, force } = request;
  const provider = catalogue.providers.get(bin);
  const forced = provider !== undefined && force !== "all" && force.has(provider);

  const record = Object.values(present.manifest.tools).find((tool) => tool.bins[bin]);
  if (record) {
    const step = stepFor(record.tool, [], request);
    if (step?.action === "install")
      return { state: "install", tool: step.tool, version: step.version };
    if (step) return { state: "present", path: `bin/${bin}`, tool: record.tool };
  }
  const system = present.system.get(bin);
  if (system !== undefined && !forced && !request.ignoreSystem) {
    return { state: "present", path: system };
  }
  const recipe = provider === undefined ? undefined : catalogue.recipes.get(provider);
  if (!recipe) {
    const reason = record
      ? "its tree is damaged and no recipe provides it"
      : "no recipe provides it";
    const ignored = system === undefined ? "" : ` (--ignore-system does not count ${system})`;
    return { state: "unmet", reason: reason + ignored };
  }
  const found = artifactsFor(recipe, platform);
  if ("reason" in found) return { state: "unmet", reason: found.reason };
  const missing = recipe.needs
    .map((need) => needProblem(need, request))
    .find((problem) => problem !== undefined);
  if (missing !== undefined) return { state: "unmet", reason: missing };
  return { state: "install", tool: recipe.name, version: recipe.version };
}

/** Present if one is; else the first that can be installed; undefined where none can be had. */
function chooseAlternative({ anyBins }: Requirement, request: PlanRequest): string | undefined {
  const states = anyBins.map((bin) => ({ bin, state: resolveBin(bin, request).state }));
  const chosen =
    states.find(({ state }) => state === "present") ??
    states.find(({ state }) => state === "install");
  return chosen?.bin;
}

function needProblem(need: string, request: PlanRequest): string | undefined {
  if (isWhole(need, request)) return undefined;
  const recipe = request.catalogue.recipes.get(need);
  if (!recipe) return `it needs ${need}, and no recipe provides that`;
  const found = artifactsFor(recipe, request.platform);
  return "reason" in found ? `it needs ${need}, but ${found.reason}` : undefined;
}

function isWhole(tool: string, { present }: PlanRequest): boolean {
  return present.manifest.tools[tool] !== undefined && !present.damaged.has(tool);
}

/** What a tool needs is always taken from the volume: a sandbox may have less than this place. */
function addNeeds(wanted: Map<string, Set<string>>, { catalogue, present }: PlanRequest): void {
  for (const [tool] of wanted) {
    const needs = present.manifest.tools[tool]?.needs ?? catalogue.recipes.get(tool)?.needs ?? [];
    for (const need of needs) {
      wanted.set(need, (wanted.get(need) ?? new Set()).add(tool));
    }
  }
}

/** The step for a tool; undefined where it is damaged and nothing can replace it. */
function stepFor(tool: string, askers: string[], request: PlanRequest): Step | undefined {
  const { present, catalogue, platform } = request;
  const record = present.manifest.tools[tool];
  const recipe = catalogue.recipes.get(tool);
  const found = recipe ? artifactsFor(recipe, platform) : undefined;
  const installable = recipe && found && "artifacts" in found ? { recipe, ...found } : undefined;
  const reason = installable && installReason(tool, installable, request);
  if (installable && reason !== undefined) {
    return installStep(installable, reason, askers, record?.version, request);
  }
  if (!record || present.damaged.has(tool)) return undefined;
  const { version } = record;
  const bins = Object.keys(record.bins);
  if (present.unlinked.has(tool)) return { action: "link", tool, version, bins, record };
  const newer =
    installable && compareVersions(installable.recipe.version, version) > 0
      ? { newer: installable.recipe.version }
      : {};
  return { action: "keep", tool, version, bins, ...newer };
}

/** Packages are chosen for one line of Python (3.12); another line cannot run what is compiled. */
function isStranded({ source }: SealedRecord, request: PlanRequest): boolean {
  const version =
    source.python === undefined ? undefined : stepFor("python3", [], request)?.version;
  return version !== undefined && minorOf(version) !== source.python;
}

function installReason(
  tool: string,
  { recipe, artifacts }: { recipe: Recipe; artifacts: readonly Artifact[] },
  request: PlanRequest,
): InstallReason | undefined {
  const { present, force, update } = request;
  const record = present.manifest.tools[tool];
  if (!record) return "missing";
  if (force === "all" || force.has(tool)) return "forced";
  if (isStranded(record, request)) return "other Python";
  if (present.damaged.has(tool)) return "damaged";
  const order = compareVersions(recipe.version, record.version);
  const sameKey = artifacts.some((artifact) => installationKey(recipe, artifact) === record.key);
  if (order === 0 && !sameKey) return "recipe changed";
  return order > 0 && update ? "newer version" : undefined;
}

function installStep(
  { recipe, artifacts }: { recipe: Recipe; artifacts: readonly Artifact[] },
  reason: InstallReason,
  askers: string[],
  replaces: string | undefined,
  { catalogue, platform }: PlanRequest,
): InstallStep {
  const [first] = artifacts;
  const size = first && downloadSize(first, catalogue.recipes.get("python3")?.version, platform);
  return {
    action: "install",
    tool: recipe.name,
    version: recipe.version,
    reason,
    ...(replaces === undefined ? {} : { replaces }),
    ...(size === undefined ? {} : { size }),
    bins: Object.keys(first?.bins ?? recipe.bins),
    needs: recipe.needs,
    for: askers,
    recipe,
    artifacts,
  };
}

/** Bytes, where the recipe or its lock says: of a lock, what the catalogue's own Python would take. */
function downloadSize(
  artifact: Artifact,
  python: string | undefined,
  platform: Platform,
): number | undefined {
  if (artifact.kind !== "python") return "size" in artifact ? artifact.size : undefined;
  try {
    const wheels = selectWheels(artifact.wheels, python ?? "", platform);
    return wheels.reduce((sum, { size }) => sum + size, 0);
  } catch {
    return undefined; // that it has none here is told when it is installed
  }
}

function askersOf(bin: string, requirements: readonly Requirement[]): string[] {
  return requirements
    .filter(({ bins, anyBins }) => bins.includes(bin) || anyBins.includes(bin))
    .map((requirement) => requirement.for);
}

function inOrder(steps: Step[]): Step[] {
  const size = (step: Step): number => (step.action === "install" ? (step.size ?? 0) : -1);
  const pending = [...steps].sort((a, b) => size(b) - size(a) || (a.tool < b.tool ? -1 : 1));
  const ordered: Step[] = [];
  const done = new Set<string>();
  const place = (step: Step): void => {
    if (done.has(step.tool)) return;
    done.add(step.tool);
    const needs = step.action === "install" ? step.needs : [];
    for (const need of needs) {
      const needed = pending.find(({ tool }) => tool === need);
      if (needed) place(needed);
    }
    ordered.push(step);
  };
  for (const step of pending) place(step);
  return ordered;
}

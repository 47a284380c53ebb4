import { commandName, layout } from "../layout.ts";
import { titleOfSet } from "../library-set.ts";
import type { Manifest, VerifiedRecord } from "../manifest.ts";
import { platformId } from "../platform.ts";
import type { Catalogue } from "../recipe.ts";
import { type Aliases, programOfAlias, stepWithAliases } from "./aliases.ts";
import { artifactsFor } from "./artifact.ts";
import { firstProblem, isWhole, possibleNeeds, problemOfNeeds } from "./needs.ts";
import type { BinState, Plan, PlanRequest, Requirement, Step, Unmet } from "./plan.ts";
import { isStranded, stepFor } from "./steps.ts";
import { whyNoRecipe } from "./unavailable.ts";

/**
 * Decides what to do to meet every requirement. Pure: `request.present` holds all that it needs to
 * know about the disk. A tool comes after the tools that it needs; otherwise the largest download
 * comes first.
 */
export function resolvePlan(given: PlanRequest): Plan {
  const request = {
    ...given,
    holders: holdersOf(given.present.manifest),
    inVolume: new Set(given.requirements.flatMap((it) => (it.inVolume ? it.bins : []))),
  };
  const wanted: Wanted = new Map();
  const bins = resolveBins(wanted, request);
  const sets = setsOf(request);
  for (const { requirement, set } of sets.able) want(wanted, set, requirement.for);
  addNeeds(wanted, request);
  if (request.ownPackage) wanted.set(commandName, wanted.get(commandName) ?? new Set());
  if (wanted.has("python3")) addStranded(wanted, request);
  const found = stepsFor(wanted, bins, request);
  const command = found.find(({ tool }) => tool === commandName);
  const tools = found.filter((step) => step !== command);
  const unmet = [...sets.unmet, ...unmetBins(bins, request)];
  return {
    platform: platformId(request.platform),
    steps: inOrder(tools),
    spare: spareSteps(tools, request),
    command,
    unmet: unmet.sort((a, b) => (a.bin < b.bin ? -1 : 1)),
    bins: Object.fromEntries([...bins].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Tool to what requires it. */
type Wanted = Map<string, Set<string>>;

function want(wanted: Wanted, tool: string, requirer: string): void {
  wanted.set(tool, (wanted.get(tool) ?? new Set()).add(requirer));
}

/** Decides about every program that a requirement names, and adds their tools to `wanted`. */
function resolveBins(wanted: Wanted, request: Request): Map<string, BinState> {
  const bins = new Map<string, BinState>();
  for (const requirement of request.requirements) {
    const alternative = chooseAlternative(requirement, request);
    const anyBins = alternative === undefined ? requirement.anyBins : [alternative];
    for (const bin of [...requirement.bins, ...anyBins]) {
      const found = bins.get(bin) ?? resolveBin(bin, request);
      bins.set(bin, found);
      if (found.state !== "unmet" && found.tool !== undefined)
        want(wanted, found.tool, requirement.for);
    }
  }
  return bins;
}

/** Tools whose packages another Python cannot run are installed again with it. */
function addStranded(wanted: Wanted, request: Request): void {
  for (const record of Object.values(request.present.manifest.tools)) {
    if (isStranded(record, request)) want(wanted, record.tool, "python3");
  }
}

function stepsFor(wanted: Wanted, bins: ReadonlyMap<string, BinState>, request: Request): Step[] {
  const { catalogue, present } = request;
  const steps = [...wanted].map(([tool, requiredBy]) => {
    const step = stepFor(tool, [...requiredBy].sort(), request);
    const asked = aliasesAsked(tool, bins, catalogue);
    return step && stepWithAliases(step, present.manifest.tools[tool], asked, catalogue);
  });
  return steps.filter((step) => step !== undefined);
}

function unmetBins(bins: ReadonlyMap<string, BinState>, { requirements }: Request): Unmet[] {
  return [...bins].flatMap(([bin, state]) => {
    if (state.state !== "unmet") return [];
    const { reason, problem } = state;
    const requiring = requirements.filter((it) => [...it.bins, ...it.anyBins].includes(bin));
    return [{ bin, for: requiring.map((it) => it.for), reason, problem }];
  });
}

/** The requested names of a tool that are not programs of its recipe. */
function aliasesAsked(
  tool: string,
  bins: ReadonlyMap<string, BinState>,
  catalogue: Catalogue,
): Aliases {
  const asked = [...bins].flatMap(([name, state]) => {
    const program =
      state.state !== "unmet" && state.tool === tool && programOfAlias(name, catalogue);
    return program ? [[name, program] as const] : [];
  });
  return Object.fromEntries(asked);
}

type Request = PlanRequest & {
  /** Program to the first record in the manifest that has it. */
  readonly holders: ReadonlyMap<string, VerifiedRecord>;
  /** Programs that are requested by name, so that those of the image do not count. */
  readonly inVolume: ReadonlySet<string>;
};

function holdersOf({ tools }: Manifest): Map<string, VerifiedRecord> {
  const holders = new Map<string, VerifiedRecord>();
  for (const record of Object.values(tools)) {
    for (const bin of Object.keys(record.bins)) if (!holders.has(bin)) holders.set(bin, record);
  }
  return holders;
}

function resolveBin(bin: string, request: Request): BinState {
  if (bin === commandName && request.ownPackage) return commandState(request);
  const state = resolveWithoutSeed(bin, request);
  if (state.state !== "unmet") return state;
  const record = Object.values(request.seed).find(({ bins }) => bins[bin]);
  const step = record && stepFor(record.tool, [], request);
  if (step?.action !== "install") return state;
  const { tool, version } = step;
  const missing = firstProblem(step.needs, request);
  return missing === undefined
    ? { state: "install", tool, version }
    : { state: "unmet", reason: missing, problem: "E_NEED" };
}

/** No recipe has the command, whatever its programs are called. */
function commandState(request: Request): BinState {
  const step = stepFor(commandName, [], request);
  if (step === undefined) {
    const reason = "its tree is damaged, and it cannot repair itself";
    return { state: "unmet", reason, problem: "E_TREE_CHANGED" };
  }
  const { tool, version } = step;
  if (step.action === "install") return { state: "install", tool, version };
  return { state: "present", path: layout.binPath(commandName), tool };
}

function resolveWithoutSeed(bin: string, request: Request): BinState {
  const { present, catalogue, platform, holders } = request;
  const provider = catalogue.providers.get(bin);

  const record = holders.get(bin);
  const held = record && heldBin(bin, record, request);
  if (held) return held;
  const system = present.system.get(bin);
  const ignored = whyNotCounted(bin, provider, request);
  if (system !== undefined && ignored === undefined) return { state: "present", path: system };
  const recipe = provider === undefined ? undefined : catalogue.recipes.get(provider);
  const other = recipe && programOfAlias(bin, catalogue) && present.manifest.tools[recipe.name];
  const renamed = other && heldBin(bin, other, request);
  if (renamed) return renamed;
  if (!recipe) {
    const reason = record
      ? "its tree is damaged and no recipe provides it"
      : whyUnknown(bin, request);
    const declared = request.notDeclared?.get(bin);
    const counts = system === undefined ? "" : ` (${ignored} ${system} does not count)`;
    const why = reason + counts + (declared ? `; ${declared}` : "");
    return { state: "unmet", reason: why, problem: "E_NO_RECIPE" };
  }
  const found = artifactsFor(recipe, platform);
  if ("reason" in found) return { state: "unmet", reason: found.reason, problem: "E_NO_BUILD" };
  const missing = problemOfNeeds(recipe, found.artifacts, request);
  if (missing !== undefined) return { state: "unmet", reason: missing, problem: "E_NEED" };
  const { name: tool, version, declared } = recipe;
  return { state: "install", tool, version, declared: declared?.from };
}

function whyUnknown(bin: string, { noCatalogue }: Request): string {
  return noCatalogue === undefined
    ? whyNoRecipe(bin)
    : `the catalogue ${noCatalogue} cannot be used now`;
}

/** The state of a program of an installed tool; undefined if the tool is lost. */
function heldBin(bin: string, { tool }: VerifiedRecord, request: Request): BinState | undefined {
  const step = stepFor(tool, [], request);
  if (step?.action === "install") return { state: "install", tool, version: step.version };
  return step && { state: "present", path: `bin/${bin}`, tool };
}

/** Why a program outside the volume does not count; undefined if it does. */
function whyNotCounted(
  bin: string,
  provider: string | undefined,
  { inVolume, force, ignoreSystem }: Request,
): string | undefined {
  const isForced = provider !== undefined && force !== "all" && force.has(provider);
  if (isForced || inVolume.has(bin)) return "requested by name, so";
  return ignoreSystem ? "--ignore-system:" : undefined;
}

/** A present one, else the first that can be installed; undefined if there is none. */
function chooseAlternative({ anyBins }: Requirement, request: Request): string | undefined {
  const states = anyBins.map((bin) => ({ bin, state: resolveBin(bin, request).state }));
  const chosen =
    states.find(({ state }) => state === "present") ??
    states.find(({ state }) => state === "install");
  return chosen?.bin;
}

/** The library sets that are required: those that can be there, and why others cannot. */
function setsOf(request: PlanRequest) {
  const all = request.requirements.flatMap((requirement) =>
    (requirement.libraries ?? []).map((set) => {
      return { requirement, set, problem: problemOfSet(set, request) };
    }),
  );
  const unmet = all.flatMap(({ requirement, set, problem }): Unmet[] =>
    problem ? [{ bin: titleOfSet(set), for: [requirement.for], ...problem }] : [],
  );
  return { able: all.filter(({ problem }) => problem === undefined), unmet };
}

/** Why a library set cannot be installed; undefined if it is there or can be. */
function problemOfSet(
  set: string,
  request: PlanRequest,
): Pick<Unmet, "reason" | "problem"> | undefined {
  if (isWhole(set, request) || request.seed[set]) return undefined;
  const recipe = request.catalogue.recipes.get(set);
  if (!recipe) {
    const refused = request.notDeclared?.get(set);
    if (refused !== undefined) return { reason: refused, problem: "E_DECLARED" };
    return { reason: "they are damaged, and nothing allows them", problem: "E_LIBRARIES_OFF" };
  }
  const missing = firstProblem(recipe.needs, request);
  return missing === undefined ? undefined : { reason: missing, problem: "E_NEED" };
}

/**
 * Dependencies are always installed into the volume: a sandbox may have fewer programs than this
 * host.
 */
function addNeeds(wanted: Wanted, request: PlanRequest): void {
  const { catalogue, present, seed } = request;
  for (const [tool] of wanted) {
    const step = stepFor(tool, [], request);
    // A newer version may need other tools than the installed one.
    const next = step?.action === "install" ? step : undefined;
    const sources = [next, present.manifest.tools[tool], catalogue.recipes.get(tool), seed[tool]];
    const needs = sources.find((source) => source !== undefined)?.needs ?? [];
    for (const need of needs) want(wanted, need, tool);
  }
}

/** Installs tools that only a later source of another tool needs: see `Plan.spare`. */
function spareSteps(steps: readonly Step[], request: PlanRequest): Step[] {
  const spare = new Map<string, Step>();
  const known = new Set(steps.map(({ tool }) => tool));
  const add = (step: Step): void => {
    if (step.action !== "install") return;
    for (const need of possibleNeeds(step)) {
      if (known.has(need) || isWhole(need, request)) continue;
      known.add(need);
      const found = stepFor(need, [step.tool], request);
      if (!found) continue;
      spare.set(need, found);
      add(found);
    }
  };
  for (const step of steps) add(step);
  return [...spare.values()];
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

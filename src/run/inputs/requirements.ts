import { nearVerb, type Options } from "../../cli.ts";
import type { Context } from "../../context.ts";
import { UserError } from "../../core/errors.ts";
import { commandName } from "../../core/layout.ts";
import type { Manifest, SelectedSkill } from "../../core/manifest.ts";
import { isBinName } from "../../core/names.ts";
import type { PlanRequest, Requirement } from "../../core/plan/plan.ts";
import {
  requirementOf,
  type ToolRequest,
  toolCalled,
  toolRequests,
} from "../../core/plan/required-by.ts";
import { whyUnavailable } from "../../core/plan/unavailable.ts";
import type { Catalogue } from "../../core/recipe.ts";
import { didYouMean, nearest } from "../../core/wording.ts";
import { readAgentLog } from "../../io/volume/agent-log-file.ts";
import type { Inspection } from "../../io/volume/inspect.ts";
import type { Emit } from "../../report/events.ts";
import type { FoundCatalogue } from "../catalogue/find.ts";
import type { Seed } from "./seed.ts";
import type { View } from "./skills.ts";

/** What decides which tools are required. */
interface Known {
  readonly prefix: string;
  readonly manifest: Manifest;
  readonly inspection: Inspection;
  readonly seed: Seed | undefined;
  readonly catalogue: Catalogue;
  readonly named: FoundCatalogue | undefined;
  readonly view: View;
}

/**
 * What a run requires, besides libraries and what agents ask for; and all requests by name, also where NAMEs of
 * this run's command line are in their place.
 */
export function requirementsOf(
  known: Known,
  { options, reporter }: Context,
): { requests: ToolRequest[]; requirements: Requirement[] } {
  const { prefix, manifest, inspection, seed, catalogue } = known;
  const { names, verb } = options;
  const tools = { ...seed?.tools, ...manifest.tools };
  const requesters = {
    manifest,
    variable: namesOfVariable(options.tools, reporter.emit),
    granted: readAgentLog(prefix).granted,
    seed: seed?.requested ?? [],
  };
  const requests = toolRequests(requesters, catalogue);
  const requirements = [
    ...(names.length > 0 ? ofNames(options, known, tools) : ofSkills(known, tools)),
    ...(names.length > 0 ? [] : requests.map((it) => requirementOf(it, tools, catalogue))),
    ...(options.repair ? ofDamaged(manifest, inspection) : []),
    ...(verb === "outdated" || verb === "update" ? ofInstalled(names, manifest, catalogue) : []),
  ];
  return { requests, requirements };
}

/** The valid names in `OPENCLAW_SKILL_TOOLS`; others are reported. */
function namesOfVariable(names: readonly string[], emit: Emit): string[] {
  for (const name of names.filter((it) => !isBinName(it))) {
    const message = `OPENCLAW_SKILL_TOOLS: ${JSON.stringify(name)} is not the name of a tool`;
    const hint = 'Write names, with spaces between them: "gh jq".';
    emit({ type: "warning", problem: "E_SETTING", message, hint });
  }
  return names.filter(isBinName);
}

/** Without skills in view those of the last run count, and without any of them all tools of the seed. */
function ofSkills({ view, manifest, seed }: Known, tools: Manifest["tools"]): Requirement[] {
  const skills = view.selected ?? manifest.skills;
  if (view.selected === undefined && skills.length === 0) return ofSeed(seed);
  return skills.map(({ name, bins, anyBins, libraries }: SelectedSkill) => ({
    for: name,
    bins,
    anyBins,
    // Where no skill is in view, those of the last run say what belongs here.
    ...(libraries && { libraries: libraries.filter((set) => tools[set]) }),
  }));
}

function ofSeed(seed: Seed | undefined): Requirement[] {
  const records = Object.values(seed?.tools ?? {}).filter(({ tool }) => tool !== commandName);
  return records.map(({ tool, bins }) => ({
    for: `the seed's ${tool}`,
    bins: Object.keys(bins),
    anyBins: [],
  }));
}

/**
 * NAMEs are tools or programs. Throws a UserError for a name that nothing has: `usage`, or why the catalogue of
 * `--catalogue`, which may have it, is not known.
 */
function ofNames(
  { names, verb }: Options,
  { view, catalogue, named }: Known,
  tools: Manifest["tools"],
): Requirement[] {
  const asked = view.skills.flatMap(({ found: { verdict } }) =>
    verdict.ok ? [...verdict.skill.bins, ...verdict.skill.anyBins].filter(isBinName) : [],
  );
  const installed = Object.values(tools).flatMap(({ bins }) => Object.keys(bins));
  const known = new Set([commandName, ...catalogue.providers.keys(), ...asked, ...installed]);
  return names.map((name, i) => {
    const common = { for: "command line", anyBins: [] };
    const recipe = catalogue.recipes.get(name);
    const record = tools[name];
    if (record?.libraries) return { ...common, bins: [], libraries: [name] };
    if (recipe || record || known.has(name)) {
      const bins = Object.keys(recipe?.bins ?? record?.bins ?? { [name]: name });
      return { ...common, bins, inVolume: true };
    }
    // The first word may be a mistyped verb.
    const verbMeant = verb === "install" && i === 0 ? nearVerb(name) : undefined;
    if (verbMeant === undefined && named?.failure && !named.catalogue) throw named.failure;
    const near = verbMeant ?? nearest(name, [...catalogue.recipes.keys(), ...known]);
    throw unknownName(name, near, catalogue);
  });
}

function unknownName(name: string, near: string | undefined, { recipes }: Catalogue): UserError {
  const never = whyUnavailable(name);
  if (never !== undefined) {
    return new UserError("E_UNKNOWN_NAME", `no recipe can provide "${name}": ${never}`, {
      hint: "Use a host or an image that has it.",
    });
  }
  const [, tool = ""] = /^(.+)@.+$/.exec(name) ?? [];
  const lists = "See openclaw-install-skill-deps recipe list, or write a recipe (--recipes DIR).";
  return new UserError("E_UNKNOWN_NAME", `no recipe and no skill has "${name}"`, {
    hint: recipes.has(tool)
      ? `The version is the recipe's. For another one write a recipe: openclaw-install-skill-deps recipe new ${name}`
      : didYouMean(near, lists),
  });
}

/**
 * The requirements of `update` and `outdated` without NAMEs: everything in the volume. Throws a
 * UserError (`usage`) for NAMEs that are not installed.
 */
function ofInstalled(
  names: readonly string[],
  manifest: Manifest,
  catalogue: Catalogue,
): Requirement[] {
  const missing = names.filter((name) => !manifest.tools[toolCalled(name, manifest, catalogue)]);
  if (missing.length > 0) {
    const message = `${missing.join(", ")}: not installed, so there is no newer one`;
    throw new UserError("E_UNKNOWN_NAME", message, {
      hint: `To install: openclaw-install-skill-deps ${missing.join(" ")}`,
    });
  }
  if (names.length > 0) return [];
  const records = Object.values(manifest.tools);
  return records.map(({ bins }) => ({ for: "update", bins: Object.keys(bins), anyBins: [] }));
}

/** The additional requirements of `doctor --repair`: unused tools are repaired, too. */
function ofDamaged({ tools }: Manifest, { damaged, unlinked }: Inspection): Requirement[] {
  return [...damaged.keys(), ...unlinked].map((tool) => ({
    for: "doctor --repair",
    bins: Object.keys(tools[tool]?.bins ?? {}),
    anyBins: [],
    inVolume: true,
    ...(tools[tool]?.libraries && { libraries: [tool] }),
  }));
}

/** The scope of `--force-reinstall`: all requirements, or the tools that the NAMEs mean; and `accepted` ones. */
export function forced(
  { force, names }: Pick<Options, "force" | "names">,
  catalogue: Catalogue,
  accepted: readonly string[],
): PlanRequest["force"] {
  if (force && names.length === 0) return "all";
  const tools = force ? names.map((name) => catalogue.providers.get(name) ?? name) : [];
  return new Set([...tools, ...accepted]);
}

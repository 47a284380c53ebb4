import { nearVerb, type Options } from "../../cli.ts";
import { UserError } from "../../core/errors.ts";
import { commandName } from "../../core/layout.ts";
import type { Manifest, SelectedSkill } from "../../core/manifest.ts";
import { isBinName, nearest } from "../../core/names.ts";
import type { Requirement } from "../../core/plan/plan.ts";
import { toolCalled } from "../../core/plan/required-by.ts";
import { whyUnavailable } from "../../core/plan/unavailable.ts";
import type { Catalogue } from "../../core/recipe.ts";
import type { FoundSkill, Selection } from "../../core/skills/select.ts";
import type { Inspection } from "../../io/volume/inspect.ts";
import type { Emit } from "../../report/events.ts";

/** A found skill, and whether it is selected. */
export interface LoadedSkill extends Selection {
  readonly found: FoundSkill;
}

/**
 * The requirements of the selected skills. Names that no program can have are reported and left
 * out. Undefined if there are no skills.
 */
export function selectedSkills(
  skills: readonly LoadedSkill[],
  emit: Emit,
): SelectedSkill[] | undefined {
  if (skills.length === 0) return undefined;
  return skills.flatMap(({ found, selected }) => {
    if (!selected || !found.verdict.ok) return [];
    const { bins, anyBins } = found.verdict.skill;
    const hostile = [...bins, ...anyBins].filter((bin) => !isBinName(bin));
    for (const bin of hostile) {
      emit({
        type: "warning",
        problem: "E_SKILL",
        message: `${found.file} requires ${JSON.stringify(bin)}, which is not a valid program name; it is ignored`,
      });
    }
    const { name, sha256 } = found;
    return [{ name, sha256, bins: bins.filter(isBinName), anyBins: anyBins.filter(isBinName) }];
  });
}

/** A requirement: its source, and its programs. */
export type AskedFor = Pick<SelectedSkill, "name" | "bins" | "anyBins" | "libraries">;

/** NAMEs are tools or programs; without them, the requirements of the selected skills. */
export function requirementsFor(
  { names, verb }: Pick<Options, "names" | "verb">,
  selected: readonly AskedFor[],
  skills: readonly LoadedSkill[],
  catalogue: Catalogue,
  tools: Manifest["tools"],
): Requirement[] {
  if (names.length === 0) {
    return selected.map(({ name, bins, anyBins, libraries }) => ({
      ...{ for: name, bins, anyBins },
      // Where no skill is in view, those of the last run say what belongs here.
      ...(libraries && { libraries: libraries.filter((set) => tools[set]) }),
    }));
  }
  const asked = skills.flatMap(({ found: { verdict } }) =>
    verdict.ok ? [...verdict.skill.bins, ...verdict.skill.anyBins].filter(isBinName) : [],
  );
  const installed = Object.values(tools).flatMap(({ bins }) => Object.keys(bins));
  const known = new Set([commandName, ...catalogue.providers.keys(), ...asked, ...installed]);
  return names.map((name) => {
    const recipe = catalogue.recipes.get(name);
    const installed = tools[name];
    const bins = Object.keys(recipe?.bins ?? installed?.bins ?? { [name]: name });
    if (installed?.libraries) {
      return { for: "command line", bins: [], anyBins: [], libraries: [name] };
    }
    if (recipe || installed || known.has(name)) {
      return { for: "command line", bins, anyBins: [], inVolume: true };
    }
    // The first word may be a mistyped verb.
    const meant = verb === "install" && name === names[0] ? nearVerb(name) : undefined;
    const near = meant ?? nearest(name, [...catalogue.recipes.keys(), ...known]);
    const never = whyUnavailable(name);
    if (never !== undefined) {
      throw new UserError("E_UNKNOWN_NAME", `no recipe can provide "${name}": ${never}`, {
        hint: "Use a host or an image that has it.",
      });
    }
    const [, tool = ""] = /^(.+)@.+$/.exec(name) ?? [];
    const other = near
      ? `Did you mean ${near}?`
      : "See openclaw-install-skill-deps recipe list, or write a recipe (--recipes DIR).";
    throw new UserError("E_UNKNOWN_NAME", `no recipe and no skill has "${name}"`, {
      hint: catalogue.recipes.has(tool)
        ? `The version is the recipe's. For another one write a recipe: openclaw-install-skill-deps recipe new ${name}`
        : other,
    });
  });
}

/**
 * The requirements of `update` and `outdated` without NAMEs: everything in the volume. Throws a
 * UserError (`usage`) for NAMEs that are not installed.
 */
export function ofInstalled(
  names: readonly string[],
  manifest: Manifest,
  catalogue: Catalogue,
): Requirement[] {
  const records = Object.values(manifest.tools);
  const missing = names.filter((name) => !manifest.tools[toolCalled(name, manifest, catalogue)]);
  if (missing.length > 0) {
    const message = `${missing.join(", ")}: not installed, so there is no newer one`;
    throw new UserError("E_UNKNOWN_NAME", message, {
      hint: `To install: openclaw-install-skill-deps ${missing.join(" ")}`,
    });
  }
  if (names.length > 0) return [];
  return records.map(({ bins }) => ({ for: "update", bins: Object.keys(bins), anyBins: [] }));
}

/** The additional requirements of `doctor --repair`: unused tools are repaired, too. */
export function ofDamaged(
  { tools }: Manifest,
  { damaged, unlinked }: Pick<Inspection, "damaged" | "unlinked">,
): Requirement[] {
  return [...damaged.keys(), ...unlinked].map((tool) => ({
    for: "doctor --repair",
    bins: Object.keys(tools[tool]?.bins ?? {}),
    anyBins: [],
    inVolume: true,
    ...(tools[tool]?.libraries && { libraries: [tool] }),
  }));
}

/** The scope of `--force-reinstall`: all requirements, or the tools that the NAMEs mean. */
export function forced(
  force: boolean,
  names: readonly string[],
  catalogue: Catalogue,
): "all" | ReadonlySet<string> {
  if (!force) return new Set();
  if (names.length === 0) return "all";
  return new Set(names.map((name) => catalogue.providers.get(name) ?? name));
}

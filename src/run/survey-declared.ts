import { type Declaring, declaredRecipe } from "../core/declared.ts";
import type { Manifest } from "../core/manifest.ts";
import type { Requirement } from "../core/plan.ts";
import type { Catalogue, Recipe } from "../core/recipe.ts";
import { readDeclared } from "./declared.ts";
import type { Place } from "./place.ts";
import type { SurveyedSkill } from "./requirements.ts";

/** The catalogue with the recipes of what skills declare. */
export interface WithDeclared {
  readonly catalogue: Catalogue;
  /** Tools whose declaration a person accepts anew: to be installed again. */
  readonly accepted: readonly string[];
  /** Why not even its skill provides a program. */
  readonly notDeclared: ReadonlyMap<string, string>;
}

interface View {
  readonly prefix: string;
  readonly catalogue: Catalogue;
  readonly requirements: readonly Requirement[];
  readonly skills: readonly SurveyedSkill[];
  readonly manifest: Manifest;
  /** Tools whose tree is not whole. */
  readonly damaged: ReadonlyMap<string, unknown>;
}

/** Adds what skills declare of programs that no recipe provides, where that is allowed. */
export async function addDeclared(view: View, { options, reporter }: Place): Promise<WithDeclared> {
  const { catalogue, manifest, damaged } = view;
  const notDeclared = new Map<string, string>();
  if (!options.allowDeclared) return { catalogue, accepted: [], notDeclared };
  const record = await readDeclared(view.prefix);
  const skills = declaringSkills(view.skills);
  const recipes = new Map(catalogue.recipes);
  const providers = new Map(catalogue.providers);
  const accepted: string[] = [];
  for (const bin of unprovided(view.requirements, catalogue)) {
    const tool = bin.toLowerCase();
    const isAccepted = options.names.includes(bin) && (options.force || options.verb === "update");
    const { [tool]: held, ...others } = record.tools;
    const believed = isAccepted ? { ...record, tools: others } : record;
    const found = declaredRecipe(bin, skills, catalogue, believed);
    if (found === undefined) continue;
    if (typeof found === "string") {
      notDeclared.set(bin, found);
      continue;
    }
    const isWhole = manifest.tools[found.name] !== undefined && !damaged.has(found.name);
    const was = found.declared?.recorded;
    if (isWhole && !isAccepted && isOpen(found)) {
      // It is there and whole: what a skill says now changes nothing until a person accepts it.
      if (was !== undefined) reporter.emit({ type: "warning", ...changed(found, was) });
      continue;
    }
    const recipe = isAccepted && isOpen(found) ? accept(found) : found;
    if (isAccepted && (held || isWhole)) accepted.push(recipe.name);
    recipes.set(recipe.name, recipe);
    for (const name of Object.keys(recipe.bins)) {
      if (!catalogue.providers.has(name)) providers.set(name, recipe.name);
    }
  }
  return { catalogue: { recipes, providers }, accepted, notDeclared };
}

function declaringSkills(skills: readonly SurveyedSkill[]): Declaring[] {
  return skills.flatMap(({ found: { verdict, name, file }, selected }) => {
    if (!selected || !verdict.ok) return [];
    const { bins, anyBins, install } = verdict.skill;
    return [{ name, file, bins: [...bins, ...anyBins], install }];
  });
}

/** Of alternatives none, where the catalogue has one of them. */
function unprovided(requirements: readonly Requirement[], { providers }: Catalogue): Set<string> {
  const missing = (bin: string): boolean => !providers.has(bin);
  return new Set(
    requirements.flatMap(({ bins, anyBins }) => [
      ...bins.filter(missing),
      ...(anyBins.every(missing) ? anyBins : []),
    ]),
  );
}

function isOpen({ artifacts }: Recipe): boolean {
  return artifacts.any?.some(({ kind }) => kind === "declared") === true;
}

function accept(recipe: Recipe): Recipe {
  const any = recipe.artifacts.any?.map((artifact) => ({ ...artifact, accepted: true }));
  return { ...recipe, artifacts: { any: any ?? [] } };
}

function changed({ name, declared }: Recipe, was: string): { message: string; hint: string } {
  return {
    message: `the skill ${declared?.by} declares ${declared?.from}; ${name} was installed from ${was}`,
    hint: `To accept it: openclaw-install-skill-deps --allow-declared --force-reinstall ${name}`,
  };
}

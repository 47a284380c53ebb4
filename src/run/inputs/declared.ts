import { resolve } from "node:path";
import type { Context } from "../../context.ts";
import { UserError } from "../../core/errors.ts";
import type { Manifest } from "../../core/manifest.ts";
import { asAccepted, openDeclaration } from "../../core/plan/artifact.ts";
import {
  type DeclaredRecord,
  type Declaring,
  declaredRecipe,
  mergeDeclared,
} from "../../core/plan/declared.ts";
import type { Requirement } from "../../core/plan/plan.ts";
import type { Catalogue, Declaration, Recipe } from "../../core/recipe.ts";
import type { ReadFile } from "../../io/input.ts";
import { readDeclared, readReviewed } from "../../io/volume/declared-file.ts";
import { type Emit, warningOf } from "../../report/events.ts";
import type { LoadedSkill } from "./skills.ts";

/** The catalogue with the recipes from skills' declarations. */
export interface WithDeclared {
  readonly catalogue: Catalogue;
  /** Tools whose changed declaration the user accepts: to be reinstalled. */
  readonly accepted: readonly string[];
  /** Why a skill's own declaration does not provide a program. */
  readonly notDeclared: ReadonlyMap<string, string>;
}

interface Known {
  readonly catalogue: Catalogue;
  readonly requirements: readonly Requirement[];
  readonly skills: readonly LoadedSkill[];
  readonly manifest: Manifest;
  /** Tools whose tree is damaged. */
  readonly damaged: ReadonlyMap<string, unknown>;
  readonly pins: Pins;
  /** Names whose changed declaration the user accepts. */
  readonly accepted: ReadonlySet<string>;
}

/** What is pinned of declarations. */
export interface Pins {
  /** In the volume and by the operator; undefined if the volume's record is damaged. */
  readonly record: DeclaredRecord | undefined;
  /** In the operator's own file, which allows what is in it. */
  readonly reviewed: DeclaredRecord;
  /** That file, for the freshness record. */
  readonly files: readonly ReadFile[];
}

/** Reads what is pinned of declarations. Throws a UserError (`config`) if the operator's file is not a record. */
export async function loadPins(
  prefix: string,
  { options: { declaredFile }, reporter }: Context,
): Promise<Pins> {
  const path = declaredFile === undefined ? undefined : resolve(declaredFile);
  const given = path === undefined ? undefined : readReviewed(path);
  const reviewed = given?.record ?? { schema: 1, tools: {} };
  const own = await readOrWarn(prefix, reporter.emit);
  const files = path !== undefined && given ? [{ path, sha256: given.sha256 }] : [];
  return { record: own && mergeDeclared(reviewed, own), reviewed, files };
}

/** Adds the declarations of programs that no recipe provides, if that is allowed. */
export function addDeclared(known: Known, { options, reporter }: Context): WithDeclared {
  const { catalogue, pins } = known;
  const notDeclared = new Map<string, string>();
  const record = options.allowDeclared ? pins.record : pins.reviewed;
  if (!record) {
    const why = "its skill's declaration cannot be compared with the first one";
    const bins = [...unprovided(known.requirements, catalogue)];
    return { catalogue, accepted: [], notDeclared: new Map(bins.map((bin) => [bin, why])) };
  }
  const mayOpen = (recipe: Recipe, isAccepted: boolean): boolean =>
    options.allowDeclared && (isAccepted || !isKept(recipe, known, reporter.emit));
  const skills = declaringSkills(known.skills);
  const recipes = new Map(catalogue.recipes);
  const providers = new Map(catalogue.providers);
  const accepted: string[] = [];
  for (const bin of unprovided(known.requirements, catalogue)) {
    const isAccepted = known.accepted.has(bin);
    const found = declaredRecipe(bin, skills, catalogue, isAccepted ? forget(record, bin) : record);
    if (typeof found === "string") notDeclared.set(bin, found);
    if (found === undefined || typeof found === "string") continue;
    if (isOpen(found) && !mayOpen(found, isAccepted)) continue;
    const recipe = isAccepted ? asAccepted(found) : found;
    if (isAccepted) accepted.push(recipe.name);
    recipes.set(recipe.name, recipe);
    addProviders(recipe, providers);
  }
  return { catalogue: { recipes, providers }, accepted, notDeclared };
}

/** Where nothing allows it: what skills declare for programs that no recipe provides, and how to allow it. */
export function offerDeclared({
  catalogue,
  requirements,
  skills,
}: Pick<Known, "catalogue" | "requirements" | "skills">): ReadonlyMap<string, string> {
  const declaring = declaringSkills(skills);
  const offers = [...unprovided(requirements, catalogue)].flatMap((bin): [string, string][] => {
    const found = declaredRecipe(bin, declaring, catalogue, { schema: 1, tools: {} });
    if (found === undefined) return [];
    if (typeof found === "string") return [[bin, found]];
    const { from = "" } = found.declared ?? {};
    const what = /^(npm|pypi|go):/.test(from) ? from : `a download from ${new URL(from).host}`;
    return [[bin, `its skill declares ${what}, which --allow-declared installs`]];
  });
  return new Map(offers);
}

/**
 * Undefined if the record is damaged. It must not count as empty, because something else could then
 * be pinned; and it is no error, because installed tools still work.
 */
async function readOrWarn(prefix: string, emit: Emit): Promise<DeclaredRecord | undefined> {
  try {
    return await readDeclared(prefix);
  } catch (error) {
    if (!(error instanceof UserError) || error.kind !== "volume") throw error;
    emit(warningOf(error));
    return undefined;
  }
}

/**
 * An intact installation stays, whatever its skill declares now, until the user accepts a change.
 */
function isKept(recipe: Recipe, { manifest, damaged }: Known, emit: Emit): boolean {
  const { name, declared } = recipe;
  const isWhole = manifest.tools[name] !== undefined && !damaged.has(name);
  if (!isWhole) return false;
  if (declared) sayChanged(name, declared, emit);
  return true;
}

function addProviders({ name, bins }: Recipe, providers: Map<string, string>): void {
  for (const bin of Object.keys(bins)) providers.set(bin, providers.get(bin) ?? name);
}

/** The record without the entry of a program. */
function forget({ tools }: DeclaredRecord, bin: string): DeclaredRecord {
  const { [bin.toLowerCase()]: _forgotten, ...others } = tools;
  return { schema: 1, tools: others };
}

function declaringSkills(skills: readonly LoadedSkill[]): Declaring[] {
  return skills.flatMap(({ found: { verdict, name, file }, selected }) => {
    if (!selected || !verdict.ok) return [];
    const { bins, anyBins, install } = verdict.skill;
    return [{ name, file, bins: [...bins, ...anyBins], install }];
  });
}

/**
 * The required programs that no recipe provides; of alternatives none if the catalogue has one of
 * them.
 */
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
  return openDeclaration(artifacts.any) !== undefined;
}

function sayChanged(tool: string, { by, from, recorded }: Declaration, emit: Emit): void {
  if (recorded === undefined) return;
  const message = `the skill ${by} declares ${from}; ${tool} was installed from ${recorded}`;
  const hint = `To accept it: openclaw-install-skill-deps --allow-declared --force-reinstall ${tool}`;
  emit({ type: "warning", problem: "E_DECLARED_CHANGED", message, hint });
}

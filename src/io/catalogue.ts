import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseDigest, sha256Hex } from "../core/digest.ts";
import { describeError, UserError } from "../core/errors.ts";
import type { Catalogue, Recipe, RecipeProblem } from "../core/recipe.ts";
import { type ParsedRecipe, parseRecipe, renderProblem } from "../core/recipe-file.ts";

/** The version of the compiled catalogue's form. */
const catalogueSchema = 1;

export interface CatalogueFiles {
  readonly catalogue: Catalogue;
  /** Every file that was read, recipes and locks alike; for noticing a change. */
  readonly files: readonly ReadFile[];
  readonly problems: readonly RecipeProblem[];
}

export interface ReadFile {
  readonly path: string;
  readonly sha256: string;
}

interface Shelf {
  readonly recipes: readonly Recipe[];
  readonly problems: readonly RecipeProblem[];
}

/**
 * Loads directories of recipes and then the compiled catalogue. An earlier one hides recipes and
 * programs of the same name. A recipe with problems is left out and hides nothing. Throws a UserError
 * (`config`) where a named directory or the compiled catalogue cannot be read.
 */
export async function loadCatalogue(place: {
  dirs: readonly string[];
  compiled?: string;
}): Promise<CatalogueFiles> {
  const files: ReadFile[] = [];
  const shelves: Shelf[] = place.dirs.map((dir) => readDirectory(dir, files));
  if (place.compiled !== undefined) shelves.push(readCompiled(place.compiled, files));
  const recipes = new Map<string, Recipe>();
  const providers = new Map<string, string>();
  for (const recipe of shelves.flatMap((shelf) => shelf.recipes)) {
    if (recipes.has(recipe.name)) continue;
    recipes.set(recipe.name, recipe);
    for (const bin of Object.keys(recipe.bins)) {
      if (!providers.has(bin)) providers.set(bin, recipe.name);
    }
  }
  const problems = shelves.flatMap((shelf) => shelf.problems);
  return { catalogue: { recipes, providers }, files, problems };
}

/** Reads one recipe file and the lock files beside it. Throws a UserError (`config`) if it cannot. */
export function readRecipeFile(file: string, files: ReadFile[] = []): ParsedRecipe {
  const text = readText(file, files);
  const lock = (name: string): string | undefined => {
    try {
      return readText(join(dirname(file), name), files);
    } catch {
      return undefined;
    }
  };
  return parseRecipe({ text, file, lock });
}

/**
 * The text of dist/catalogue.json: all recipes of a directory with their locks, so that a run reads
 * one file and no YAML. Throws a UserError (`recipe`) that lists every problem.
 */
export function compileCatalogue(dir: string, version: string): string {
  const { recipes, problems } = readDirectory(dir, []);
  if (problems.length > 0) throw new UserError("recipe", problems.map(renderProblem).join("\n"));
  const bundled = recipes.map((recipe) => ({ ...recipe, origin: "bundled" }));
  return `${JSON.stringify({ schema: catalogueSchema, version, recipes: bundled })}\n`;
}

function readDirectory(dir: string, files: ReadFile[]): Shelf {
  const recipes: Recipe[] = [];
  const problems: RecipeProblem[] = [];
  for (const name of listDirectory(dir)) {
    const file = join(dir, name);
    if (/\.yml$/i.test(name)) {
      const message = "is not read: a recipe's file is NAME.yaml";
      problems.push({ file, line: 0, message, example: name.replace(/\.yml$/i, ".yaml") });
    }
    if (name.startsWith(".") || !name.endsWith(".yaml")) continue;
    try {
      const parsed = readRecipeFile(file, files);
      if (parsed.ok) recipes.push(parsed.recipe);
      else problems.push(...parsed.problems);
    } catch (error) {
      problems.push({ file, line: 0, message: describeError(error) });
    }
  }
  return { recipes, problems: [...problems, ...sharedBins(recipes)] };
}

function listDirectory(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch (cause) {
    throw new UserError("config", `cannot read the recipes in ${dir}`, {
      cause,
      hint: "Name a directory of NAME.yaml files with --recipes or OPENCLAW_SKILL_RECIPES.",
    });
  }
}

/** Which of two recipes is meant would depend on their names' order; so neither is silently meant. */
function sharedBins(recipes: readonly Recipe[]): RecipeProblem[] {
  const problems: RecipeProblem[] = [];
  const owners = new Map<string, Recipe>();
  for (const recipe of recipes) {
    for (const bin of Object.keys(recipe.bins)) {
      const owner = owners.get(bin);
      if (!owner) owners.set(bin, recipe);
      else problems.push({ file: recipe.origin, line: 0, message: sharedBin(bin, owner) });
    }
  }
  return problems;
}

function sharedBin(bin: string, owner: Recipe): string {
  return `provides ${bin}, as ${owner.origin} does, which is used; leave it out of one of them`;
}

/**
 * A light check is enough: the file was made from checked recipes and lies beside the program. But
 * no digest is ever taken on trust.
 */
function readCompiled(file: string, files: ReadFile[]): Shelf {
  try {
    const value: unknown = JSON.parse(readText(file, files), reviveDigest);
    const { schema, recipes } = value as { schema?: unknown; recipes?: unknown };
    if (schema !== catalogueSchema) throw new Error(`it has schema ${schema}`);
    if (!Array.isArray(recipes) || !recipes.every(isRecipe)) throw new Error("it has no recipes");
    return { recipes, problems: [] };
  } catch (cause) {
    throw new UserError("config", `cannot use the bundled catalogue ${file}`, {
      cause,
      hint: "Install openclaw-install-skill-deps again.",
    });
  }
}

function reviveDigest(_key: string, value: unknown): unknown {
  const { algorithm, hex } = (value ?? {}) as { algorithm?: unknown; hex?: unknown };
  if (algorithm === undefined || hex === undefined) return value;
  const digest = parseDigest(`${algorithm}:${hex}`);
  if (!digest) throw new Error(`${algorithm}:${hex} is not a digest`);
  return digest;
}

function isRecipe(value: unknown): value is Recipe {
  const recipe = value as Partial<Recipe> | null;
  return (
    typeof recipe?.name === "string" &&
    typeof recipe.version === "string" &&
    typeof recipe.bins === "object" &&
    typeof recipe.artifacts === "object" &&
    Array.isArray(recipe.test) &&
    Array.isArray(recipe.needs)
  );
}

// Synchronous, because parseRecipe asks for its lock files while it runs; they are few and small.
function readText(path: string, files: ReadFile[]): string {
  try {
    const bytes = readFileSync(path);
    if (!files.some((file) => file.path === path)) files.push({ path, sha256: sha256Hex(bytes) });
    return bytes.toString("utf8");
  } catch (cause) {
    throw new UserError("config", `cannot read ${path}`, {
      cause,
      hint: "Check its name and whether this user may read it.",
    });
  }
}

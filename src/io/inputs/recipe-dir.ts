import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describeError, UserError } from "../../core/errors.ts";
import { type Recipe, type RecipeProblem, renderProblem } from "../../core/recipe.ts";
import { type ParsedRecipe, parseRecipe } from "../../core/recipes/file.ts";
import { fileError, isLasting, isThere } from "../files.ts";
import type { ReadFile } from "../input.ts";
import {
  catalogueSchema,
  packagesLine,
  type RecipeSet,
  readText,
  sharedLists,
} from "./recipe-files.ts";

/**
 * Reads one recipe file and the lock files beside it. Throws a UserError (`config`) if it cannot.
 */
export function readRecipeFile(file: string, files: ReadFile[] = []): ParsedRecipe {
  const text = readText(file, files);
  const lock = (name: string): string | undefined => {
    const path = join(dirname(file), name);
    return isThere(path) ? readText(path, files) : undefined;
  };
  return parseRecipe({ text, file, lock });
}

/**
 * The text of dist/catalogue.json: all recipes of a directory with their locks, so that a run reads
 * one file and no YAML. `more`: recipes of another catalogue, which those of the directory hide.
 * Throws a UserError (`recipe`) that lists every problem.
 */
export function compileCatalogue(
  dir: string,
  version: string,
  more: readonly Recipe[] = [],
): string {
  const { recipes: read, problems } = readDirectory(dir, []);
  if (problems.length > 0) throw new UserError("E_RECIPE", problems.map(renderProblem).join("\n"));
  const names = new Set(read.map(({ name }) => name));
  const recipes = similarTogether([...read, ...more.filter(({ name }) => !names.has(name))]);
  const bundled = recipes.map(({ artifacts: _, ...rest }) => ({ ...rest, origin: "bundled" }));
  const head = JSON.stringify({ schema: catalogueSchema, version, recipes: bundled });
  const { artifacts, packages } = shareEqual(recipes.map((recipe) => recipe.artifacts));
  const lines = (values: readonly string[]) => values.map((each) => `\n${each}`).join(",");
  return `${head.slice(0, -1)},"artifacts":[${lines(artifacts)}\n${packagesLine}${lines(packages)}\n]}\n`;
}

/** The artifacts as JSON, with numbers instead of their packages and wheels; and those, each once. */
function shareEqual(all: readonly Recipe["artifacts"][]) {
  const numbers = new Map<string, number>();
  const numberOf = (entry: unknown): number => {
    const text = JSON.stringify(entry);
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
  const artifacts = all.map((each) =>
    JSON.stringify(each, (key, value) =>
      sharedLists.some((list) => list === key) ? value.map(numberOf) : value,
    ),
  );
  return { artifacts, packages: [...numbers.keys()] };
}

/** Recipes of one kind of source together, the short ones first: gzip sees only the last 32 KiB. */
function similarTogether(recipes: readonly Recipe[]): Recipe[] {
  const measured = recipes.map((recipe) => {
    const kind = Object.values(recipe.artifacts).flat()[0]?.kind ?? "";
    return { recipe, kind, length: JSON.stringify(recipe.artifacts).length };
  });
  measured.sort((a, b) => a.kind.localeCompare(b.kind) || a.length - b.length);
  return measured.map(({ recipe }) => recipe);
}

/** Every recipe of a directory; adds the files that were read to `files`. */
export function readDirectory(dir: string, files: ReadFile[]): RecipeSet {
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
      // An unreadable recipe must not be replaced by another one with its name.
      if (!(error instanceof UserError) || error.kind !== "config") throw error;
      problems.push({ file, line: 0, message: describeError(error) });
    }
  }
  return { recipes, problems: [...problems, ...sharedBins(recipes)] };
}

function listDirectory(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch (cause) {
    if (!isLasting(cause)) throw fileError("read", dir, cause);
    throw new UserError("E_RECIPES_DIRECTORY", `cannot read the recipes in ${dir}`, { cause });
  }
}

/** Reported, because which of the two recipes is used depends on the order of their names. */
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
  for (const recipe of recipes) {
    for (const alias of recipe.aliases ?? []) {
      const named = recipes.find((other) => other !== recipe && isCalled(other, alias));
      if (named)
        problems.push({ file: recipe.origin, line: 0, message: sharedAlias(alias, named) });
    }
  }
  return problems;
}

function isCalled({ name, bins, aliases = [] }: Recipe, word: string): boolean {
  return name === word || Object.hasOwn(bins, word) || aliases.includes(word);
}

function sharedAlias(alias: string, { origin }: Recipe): string {
  return `has the alias ${alias}, which is a name in ${origin}; remove it`;
}

function sharedBin(bin: string, owner: Recipe): string {
  return `provides ${bin}, but ${owner.origin} does too and is used; remove it from one of them`;
}

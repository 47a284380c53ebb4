import { UserError } from "../../core/errors.ts";
import { addAliases } from "../../core/plan/aliases.ts";
import type { Catalogue, Recipe, RecipeProblem } from "../../core/recipe.ts";
import type { ReadFile } from "../input.ts";
import { type CompiledCatalogue, parseCompiled } from "./compiled.ts";
import { type RecipeSet, readText } from "./recipe-files.ts";

export interface CatalogueFiles {
  readonly catalogue: Catalogue;
  /** Every file that was read, recipes and locks: for noticing a change. */
  readonly files: readonly ReadFile[];
  readonly problems: readonly RecipeProblem[];
}

/**
 * Loads directories of recipes and then the compiled catalogue: the package's file, or one that was
 * read already. An earlier one hides recipes and programs with the same name. A recipe with problems
 * is left out and hides nothing. Throws a UserError (`config`) if a named directory or the package's
 * catalogue cannot be read.
 */
export async function loadCatalogue(from: {
  dirs: readonly string[];
  compiled?: string | CompiledCatalogue;
}): Promise<CatalogueFiles> {
  const files: ReadFile[] = [];
  const sets: RecipeSet[] = await readDirectories(from.dirs, files);
  const { compiled } = from;
  if (typeof compiled === "string") sets.push(readCompiled(compiled, files));
  else if (compiled) sets.push({ recipes: compiled.recipes, problems: [] });
  const recipes = new Map<string, Recipe>();
  const providers = new Map<string, string>();
  for (const recipe of sets.flatMap((set) => set.recipes)) {
    if (recipes.has(recipe.name)) continue;
    recipes.set(recipe.name, recipe);
    for (const bin of Object.keys(recipe.bins)) {
      if (!providers.has(bin)) providers.set(bin, recipe.name);
    }
  }
  addAliases(
    sets.flatMap((set) => set.recipes),
    { recipes, providers },
  );
  const problems = sets.flatMap((set) => set.problems);
  return { catalogue: { recipes, providers }, files, problems };
}

/** The YAML modules take 15 ms to load, and most hosts have no recipes of their own. */
async function readDirectories(dirs: readonly string[], files: ReadFile[]): Promise<RecipeSet[]> {
  if (dirs.length === 0) return [];
  const { readDirectory } = await import("./recipe-dir.ts");
  return dirs.map((dir) => readDirectory(dir, files));
}

/** The package's own: it was compiled from checked recipes. */
function readCompiled(file: string, files: ReadFile[]): RecipeSet {
  const usable = <T>(read: () => T): T => {
    try {
      return read();
    } catch (cause) {
      if (cause instanceof UserError && cause.kind !== "config") throw cause;
      const message = `cannot use the bundled catalogue ${file}`;
      throw new UserError("E_PACKAGE_DAMAGED", message, { cause });
    }
  };
  const { recipes } = usable(() => parseCompiled(readText(file, files), usable));
  return { recipes, problems: [] };
}

import { sha256Hex } from "../../core/digest.ts";
import type { Recipe, RecipeProblem } from "../../core/recipe.ts";
import { readInput } from "../input.ts";

/**
 * The version of the compiled catalogue's form: one JSON document whose first line has every recipe
 * without its artifacts, and whose next lines have the artifacts of one recipe each, in the same order.
 * So a run parses the locks of the tools that it is asked for, and no others.
 */
export const catalogueSchema = 2;

/** Of all recipes with their locks, and of one (bytes). */
const maxCatalogue = 64 * 1024 * 1024;

export interface ReadFile {
  readonly path: string;
  readonly sha256: string;
}

/** What one directory or the compiled catalogue holds. */
export interface RecipeSet {
  readonly recipes: readonly Recipe[];
  readonly problems: readonly RecipeProblem[];
}

/**
 * Synchronous, because parseRecipe asks for its lock files while it runs; they are few and small.
 * Throws a UserError.
 */
export function readText(path: string, files: ReadFile[]): string {
  const bytes = readInput(path, { maxBytes: maxCatalogue });
  if (!files.some((file) => file.path === path)) files.push({ path, sha256: sha256Hex(bytes) });
  return bytes.toString("utf8");
}

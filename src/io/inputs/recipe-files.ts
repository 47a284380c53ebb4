import { sha256Hex } from "../../core/digest.ts";
import type { Recipe, RecipeProblem } from "../../core/recipe.ts";
import { readInput } from "../input.ts";

/**
 * The version of the compiled catalogue's format: one JSON document. Its first line has every
 * recipe without its artifacts; each further line has the artifacts of one recipe, in the same
 * order. So a run parses only the locks of the tools that it needs.
 */
export const catalogueSchema = 2;

/** Limits for all recipes with their locks, and for one (bytes). */
const maxCatalogue = 64 * 1024 * 1024;

export interface ReadFile {
  readonly path: string;
  readonly sha256: string;
}

/** The contents of one directory or the compiled catalogue. */
export interface RecipeSet {
  readonly recipes: readonly Recipe[];
  readonly problems: readonly RecipeProblem[];
}

/**
 * Synchronous, because parseRecipe reads its lock files while it runs; they are few and small.
 * Throws a UserError.
 */
export function readText(path: string, files: ReadFile[]): string {
  const bytes = readInput(path, { maxBytes: maxCatalogue });
  if (!files.some((file) => file.path === path)) files.push({ path, sha256: sha256Hex(bytes) });
  return bytes.toString("utf8");
}

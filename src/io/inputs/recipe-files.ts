import { maxCatalogue } from "../../core/catalogue-spec.ts";
import { sha256Hex } from "../../core/digest.ts";
import type { Recipe, RecipeProblem } from "../../core/recipe.ts";
import { type ReadFile, readInput } from "../input.ts";

/**
 * The version of the compiled catalogue's format: one JSON document. Its first line has every
 * recipe without its artifacts; each further line has the artifacts of one recipe, in the same
 * order; then, behind a line of its own, each line has one package or wheel of a lock, which
 * artifacts name by its number. So a run parses only the locks of the tools that it needs, and
 * what many locks have is there once.
 */
export const catalogueSchema = 4;

/** The line between artifacts and packages. */
export const packagesLine = '],"packages":[';

/** The lists of an artifact whose elements are numbers in the compiled catalogue. */
export const sharedLists = ["packages", "wheels"] as const;

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

import type { Catalogue, Recipe } from "./recipe.ts";
import { nearest } from "./wording.ts";

/** Where a word was found, best first; the last one means nowhere. */
const rank = { name: 0, beginning: 1, part: 2, description: 3, nowhere: 4 } as const;

/**
 * Recipes that have every word, ignoring case, in the tool's name, its programs' names, its aliases
 * or its description. Best first: a whole name, the beginning of one, a part, the description.
 */
export function searchRecipes(words: readonly string[], { recipes }: Catalogue): Recipe[] {
  const wanted = words.flatMap((word) => word.toLowerCase().split(/\s+/)).filter(Boolean);
  const found = [...recipes.values()].flatMap((recipe) => {
    const ranks = wanted.map((word) => rankOf(word, recipe));
    return ranks.includes(rank.nowhere) ? [] : [{ recipe, worst: Math.max(0, ...ranks) }];
  });
  found.sort((a, b) => a.worst - b.worst || (a.recipe.name < b.recipe.name ? -1 : 1));
  return found.map(({ recipe }) => recipe);
}

function rankOf(word: string, recipe: Recipe): (typeof rank)[keyof typeof rank] {
  const names = namesOf(recipe).map((name) => name.toLowerCase());
  if (names.includes(word)) return rank.name;
  if (names.some((name) => name.split(/[^a-z0-9]/).some((part) => part.startsWith(word))))
    return rank.beginning;
  if (names.some((name) => name.includes(word))) return rank.part;
  return recipe.description.toLowerCase().includes(word) ? rank.description : rank.nowhere;
}

/** The name or alias that is nearest to a mistyped word. */
export function nearestName(word: string, { recipes }: Catalogue): string | undefined {
  return nearest(word, [...recipes.values()].flatMap(namesOf));
}

function namesOf({ name, bins, aliases = [] }: Recipe): string[] {
  return [...new Set([name, ...Object.keys(bins), ...aliases])];
}

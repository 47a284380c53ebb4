/** A program that many skills need does not depend on one server, unless nothing else has it. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadCatalogue } from "../src/io/inputs/catalogue.ts";
import { alone, placesFor, platforms, watchedRecipes } from "./second/sources.ts";
import { repository } from "./support/workplace.ts";

const { catalogue } = await loadCatalogue({ dirs: [join(repository, "recipes")] });
const recipes = watchedRecipes(catalogue);

test.each([...recipes.keys()])("%s has a second source, or a reason why not", (name) => {
  const recipe = catalogue.recipes.get(name);
  if (!recipe) throw new Error(`${name} is no recipe`);
  for (const platform of platforms) {
    const places = placesFor(recipe, platform);
    if (places.length === 0) continue; // there is no build for this processor at all
    const said = alone.has(name) ? "one" : "several";
    const why = `${name} for ${platform.arch}: ${places.join(", ")}`;
    expect(places.length > 1 ? "several" : "one", why).toBe(said);
  }
});

test("reasons are for recipes of this list", () => {
  expect([...alone.keys()].filter((name) => !recipes.has(name))).toEqual([]);
});

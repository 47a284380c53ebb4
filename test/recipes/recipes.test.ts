/**
 * Every recipe once for real: installed by the built command from what this machine reaches, and its smoke test
 * run in OpenClaw's sandbox and on other roots. What was tried today, and has not changed since, is not tried
 * again; `RECIPES=NAME,NAME` tries these.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Recipe } from "../../src/core/recipe.ts";
import { loadCatalogue } from "../../src/io/inputs/catalogue.ts";
import { repository } from "../support/workplace.ts";
import { note, readRows } from "./results.ts";
import { openTrial, type Trial } from "./trial.ts";

const { catalogue } = await loadCatalogue({ dirs: [join(repository, "recipes")] });
const all = [...catalogue.recipes.values()];
const known = all.map(({ name }) => name);
const named = process.env.RECIPES?.split(",");
const date = new Date().toISOString().slice(0, 10);

/** What it is and does; how it is described does not matter. */
function digestOf({ version, test, testFiles, testOutput, bins, artifacts }: Recipe): string {
  const text = JSON.stringify([version, test, testFiles, testOutput, bins, artifacts]);
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

const rows = readRows();
function isDue(recipe: Recipe): boolean {
  const row = rows[recipe.name];
  if (named) return named.includes(recipe.name);
  return row?.result !== "works" || row.date !== date || row.recipe !== digestOf(recipe);
}

let trial: Trial;
beforeAll(async () => {
  trial = await openTrial();
});
afterAll(() => trial.close(), 120_000);

test.each(all.filter(isDue))("$name", async (recipe) => {
  const seen = await trial.attempt(recipe);
  note(recipe.name, { date, recipe: digestOf(recipe), ...seen }, known);
  expect(seen.result, seen.seen).not.toBe("fails");
});

test("there is a row for every recipe", () => {
  if (named === undefined) expect(Object.keys(readRows()).sort()).toEqual([...known].sort());
  else expect(known).toEqual(expect.arrayContaining(named));
});

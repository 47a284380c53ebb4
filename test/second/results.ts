/** What was seen without the first source: a record of which each run replaces rows, and the page made of it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Catalogue } from "../../src/core/recipe.ts";
import { alone, placesFor, platforms, watchedRecipes } from "./sources.ts";

export interface Row {
  /** `2026-11-30`. */
  readonly date: string;
  /** `pypi:uv@0.12.5`: what was used in place of the first source. */
  readonly from: string;
  readonly version: string;
  /** The first line that the program printed. */
  readonly output: string;
  readonly seconds: number;
}
type Rows = Readonly<Record<string, Row>>;

const [record, page] = ["results.json", "results.md"].map((name) =>
  join(import.meta.dirname, name),
) as [string, string];

const rows = (): Rows => (existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : {});

/** Adds the row of a recipe, or replaces it. */
export function note(recipe: string, row: Row): void {
  const all = Object.entries({ ...rows(), [recipe]: row });
  const sorted = Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(record, `${JSON.stringify(sorted, null, 2)}\n`);
}

export function writePage(catalogue: Catalogue): void {
  writeFileSync(page, renderPage(catalogue, rows()));
}

function renderPage(catalogue: Catalogue, seen: Rows): string {
  const programs = watchedRecipes(catalogue);
  const [here] = platforms;
  const all = [...catalogue.recipes.values()].flatMap((recipe) => {
    const places = here ? placesFor(recipe, here) : [];
    const isShown = programs.has(recipe.name) || places.length > 1;
    return isShown ? [{ name: recipe.name, places }] : [];
  });
  const several = all.filter(({ places }) => places.length > 1);
  const cells = several.map(({ name, places: [first = "", ...later] }) => {
    const row = seen[name];
    const what = row ? `${row.version} from ${row.from}: \`${row.output}\`` : "not seen yet";
    const isWatched = programs.has(name) ? `**${name}**` : name;
    return [isWatched, first, later.join(", "), what, row?.date ?? ""];
  });
  const one = all.filter(({ places }) => places.length === 1);
  return `${[
    "# Programs without their first source",
    "`npm run test:second` writes this page: for each recipe with sources from several places it installs the tool with the " +
      "first place unreachable, and runs it. A row that could not be repeated stays, with its date.",
    `## ${several.length} recipes with several places`,
    "Bold: programs of OpenClaw's own skills, and those that most skills name. Places are those for x64 with glibc; a place " +
      "is a registry or a host.",
    tableOf(["recipe", "first", "then", "seen without the first", "when"], cells),
    `## ${one.length} of the most used recipes with one place`,
    tableOf(
      ["recipe", "place", "why"],
      one.map(({ name, places }) => [name, places.join(), alone.get(name) ?? ""]),
    ),
  ].join("\n\n")}\n`;
}

function tableOf(head: readonly string[], body: readonly (readonly string[])[]): string {
  const escaped = body.map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  return [head, head.map(() => "---"), ...escaped].map((it) => `| ${it.join(" | ")} |`).join("\n");
}

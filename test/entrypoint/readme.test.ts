import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rows } from "./rows.ts";

const readme = readFileSync(join(import.meta.dirname, "../../entrypoint/README.md"), "utf8");

/** The cells of the first table below a heading, without its head. */
function tableBelow(heading: string): string[][] {
  const [, below = ""] = readme.split(`\n${heading}\n`);
  const [table = ""] = /(^\|.*\n)+/m.exec(below) ?? [];
  const lines = table.trimEnd().split("\n").slice(2);
  return lines.map((line) => line.slice(2, -2).split(" | "));
}

test("the README's table of what is compared is what freshness-table.test.ts tries, row by row", () => {
  const tried = rows.map(({ what, told, readOnly }) => [what, told, readOnly]);
  expect(tableBelow("## What is checked")).toEqual(tried);
});

test("no row is without a change that tries it", () => {
  expect(rows.filter(({ ways }) => ways.length === 0)).toEqual([]);
});

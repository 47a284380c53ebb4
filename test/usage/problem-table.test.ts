/** The table of problems, beside the code that names them and the page that lists them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { problems } from "../../src/core/problems/table.ts";
import { renderProblems } from "../../src/usage/problem-table.ts";
import { repository } from "../support/workplace.ts";

const read = (...path: string[]) => readFileSync(join(repository, ...path), "utf8");
const codesIn = (text: string) => text.match(/\bE_[A-Z0-9_]+\b/g) ?? [];
/** What may name a problem: the code but for the table, and what is written in sh. */
const sources = [
  ...readdirSync(join(repository, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith("core/problems/"))
    .map((file) => read("src", file)),
  ...readdirSync(join(repository, "entrypoint"))
    .filter((file) => !/\.(md|yaml)$|^(examples|libraries)$/.test(file))
    .map((file) => read("entrypoint", file)),
];
const documents = ["README.md", "entrypoint/README.md", "recipes/README.md", "src/README.md"];

test("problems.md is what the code says (npm run problem-table writes it)", () => {
  expect(read("entrypoint", "problems.md")).toBe(renderProblems());
});

test("every code is of a problem that is told, and no other code is", () => {
  const told = [...new Set(sources.flatMap(codesIn))].sort();
  expect(told).toEqual(Object.keys(problems).sort());
});

test("documents name codes that exist", () => {
  const named = documents.flatMap((file) => codesIn(read(file)));
  expect(named.filter((code) => !Object.hasOwn(problems, code))).toEqual([]);
});

test.each(Object.entries(problems))(
  "%s says its cause and what to do in sentences",
  (code, one) => {
    expect(code).toMatch(/^E(_[A-Z0-9]+)+$/);
    for (const text of [one.cause, one.remedy]) {
      expect(text).toMatch(/^[A-Z`a-z].*\.$/);
      expect(text).not.toMatch(/[|\n]|[^\0-\x7f]/);
    }
  },
);

/** What src/README.md says of the source, beside the source: rooms, the walk, tables and types. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/workplace.ts";
import { page, rowsBelow } from "./pages.ts";

const source = page("src/README.md");
const read = (file = ""): string => readFileSync(join(repository, file), "utf8");
const spansOf = (cell = ""): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text);

test("every folder is on the list of rooms, and what is there is in the source", () => {
  const listed = rowsBelow(source, "Floors and rooms").flatMap(([cell]) => spansOf(cell));
  const folders = readdirSync(join(repository, "src"), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => `${relative(repository, join(parentPath, name))}/`);
  expect(folders.length).toBeGreaterThan(10);
  expect(folders.filter((name) => !listed.includes(name))).toEqual([]);
  expect(listed.filter((name) => !existsSync(join(repository, name)))).toEqual([]);
});

test("the walk names functions of the files that it names", () => {
  const rows = rowsBelow(source, "From SKILL.md to the manifest");
  expect(rows.length).toBeGreaterThan(15);
  const wrong = rows.filter(([, file, called]) => {
    const [name = ""] = spansOf(called);
    const declared = new RegExp(`^(export )?(async )?(function )?${name}\\(`, "m");
    return !declared.test(read(spansOf(file)[0]));
  });
  expect(wrong).toEqual([]);
});

test("a kind of source is in the tables that are named", () => {
  const rows = rowsBelow(source, "A kind of source");
  const wrong = rows.filter(([, file, table]) => {
    const declared = new RegExp(`^(export )?const ${spansOf(table)[0]}\\b`, "m");
    return !declared.test(read(spansOf(file)[0]));
  });
  expect(rows.length).toBeGreaterThan(2);
  expect(wrong).toEqual([]);
});

test("words are those of the types that are named", () => {
  const rows = rowsBelow(source, "Words").filter(([, , type]) => type);
  const wrong = rows.filter(([, , type]) => {
    const [file, name] = spansOf(type);
    return !new RegExp(`^export (interface|type|class) ${name}\\b`, "m").test(read(file));
  });
  expect(rows.length).toBeGreaterThan(10);
  expect(wrong).toEqual([]);
});

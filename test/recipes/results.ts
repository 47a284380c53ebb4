/**
 * What was seen: a record, of which each run replaces the rows of what it could reach, and the page that is
 * made of it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cell, tableOf } from "../support/tables.ts";
import { repository } from "../support/workplace.ts";
import type { Root } from "./setup.ts";

export interface Row {
  /** `2026-11-30`. */
  readonly date: string;
  /** Of the recipe and of its locks, so that a changed one is tried again. */
  readonly recipe: string;
  readonly version: string;
  /** `deb:ffmpeg@7:5.1.9-0+deb12u1`; empty if none could be reached. */
  readonly source: string;
  readonly result: "works" | "fails" | "not reached";
  /** What the smoke test printed; of a row without success, why. */
  readonly seen: string;
  /** Where it was started, and with what result. */
  readonly roots: Partial<Readonly<Record<Root, RootResult>>>;
  /** Of the smoke test in the default sandbox. */
  readonly milliseconds: number;
}

/** `home`: it works with a HOME that it can write to. */
export type RootResult = "works" | "home" | "fails";

const record = join(import.meta.dirname, "results.json");
const page = join(repository, "recipes/seen.md");

export function readRows(): Record<string, Row> {
  return existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : {};
}

/**
 * Adds one row, or replaces it. One that could be reached once stays as it was if it cannot be reached now.
 * Rows of tools that are no longer in `known` go.
 */
export function note(name: string, row: Row, known: readonly string[]): void {
  const rows = readRows();
  const before = rows[name];
  const isKept = row.result === "not reached" && before && before.result !== "not reached";
  if (!isKept) rows[name] = row;
  const sorted = Object.fromEntries(
    known.flatMap((each) => (rows[each] ? [[each, rows[each]]] : [])),
  );
  writeFileSync(record, `${JSON.stringify(sorted, null, 2)}\n`);
  writeFileSync(page, renderPage(sorted));
}

export function renderPage(rows: Readonly<Record<string, Row>>): string {
  const named = Object.entries(rows);
  const of = (result: Row["result"]) => named.filter(([, row]) => row.result === result);
  const isRunning = ({ roots }: Row, root: Root) => ["works", "home"].includes(roots[root] ?? "");
  const count = (root: Root): number => named.filter(([, row]) => isRunning(row, root)).length;
  return `${[
    "# Recipes that were tried",
    "`npm run test:recipes` writes this page: the built command installs each recipe of the catalogue from the registries and " +
      "servers that the machine reaches; then OpenClaw's sandbox (no network, read-only, uid 1000, no capabilities; its home " +
      "cannot be written to) runs the smoke test. So do Debian trixie and, for programs of Debian and static ones, a root " +
      "without glibc (`alpine`: busybox and musl). A row that could not be repeated keeps its date.",
    `${of("works").length} of ${named.length} work, ${of("fails").length} fail, ${of("not reached").length} were not reached; ` +
      `${count("bookworm")} in the sandbox (bookworm), ${count("trixie")} on trixie, ${count("alpine")} without glibc.`,
    tableOf(
      ["recipe", "version", "from", "what it printed", "where", "seen"],
      named
        .filter(([, { result }]) => result !== "not reached")
        .map(([name, row]) => [
          name,
          row.version,
          cell(row.source),
          row.result === "works" ? code(row.seen) : `**fails**: ${cell(row.seen)}`,
          whereOf(row),
          row.date,
        ]),
    ),
    "## No source was reached",
    tableOf(
      ["recipe", "version", "why", "seen"],
      of("not reached").map(([name, row]) => [name, row.version, cell(row.seen), row.date]),
    ),
  ].join("\n\n")}\n`;
}

function code(text: string): string {
  const shown = cell(text).replaceAll("`", "'").slice(0, 80);
  return shown === "" ? "nothing, status 0" : `\`${shown}\``;
}

const shown: Readonly<Record<RootResult, (root: string) => string>> = {
  works: (root) => root,
  home: (root) => `${root} with a HOME to write to`,
  fails: (root) => `not ${root}`,
};

function whereOf({ roots }: Row): string {
  return Object.entries(roots)
    .map(([root, result]) => shown[result](root))
    .join(", ");
}

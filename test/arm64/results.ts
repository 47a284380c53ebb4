/** What was seen on arm64: a record of which each run replaces rows, and the page made of it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cell, tableOf } from "../support/tables.ts";

export interface Row {
  /** `2026-11-30`. */
  readonly date: string;
  readonly version: string;
  readonly works: boolean;
  /** The first line that its smoke test printed; of one that fails, the last. */
  readonly output: string;
}

const [record, page] = ["results.json", "results.md"].map((name) =>
  join(import.meta.dirname, name),
) as [string, string];

/** Adds the row of a recipe, or replaces it. Rows of recipes that are not `known` go. */
export function note(name: string, row: Row, known: readonly string[]): void {
  const before = existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : {};
  const rows: Record<string, Row> = { ...before, [name]: row };
  const kept = known.flatMap((each) => (rows[each] ? [[each, rows[each]] as const] : []));
  writeFileSync(record, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
  writeFileSync(page, renderPage(kept, known));
}

function renderPage(rows: readonly (readonly [string, Row])[], known: readonly string[]): string {
  const failing = rows.filter(([, { works }]) => !works).length;
  const seen = new Set(rows.map(([name]) => name));
  const cells = rows.map(([name, { version, works, output, date }]) => {
    const shown = cell(output).replaceAll("`", "'");
    const said = shown === "" ? "nothing, status 0" : `\`${shown}\``;
    return [name, version, works ? said : `**fails**: ${said}`, date];
  });
  return `${[
    "# Programs for arm64",
    "`npm run test:arm64` writes this page: it installs every recipe with `--platform linux-arm64`, and runs its smoke test in " +
      "a Debian bookworm for arm64, emulated by qemu, as uid 1000 and without a network. A row that could not be repeated " +
      "keeps its date.",
    `${rows.length - failing} of ${rows.length} work, ${failing} fail.`,
    tableOf(["recipe", "version", "what it printed", "seen"], cells),
    "## Not seen",
    "There is no source for arm64, or none was reached: " +
      `${known.filter((name) => !seen.has(name)).join(", ") || "none"}.`,
  ].join("\n\n")}\n`;
}

/**
 * Runs the reliability cases and prints the table: case, tries, wrong, stale files. Exit status 1 where
 * anything is wrong or left behind.
 *
 *   node test/reliability/run.ts [--full] [PART OF A NAME…]
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renderTable } from "../../src/report/text.ts";
import type { Case } from "./case.ts";

const { values, positionals } = parseArgs({
  options: { full: { type: "boolean", default: false } },
  allowPositionals: true,
});
const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".cases.ts"));
const cases: Case[] = [];
for (const file of files.sort()) {
  const module = (await import(join(import.meta.dirname, file))) as { cases: readonly Case[] };
  cases.push(...module.cases);
}

const rows = [["CASE", "TRIES", "WRONG", "STALE", "SECONDS"]];
let bad = 0;
for (const { name, tries, run } of cases) {
  if (positionals.length > 0 && !positionals.some((part) => name.includes(part))) continue;
  if (!values.full && tries.bounded === 0) continue;
  const began = performance.now();
  // What cannot be tried is wrong, and keeps no other case from its try.
  const result = await run(values.full ? tries.full : tries.bounded).catch((error) => ({
    tries: 0,
    wrong: [String(error?.stack ?? error)],
    stale: 0,
  }));
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  for (const line of result.wrong) process.stderr.write(`${name}: ${line}\n`);
  if (result.wrong.length > 0 || result.stale > 0) bad += 1;
  rows.push([name, `${result.tries}`, `${result.wrong.length}`, `${result.stale}`, seconds]);
  process.stderr.write(`${rows.at(-1)?.join("  ")}\n`);
}
process.stdout.write(`${renderTable(rows)}\n`);
process.stdout.write(`${rows.length - 1 - bad} passed, ${bad} failed\n`);
process.exitCode = bad > 0 ? 1 : 0;

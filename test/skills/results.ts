/**
 * What was seen: a record, of which each run replaces the rows of what it tried, and the page that is made of it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cell, tableOf } from "../support/tables.ts";

interface Row {
  /** `2026-11-30`. */
  readonly date: string;
}

/** A real skill. */
interface SkillRow extends Row {
  readonly declaredIn: readonly string[];
  readonly packages: number;
  readonly megabytes: number;
  readonly seconds: number;
  readonly result: "whole" | "in part" | "refused" | "failed";
  /** Empty if it is whole. */
  readonly why: string;
}

/** One of the packages that scripts import most. */
interface ImportRow extends Row {
  readonly version: string;
  /** For Node: by `import`, by `require`. */
  readonly ways: readonly string[];
  /** Empty if it worked. */
  readonly error: string;
}

/** Trees for arm64, by skill. */
interface ForeignRow extends Row {
  readonly compiled: number;
  /** Files that are for another machine. */
  readonly wrong: readonly string[];
}

interface Tables {
  readonly skills: Readonly<Record<string, SkillRow>>;
  readonly imports: Readonly<Record<string, ImportRow>>;
  readonly foreign: Readonly<Record<string, ForeignRow>>;
}

const [record, page] = ["results.json", "results.md"].map((name) =>
  join(import.meta.dirname, name),
) as [string, string];

/** Adds one row, or replaces it; the order is that in which they were seen first. */
export function note<Name extends keyof Tables>(
  table: Name,
  title: string,
  row: Omit<Tables[Name][string], "date">,
): void {
  const empty = { skills: {}, imports: {}, foreign: {} };
  const seen: Tables = existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : empty;
  const date = new Date().toISOString().slice(0, 10);
  const now = { ...seen, [table]: { ...seen[table], [title]: { date, ...row } } };
  writeFileSync(record, `${JSON.stringify(now, null, 2)}\n`);
  writeFileSync(page, renderPage(now));
}

function renderPage({ skills, imports, foreign }: Tables): string {
  const all = Object.values(skills);
  const count = (result: string): number => all.filter((row) => row.result === result).length;
  const compiled = Object.values(foreign).reduce((sum, row) => sum + row.compiled, 0);
  return `${[
    "# Packages of real skills, in a hardened sandbox",
    "`npm run test:skills` writes this page, on a machine that does other work at the same time.",
    `## ${all.length} real skills: ${count("whole")} whole, ${count("in part")} in part, ${count("refused")} refused, ${count("failed")} failed`,
    "The dependency files of skills in public repositories ([real-skills.yaml](real-skills.yaml)) were installed by the built " +
      "command, one run for each, which resolves for the Pythons of the sandbox, the volume and the machine. Then a sandbox " +
      "with OpenClaw's flags (no network, read-only, uid 1000, no capabilities) started a script in each skill that imports " +
      "every module of every package that the skill declares. Size: of the sandbox's trees. In part: a module needs a library " +
      "of the system that the image lacks. Refused: the command said why it installs nothing.",
    tableOf(
      ["skill", "declared in", "packages", "size", "install", "result", "seen"],
      Object.entries(skills).map(([name, row]) => [
        name,
        row.declaredIn.map((file) => `\`${file}\``).join(", "),
        String(row.packages),
        row.megabytes === 0 ? "" : `${row.megabytes} MB`,
        `${row.seconds} s`,
        row.why === "" ? row.result : `${row.result}: ${cell(row.why)}`,
        row.date,
      ]),
    ),
    "## What scripts import most",
    "Each imported once there, as [common-packages.yaml](common-packages.yaml) declares it.",
    tableOf(
      ["package", "version", "by", "result", "seen"],
      Object.entries(imports).map(([name, { version, ways, error, date }]) => [
        name,
        version,
        ways.join(", "),
        error === "" ? "works" : cell(error),
        date,
      ]),
    ),
    "## The same for arm64",
    `The same pins, installed for linux-arm64 on this machine, into volumes without a Python: ${compiled} compiled files, by their ELF headers, and the tags of all wheels.`,
    tableOf(
      ["skill", "compiled files", "for another machine", "seen"],
      Object.entries(foreign).map(([name, row]) => [
        name,
        String(row.compiled),
        cell(row.wrong.join(", ")) || "none",
        row.date,
      ]),
    ),
  ].join("\n\n")}\n`;
}

import { renderTable } from "../../src/report/text.ts";
import type { Cell } from "./growth.ts";
import type { Sample } from "./measure.ts";
import type { Place } from "./place.ts";

/** One contender in one race. */
export interface Line {
  readonly name: string;
  /** Everything is compared with the floor, and the floor is never the best. */
  readonly floor?: boolean;
  readonly samples: Sample[];
  /** Bytes, of runs that were looked at for it. */
  readonly peaks?: readonly number[];
}

/** What was measured side by side. */
export interface Group {
  readonly title: string;
  readonly note: string;
  readonly unit: "ms" | "s";
  readonly lines: readonly Line[];
}

/** A part of the benchmark; it tells each group as soon as it is measured. */
export type Part = (place: Place, tell: (group: Group) => void) => Promise<void>;

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export interface Summary {
  readonly name: string;
  readonly median: number;
  readonly min: number;
}

/** Wall times, in the group's unit. */
export function summarize({ lines, unit }: Group): Summary[] {
  const scale = unit === "ms" ? 1000 : 1;
  return lines.map(({ name, samples }) => {
    const walls = samples.map(({ wall }) => wall * scale);
    return { name, median: medianOf(walls), min: Math.min(...walls) };
  });
}

const head = ["WHAT", "RUNS", "MEDIAN", "MIN", "CPU", "PEAK MB", "x BEST", "x FLOOR"];

/** The rows of a group's table; ratios are of medians. */
function rowsOf(group: Group): string[][] {
  const { lines, unit } = group;
  const scale = unit === "ms" ? 1000 : 1;
  const summaries = summarize(group);
  const medians = (floor: boolean): number[] =>
    summaries.filter((_, i) => (lines[i]?.floor ?? false) === floor).map(({ median }) => median);
  const best = Math.min(...medians(false));
  const floor = medians(true).length > 0 ? Math.min(...medians(true)) : Number.NaN;
  return lines.map(({ name, samples, peaks = [] }, i) => {
    const { median = Number.NaN, min = Number.NaN } = summaries[i] ?? {};
    const cpu = medianOf(samples.map((sample) => sample.cpu * scale));
    const peak = medianOf(peaks) / 1e6;
    const ratios = [median / best, median / floor].map((ratio) => digits(ratio, 2));
    return [
      name,
      `${samples.length}`,
      digits(median),
      digits(min),
      digits(cpu),
      digits(peak, peak < 10 ? 1 : 0),
      ...ratios,
    ];
  });
}

function digits(value: number, after = value < 10 ? 2 : 1): string {
  return Number.isFinite(value) ? value.toFixed(after) : "";
}

export function renderGroup(group: Group): string {
  const rows = [[...head.slice(0, 2), `MEDIAN ${group.unit}`, ...head.slice(3)], ...rowsOf(group)];
  return `${group.title}\n${group.note}\n\n${renderTable(rows)}\n`;
}

const growthHead = ["SKILLS", "PROGRAMS", "STEADY ms", "PLANNING ms", "PEAK MB"];

function growthRows(cells: readonly Cell[]): string[][] {
  return cells.map(({ skills, programs, steady, planning, planningPeak }) => [
    `${skills}`,
    `${programs}`,
    steady === undefined ? "asks Node" : digits(steady * 1000),
    digits(planning * 1000),
    digits(planningPeak / 1e6, 0),
  ]);
}

const growthNote =
  "Steady: sh alone. Planning: through sh and Node, all present but not on record; it is recorded again.";

export function renderGrowth(cells: readonly Cell[]): string {
  return `Growth\n${growthNote}\n\n${renderTable([growthHead, ...growthRows(cells)])}\n`;
}

/** The whole report, with the two charts beside it. */
export function renderMarkdown(
  groups: readonly Group[],
  cells: readonly Cell[],
  machine: readonly (readonly [string, string])[],
): string {
  const parts = [
    "# Results of `npm run bench`\n",
    markdownTable([["machine", ""], ...machine]),
    `${method}\n`,
    "![wall times](results.svg)\n",
    ...groups.flatMap((group) => [
      `## ${group.title}\n`,
      `${group.note} Times in ${group.unit}.\n`,
      markdownTable([lower(head), ...rowsOf(group)]),
    ]),
  ];
  if (cells.length > 0) {
    parts.push("## Growth\n", `${growthNote}\n`, "![growth](growth.svg)\n");
    parts.push(markdownTable([lower(growthHead), ...growthRows(cells)]));
  }
  return parts.join("\n");
}

const columns: readonly (readonly [string, readonly string[]])[] = [
  ["ours", ["ours, read-only", "ours"]],
  ["mise", ["mise, 8 jobs"]],
  ["DotSlash, 4 at once", ["DotSlash, 4 at once"]],
  ["@actions/tool-cache", ["@actions/tool-cache, 4 at once"]],
  ["apt-get install", ["apt-get install: 8 packages"]],
  ["floor", ["sh -c true", "plain Node, 4 at once", "node -e 0", "bytes / bandwidth"]],
];

/** One row per group, medians only: what test/README.md shows. */
export function renderSummary(groups: readonly Group[]): string {
  const rows = groups.map((group) => {
    const summaries = summarize(group);
    const cells = columns.map(([, names]) => {
      const found = summaries.find(({ name }) => names.includes(name));
      return found ? `${digits(found.median)} ${group.unit}` : "";
    });
    return [group.title, ...cells];
  });
  const compared = rows.filter(([, ours]) => ours !== "");
  return markdownTable([["median", ...columns.map(([title]) => title)], ...compared]);
}

const method = `All were measured in turns in one go on one machine, each cold install on a fresh volume. CPU is user and
system time of the whole process tree. Peak memory is the largest sum of the proportional set sizes of all
its processes, by looking into /proc every 4 ms in runs of their own.`;

const lower = (cells: readonly string[]): string[] => cells.map((cell) => cell.toLowerCase());

function markdownTable(rows: readonly (readonly string[])[]): string {
  const [first = [], ...rest] = rows;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = first.map((_, i) => (i === 0 ? "---" : "---:"));
  const left = first.length === 2 ? ["---", "---"] : rule;
  return `${[line(first), line(left), ...rest.map(line)].join("\n")}\n`;
}

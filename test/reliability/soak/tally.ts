/** What a soak counts: changes, how soon they were noticed, what was wrong, memory. */
import { renderTable } from "../../../src/report/text.ts";

/** What a watcher takes: resident memory (kB), open descriptors. */
interface Use {
  readonly memory: number;
  readonly descriptors: number;
}

export interface Tally {
  /** Changes so far. */
  count(): number;
  /** What is wrong from now on is counted for these kinds. */
  begin(kinds: readonly string[], isEnd?: boolean): void;
  /** This kind was chosen where it was not possible. */
  impossible(kind: string): void;
  noticed(kind: string, seconds: number): void;
  wrong(line: string): void;
  stale(paths: readonly string[]): void;
  measure(use: Use): void;
  /** Everything that was wrong, with what the measures say. */
  result(): { wrong: readonly string[]; stale: number };
  table(): string;
}

/** The first changes, after which memory and descriptors must not grow (kB). */
const early = 50;
const growth = 1024;

/** So many changes must have been of every kind. */
const all = 400;

/** For changes of these kinds. */
export function createTally(possible: readonly string[]): Tally {
  const times = new Map<string, number>();
  const inVain = new Map<string, number>();
  const wrongs = new Map<string, number>();
  const seconds = new Map<string, number[]>();
  const lines: string[] = [];
  const uses: { after: number; use: Use }[] = [];
  const stale: string[] = [];
  let current: readonly string[] = ["the start"];
  let count = 0;
  const add = (map: Map<string, number>, kind: string) => map.set(kind, (map.get(kind) ?? 0) + 1);
  return {
    count: () => count,
    begin(kinds, isEnd = false) {
      current = kinds;
      if (isEnd) return;
      count += kinds.length;
      for (const kind of kinds) add(times, kind);
    },
    impossible: (kind) => void add(inVain, kind),
    noticed: (kind, after) => void seconds.set(kind, [...(seconds.get(kind) ?? []), after]),
    wrong(line) {
      for (const kind of new Set(current)) add(wrongs, kind);
      lines.push(`after ${count} changes (${current.join(", ")}): ${line}`);
      process.stderr.write(`${lines.at(-1)}\n`);
    },
    stale: (paths) => void stale.push(...paths),
    measure: (use) => void uses.push({ after: count, use }),
    result() {
      if (stale.length > 0) process.stderr.write(`stale: ${stale.join(" ")}\n`);
      const absent = count < all ? [] : possible.filter((kind) => !times.has(kind));
      const never = absent.map((kind) => `"${kind}" was never possible`);
      return { wrong: [...lines, ...never, ...grown(uses)], stale: stale.length };
    },
    table() {
      const kinds = [...new Set([...possible, ...wrongs.keys()])].sort();
      const rows = kinds.map((kind) => {
        const sorted = [...(seconds.get(kind) ?? [])].sort((a, b) => a - b);
        const shown = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
        const noticed = shown.map((it) => it?.toFixed(1) ?? "");
        const counts = [times, inVain, wrongs].map((it) => `${it.get(kind) ?? 0}`);
        return [kind, ...counts, ...noticed];
      });
      const head = ["CHANGE", "TIMES", "NOT POSSIBLE", "WRONG", "NOTICED (s, median)", "MAX"];
      return `${renderTable([head, ...rows])}\n${count} changes; ${describeUses(uses)}\n`;
    },
  };
}

type Measured = readonly { readonly after: number; readonly use: Use }[];

const most = (uses: Measured, of: keyof Use): number =>
  Math.max(0, ...uses.map(({ use }) => use[of]));
const first = (uses: Measured): Measured => uses.filter(({ after }) => after <= early);
const later = (uses: Measured): Measured => uses.filter(({ after }) => after > early);

function grown(uses: Measured): string[] {
  const [before, after] = [first(uses), later(uses)];
  const isMore = (of: keyof Use, by: number): boolean => most(after, of) > most(before, of) + by;
  return [
    ...(isMore("memory", growth) ? [`memory has grown: ${describeUses(uses)}`] : []),
    ...(isMore("descriptors", 0) ? [`more descriptors are open: ${describeUses(uses)}`] : []),
  ];
}

function describeUses(uses: Measured): string {
  const text = (some: Measured): string =>
    `${most(some, "memory")} kB and ${most(some, "descriptors")} descriptors`;
  return `the watcher took ${text(first(uses))} in the first ${early}, ${text(later(uses))} later`;
}

/** What is wrong after a step of a soak. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { orNothing } from "../../../src/core/or-nothing.ts";
import type { Change } from "./changes.ts";
import type { Tally } from "./tally.ts";
import { healthFiles, type Line, processesOf, type Watcher } from "./watcher.ts";
import type { World } from "./world.ts";

/** Skills that the last run did not see, or that are gone; a run that sees none keeps those of the one before. */
export function notAsRecorded({ volume, skills, away, selected }: World): string[] {
  if (![...skills.values()].some(({ root }) => !away.has(root))) return [];
  const names = selected().map(({ name }) => name);
  const text = orNothing(() => readFileSync(join(volume, "manifest.json"), "utf8")) ?? "{}";
  const { skills: recorded = [] }: { skills?: { name: string }[] } = JSON.parse(text);
  const seen = recorded.map(({ name }) => name);
  return [
    ...names.filter((name) => !seen.includes(name)),
    ...seen.filter((name) => !names.includes(name)),
  ];
}

const isOfWatch = ({ text }: Line): boolean => text.startsWith("watch: ");
export const textsOf = (some: readonly Line[]): string => some.map(({ text }) => text).join(" | ");
const isRetry = ({ text }: Line): boolean => text.includes("trying again what failed");
/** A request of an agent's that had to wait; or what changed just before a run that was due anyway. */
export const isLater = ({ text }: Line): boolean =>
  /the last run left something for later|something has changed since the last run/.test(text);
export const isOfChange = (line: Line): boolean =>
  isOfWatch(line) && !isRetry(line) && !isLater(line);

export function judgeLines(
  said: readonly Line[],
  done: readonly Change[],
  /** Of the step before: what failed then may be tried again only now. */
  former: readonly Change[],
  allowed: ReadonlySet<string>,
  tally: Tally,
): void {
  const most = done.reduce((sum, { lines }) => sum + lines, 0);
  const own = said.filter(isOfChange);
  if (own.length > most) tally.wrong(`${own.length} lines for ${most}: ${textsOf(own)}`);
  const retries = said.filter(isRetry);
  if (retries.length > 0 && ![...former, ...done].some(({ mayFail }) => mayFail)) {
    tally.wrong(`a run failed without a reason: ${textsOf(said).slice(-2000)}`);
  }
  const vain = said.filter((line) => isLater(line) && line.text.includes(": nothing to do"));
  if (vain.length > 0) tally.wrong(`a line, and nothing was done: ${textsOf(vain)}`);
  const installed = said.flatMap(({ text }) => text.match(/tool-\d+(?= 1\.0\.0)/g) ?? []);
  const surplus = installed.filter((name) => !allowed.has(name));
  if (surplus.length > 0) tally.wrong(`nothing needed ${surplus.join(" ")}`);
  if (said.some(({ text }) => text.includes("This is a bug"))) tally.wrong(textsOf(said));
}

/** No process is left but the watcher and what lets it sleep. */
export async function judgeProcesses(
  { child }: Watcher,
  mark: string,
  tally: Tally,
): Promise<void> {
  const others = () =>
    processesOf(mark).filter(
      ({ pid, parent, name }) => pid !== child.pid && !(name === "sleep" && parent === child.pid),
    );
  const left = await eventually(others, (found) => found.length === 0, 20_000);
  if (left.length > 0) tally.wrong(`processes are left: ${JSON.stringify(left)}`);
}

/** A watcher that was killed is replaced by the next one, and one that has ended leaves nothing. */
export function judgeHealth({ place }: World, { child }: Watcher, tally: Tally): void {
  const others = healthFiles(place).filter((path) => !path.includes(`/watch-${child.pid}-`));
  if (others.length > 0) tally.wrong(`health is told of others: ${others.join(" ")}`);
}

/** Nothing is staged but what Nodes that were killed have left. */
export function judgeStaging(volume: string, killed: number, tally: Tally): void {
  const staged = orNothing(() => readdirSync(join(volume, "lib/.staging"))) ?? [];
  if (staged.length > killed) tally.wrong(`staging is left: ${staged.join(" ")}`);
}

/** Asks again and again until it is so, at most so long (ms); what it was at last. */
export async function eventually<T>(
  ask: () => T,
  isSo: (it: T) => boolean,
  most: number,
): Promise<T> {
  const began = performance.now();
  for (;;) {
    const found = ask();
    if (isSo(found) || performance.now() - began > most) return found;
    await sleep(60);
  }
}

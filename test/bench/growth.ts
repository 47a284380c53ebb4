import { join } from "node:path";
import { layout } from "../../src/core/layout.ts";
import { ours } from "./contenders.ts";
import { type Command, peakOf, timeOften, timeOnce } from "./measure.ts";
import { type Place, withoutNode } from "./place.ts";
import { medianOf } from "./report.ts";

/** What a number of skills and of programs costs; seconds and bytes, medians. */
export interface Cell {
  readonly skills: number;
  readonly programs: number;
  /** The sh entrypoint's answer; undefined where it asks Node. */
  readonly steady: number | undefined;
  /** All is present, but no record says so: Node plans, finds nothing to do, and records it. */
  readonly planning: number;
  readonly planningPeak: number;
}

export async function growth(place: Place): Promise<Cell[]> {
  const counts = place.quick ? [10, 100] : [10, 100, 1000];
  const sets = counts.map((count) => place.set(count));
  const server = await place.serve();
  try {
    const cells: Cell[] = [];
    for (const set of sets) {
      const volume = place.fresh("volume");
      for (const skills of counts) {
        const programs = set.fixtures.length;
        place.say(`growth: ${skills} skills, ${programs} programs`);
        const offered = { set, origin: server.origin, dir: place.fresh("growth") };
        const command = ours(offered, skills).command(volume, place.fresh("outside"));
        timeOnce(command); // installs, or adds its record
        cells.push({ skills, programs, ...(await measure(command, volume, place)) });
      }
    }
    return cells;
  } finally {
    await server.close();
  }
}

async function measure(
  command: Command,
  volume: string,
  place: Place,
): Promise<Pick<Cell, "steady" | "planning" | "planningPeak">> {
  const runs = place.quick ? 5 : 15;
  const steady = steadyOf(command, place.quick ? 10 : 50);
  // Moved, not removed: see `onFreshVolume`.
  const aside = 'mv "$0" "$1.$$"';
  const steadyDir = join(volume, layout.freshness);
  const forget: Command = {
    ...command,
    argv: ["sh", "-c", aside, steadyDir, place.fresh("aside")],
  };
  const planned = timeOften(command, runs, forget);
  timeOnce(forget);
  const planningPeak = await peakOf(command);
  return { steady, planning: medianOf(planned.map(({ wall }) => wall)), planningPeak };
}

function steadyOf(command: Command, runs: number): number | undefined {
  const alone = withoutNode(command);
  try {
    timeOnce(alone);
  } catch {
    return undefined;
  }
  return medianOf(timeOften(alone, runs).map(({ wall }) => wall));
}

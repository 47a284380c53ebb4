import { spawnSync } from "node:child_process";
import {
  type Contender,
  dotslash,
  mise,
  ours,
  plainNode,
  refuseHalf,
  toolCache,
} from "./contenders.ts";
import type { FixtureSet } from "./fixtures.ts";
import { type Command, peakOf, timeOnce } from "./measure.ts";
import type { Place } from "./place.ts";
import type { Line, Part } from "./report.ts";

/** An empty volume is filled from a server that is as fast as the machine. */
export const cold: Part = async (place, tell) => {
  const sets = [place.set("set8"), place.set("set40")];
  const server = await place.serve();
  try {
    for (const set of sets) {
      const offered = { set, origin: server.origin, dir: place.fresh(set.name) };
      const contenders = [
        ours(offered),
        mise(offered, place.peers),
        dotslash(offered, place.peers, 1),
        dotslash(offered, place.peers, 4),
        toolCache(offered, place.peers),
        plainNode(offered, place.peers),
      ];
      const lines = await race(contenders, set, place);
      tell({ title: `Cold install: ${set.name}`, note: sizes(set), unit: "s", lines });
    }
  } finally {
    await server.close();
  }
};

function sizes({ fixtures, size, unpacked }: FixtureSet): string {
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  return `${fixtures.length} programs, ${mb(size)} packed, ${mb(unpacked)} unpacked. Ours alone runs each program once, syncs to the disk and records every file's digest; @actions/tool-cache verifies nothing.`;
}

/** In turns, each time on a fresh volume, with nothing of the one before left to be written. */
async function race(
  contenders: readonly Contender[],
  set: FixtureSet,
  place: Place,
): Promise<Line[]> {
  const lines = contenders.map(({ name }): Line & { peaks: number[] } => ({
    name,
    floor: name.startsWith("plain"),
    samples: [],
    peaks: [],
  }));
  const rounds = place.quick ? 3 : 12;
  const looks = place.quick ? 1 : 3;
  for (let round = -1; round < rounds + looks; round += 1) {
    place.say(`cold: ${set.name}, round ${round + 2} of ${rounds + looks + 1}`);
    for (const [i, contender] of contenders.entries()) {
      await onFreshVolume(contender, place, async (command, volume) => {
        if (round >= rounds) return void lines[i]?.peaks.push(await peakOf(command));
        const sample = timeOnce(command);
        if (round >= 0) return void lines[i]?.samples.push(sample);
        refuseHalf(contender, volume, set); // the first one warms up, and is looked at
      });
    }
  }
  return lines;
}

export async function onFreshVolume(
  contender: Contender,
  place: Place,
  work: (command: Command, volume: string) => Promise<void>,
): Promise<void> {
  const [volume, outside] = [place.fresh("volume"), place.fresh("outside")];
  spawnSync("sync", ["-f", place.dir]);
  try {
    await work(contender.command(volume, outside), volume);
  } finally {
    // Emptied, and deleted in the end: an ext4 without a journal passes over what was deleted in the last
    // minutes, so that the next contender's files would take longer and longer to make.
    const empty = ["-type", "f", "-exec", "truncate", "-s", "0", "{}", "+"];
    spawnSync("find", [volume, outside, ...empty]);
  }
}

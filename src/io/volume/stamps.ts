import { lstatSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sha256Hex } from "../../core/digest.ts";
import { layout } from "../../core/layout.ts";
import { orNothing, token, tolerate } from "../files.ts";
import { knownTraits, probe } from "./probe.ts";
import { openDirectory } from "./volume.ts";

/*
 * What metadata prove. On most file systems every change of a file updates its change time, and
 * users cannot set it. Two changes are distinguishable only if the clock has ticked between them.
 */

/**
 * False if change times prove nothing about a volume's files (Samba, sshfs, some FUSE): then only
 * contents do. True if no run has probed it yet.
 */
export function timesProve(prefix: string): boolean {
  return (knownTraits(prefix)?.changeTimes ?? "move") === "move";
}

/** The same; if no run has probed it yet, this one does, if it can write. */
export async function tryTimes(prefix: string): Promise<boolean> {
  if (knownTraits(prefix) === undefined) {
    // If it cannot, nothing is known about the files.
    await tolerate(openDirectory(prefix, layout.staging).then(() => probe(prefix)));
  }
  return timesProve(prefix);
}

/** A tree's names and times at one moment. */
interface Stamped {
  /** The hash of all paths, sizes and change times: it changes with anything in the tree. */
  readonly fingerprint: string;
  /** The latest change time (ns). */
  readonly latest: bigint;
}

/**
 * Reads the times of everything in a tree. The latest time alone is not enough: clocks of servers
 * and containers differ, and can be set. Inodes are not compared, because many file systems
 * renumber them at each mount; a file that is renamed over another one shows by its own change time
 * or by its directory's. Synchronous: every start stats every file, and the thread pool takes ten
 * times as long. Throws the original system error.
 */
export function stampsOf(root: string): Stamped {
  const rows: string[] = [];
  let latest = 0n;
  // Not by the types of a directory listing: see `entriesIn`.
  const visit = (path: string, below: string): void => {
    const stats = lstatSync(path, { bigint: true });
    const { ctimeNs, size } = stats;
    const isDirectory = stats.isDirectory();
    rows.push(`${below}\0${isDirectory ? "" : size} ${ctimeNs}`);
    if (ctimeNs > latest) latest = ctimeNs;
    if (!isDirectory) return;
    for (const name of readdirSync(path)) visit(join(path, name), `${below}/${name}`);
  };
  visit(root, "");
  return { fingerprint: sha256Hex(rows.sort().join("\n")).slice(0, 32), latest };
}

/** Clocks of most file systems tick every 10 ms or faster; some only every 2 s (ms). */
const [usualTick, longestTick] = [60, 2200];

/**
 * The time of a directory's file system (ns), after `time`, so that later changes get another time than it. Waits for
 * the next tick, but for ticks of whole seconds only if `patient`. Undefined if nothing can be written, or if the
 * clock does not get there.
 */
export async function timeAfter(
  dir: string,
  time: bigint,
  patient = false,
): Promise<bigint | undefined> {
  const mark = join(dir, `.${token()}.tmp`);
  const began = performance.now();
  const ticked = async (): Promise<bigint | undefined> => {
    for (let pause = 4; ; pause = Math.min(2 * pause, 100)) {
      writeFileSync(mark, "");
      const now = lstatSync(mark, { bigint: true }).ctimeNs;
      if (now > time) return now;
      const isWhole = now % 1_000_000_000n === 0n;
      const most = patient && isWhole ? longestTick : usualTick;
      if (performance.now() - began > most) return undefined;
      await sleep(pause);
    }
  };
  try {
    return await tolerate(ticked());
  } finally {
    orNothing(() => rmSync(mark, { force: true }));
  }
}

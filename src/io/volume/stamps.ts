import { lstatSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sha256Hex } from "../../core/digest.ts";
import { layout } from "../../core/layout.ts";
import { orNothing, token, tolerate } from "../files.ts";
import { knownTraits, probe } from "./probe.ts";
import { openDirectory } from "./volume.ts";

/*
 * What metadata prove. A change time moves with every change of a file and nobody can set it, on most
 * file systems; and it tells two changes apart only where the clock has ticked between them.
 */

/**
 * False where change times prove nothing about a volume's files (Samba, sshfs, some FUSE): only their
 * bytes do. True too where no run has tried yet.
 */
export function timesProve(prefix: string): boolean {
  return (knownTraits(prefix)?.changeTimes ?? "move") === "move";
}

/** The same; where no run has tried yet, this one does, if it can write. */
export async function tryTimes(prefix: string): Promise<boolean> {
  if (knownTraits(prefix) === undefined) {
    // Where it cannot, that tells nothing of what is there.
    await tolerate(openDirectory(prefix, layout.staging).then(() => probe(prefix)));
  }
  return timesProve(prefix);
}

/** A tree's names and times as they were seen. */
interface Stamped {
  /** Of all paths, sizes and change times: another one as soon as anything in the tree changes. */
  readonly fingerprint: string;
  /** The latest change time (ns). */
  readonly latest: bigint;
}

/**
 * Looks at the times of everything in a tree. Not only at the latest: clocks of servers and containers
 * are apart, and set. No inode is compared, because many file systems number them anew at each mount;
 * a file that is moved over another one shows by its own change time or by its directory's.
 * Synchronous: every start looks at every file, and the thread pool takes ten times as long. Throws the
 * system's own error.
 */
export function stampsOf(root: string): Stamped {
  const rows: string[] = [];
  let latest = 0n;
  // Not by the types of a listing: see `entriesIn`.
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

/** Most file systems' clocks tick every 10 ms or faster; those of some only every 2 s (ms). */
const [usualTick, longestTick] = [60, 2200];

/**
 * True where a directory's file system has gone on to a later tick than `time` (ns), so that what changes
 * from now on gets another time than that. Waits for it, but not for ticks of whole seconds unless it
 * is `patient`. False where nothing can be written.
 */
export async function hasTicked(dir: string, time: bigint, patient = false): Promise<boolean> {
  const mark = join(dir, `.${token()}.tmp`);
  const began = performance.now();
  const ticked = async (): Promise<boolean> => {
    for (let pause = 4; ; pause = Math.min(2 * pause, 100)) {
      writeFileSync(mark, "");
      const now = lstatSync(mark, { bigint: true }).ctimeNs;
      if (now > time) return true;
      const isWhole = now % 1_000_000_000n === 0n;
      const most = patient && isWhole ? longestTick : usualTick;
      if (performance.now() - began > most) return false;
      await sleep(pause);
    }
  };
  try {
    return (await tolerate(ticked())) === true;
  } finally {
    orNothing(() => rmSync(mark, { force: true }));
  }
}

/**
 * One call of a run fails, each in turn, with each error that a disk or a network file system has.
 * Whatever the run came to, three things must hold:
 *  - its status says so: 0 (it went on without), 5 (try again) or 3 under --strict; never a bug, never
 *    "integrity", never a usage error; and what was there before still runs;
 *  - the next run, undisturbed, ends with status 0 and every program right;
 *  - nothing that was recorded is lost.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Case } from "./case.ts";
import { readListed } from "./support/account.ts";
import { type FaultyDisk, hasFuse, mountFaulty } from "./support/faulty.ts";
import { describeEnd, forEachOf, openStand, type Stand, type Volume } from "./support/stand.ts";

interface Verb {
  readonly name: string;
  readonly args: readonly string[];
  /** False: the run finds an empty volume. */
  readonly onFull: boolean;
  /** Of the newer catalogue. */
  readonly newer?: boolean;
  /** No longer there afterwards. */
  readonly takesAway?: string;
}

const verbs: readonly Verb[] = [
  { name: "install", args: [], onFull: false },
  { name: "plain run", args: [], onFull: true },
  { name: "force", args: ["--force-reinstall"], onFull: true },
  { name: "update", args: ["update"], onFull: true, newer: true },
  { name: "remove", args: ["remove", "pak"], onFull: true, takesAway: "pak" },
  { name: "gc", args: ["gc"], onFull: true },
  { name: "doctor", args: ["doctor", "--deep"], onFull: true },
  { name: "repair", args: ["doctor", "--repair"], onFull: true },
  { name: "export", args: ["bundle", "export", "EXPORT"], onFull: true },
];

/** What a call of this kind may answer. */
function errorsOf(call: string): readonly string[] {
  const changes = /^(mkdir|symlink|rename|link|create|write|flush|fsync|fsyncdir|truncate) /;
  return changes.test(call) ? ["EIO", "ENOSPC", "EDQUOT", "ESTALE"] : ["EIO", "ESTALE"];
}

interface Point {
  readonly verb: Verb;
  readonly at: number;
  readonly call: string;
  readonly errno: string;
}

interface Bench {
  readonly stand: Stand;
  readonly volume: Volume;
  readonly disk: FaultyDisk;
  /** A volume with everything in it, to begin each try with. */
  readonly full: Volume;
  readonly dir: string;
}

async function openBench(): Promise<Bench & { close(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), "errno-"));
  const disk = await mountFaulty(dir, ["names=5"]);
  const stand = await openStand();
  const full = stand.volume();
  const { status, stderr } = await full.run({ catalogue: stand.first });
  if (status !== 0) throw new Error(`cannot prepare a volume: ${stderr}`);
  const volume = stand.volume(join(disk.path, "volume"));
  return {
    stand,
    volume,
    disk,
    full,
    dir,
    async close() {
      disk.close();
      await stand.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Fresh for the next try. */
function reset({ volume, full }: Bench, { onFull }: Verb): void {
  if (onFull) volume.copyFrom(full.prefix);
  else volume.empty();
  volume.renew();
}

const commandOf = ({ stand, dir }: Bench, { args, newer }: Verb) => ({
  catalogue: newer ? stand.newer : stand.first,
  args: args.map((word) => (word === "EXPORT" ? join(dir, "volume.tar.gz") : word)),
});

/** The calls of a run that nothing disturbs. */
async function pointsOf(bench: Bench, verb: Verb): Promise<Point[]> {
  reset(bench, verb);
  bench.disk.record();
  const ran = await bench.volume.run(commandOf(bench, verb));
  const calls = bench.disk.recorded();
  if (ran.status !== 0) throw new Error(`${verb.name} fails by itself: ${describeEnd(ran)}`);
  return calls.flatMap((call, i) =>
    errorsOf(call).map((errno) => ({ verb, at: i + 1, call, errno })),
  );
}

/** A line for everything that is not as it must be. */
async function tryPoint(bench: Bench, point: Point): Promise<string[]> {
  const { volume, stand, disk } = bench;
  const { verb, at, errno } = point;
  const wrong: string[] = [];
  reset(bench, verb);
  const known = Object.keys(readListed(volume.prefix)?.tools ?? {});
  disk.failAt(at, errno);
  const ran = await volume.run(commandOf(bench, verb));
  // Other threads of the run may have gone first: it need not be the call that was recorded.
  const how = `${verb.name}, ${errno} at call ${at} (${disk.heal() ?? "none"})`;
  if (ran.status !== 0 && ran.status !== 5) wrong.push(`${how}: ${describeEnd(ran)}`);
  else if (/This is a bug/.test(ran.stderr)) wrong.push(`${how}: called a bug`);
  const versions = verb.newer ? [stand.first, stand.newer] : [stand.first];
  const listed = Object.keys(readListed(volume.prefix)?.tools ?? {});
  for (const tool of known.filter((name) => name !== verb.takesAway)) {
    if (!listed.includes(tool)) wrong.push(`${how}: ${tool} is no longer recorded`);
  }
  if (verb.onFull && verb.takesAway === undefined) {
    const found = await volume.wrongPrograms(versions);
    wrong.push(...found.map((line) => `${how}; right after it: ${line}`));
  }
  const next = await volume.run({ catalogue: stand.first });
  if (next.status !== 0) wrong.push(`${how}; the next run: ${describeEnd(next)}`);
  const found = await volume.wrongPrograms(versions);
  wrong.push(...found.map((line) => `${how}; after the next run: ${line}`));
  return wrong;
}

/** So many of them: as many of each kind of call, spread evenly over the run and the errors. */
function sample(all: readonly Point[], most: number): Point[] {
  const kinds = new Map<string, Point[]>();
  for (const point of all) {
    const [kind = ""] = point.call.split(" ");
    kinds.set(kind, [...(kinds.get(kind) ?? []), point]);
  }
  return [...kinds.values()].flatMap((some) => {
    const share = Math.min(some.length, Math.ceil(most / kinds.size));
    return Array.from(
      { length: share },
      (_, i) => some[Math.floor(((i + 0.5) * some.length) / share)] as Point,
    );
  });
}

const lanes = 2;

const eachCall: Case = {
  name: `one failing call${hasFuse ? "" : " (skipped: needs root, FUSE and gcc)"}`,
  // Some of them still end wrongly, so that only --full tries them.
  tries: { bounded: 0, full: hasFuse ? 3000 : 0 },
  async run(most) {
    const benches = await Promise.all(Array.from({ length: lanes }, openBench));
    try {
      const points: Point[] = [];
      for (const verb of verbs) {
        const all = await pointsOf(benches[0] as Bench, verb);
        points.push(...sample(all, most / verbs.length));
      }
      const free = [...benches];
      const wrong = await forEachOf(points, lanes, async (point) => {
        const bench = free.pop() as Bench;
        try {
          return await tryPoint(bench, point);
        } finally {
          free.push(bench as (typeof benches)[number]);
        }
      });
      return { tries: points.length, wrong: wrong.flat(), litter: 0 };
    } finally {
      await Promise.all(benches.map((bench) => bench.close()));
    }
  },
};

export const cases: readonly Case[] = [eachCall];

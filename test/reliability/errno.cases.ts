/**
 * Single calls of a run fail: each in turn, alone or with those that follow it, with each error that a
 * disk or a network file system has; or any of them by chance. Whatever the run came to, these must hold:
 *  - its status says so: 0 (it went on without) or 5 (try again), never a bug, never "integrity", never a
 *    usage error; and what it says with 5 names the disk; what was there before still runs;
 *  - what it printed with status 0 is right;
 *  - nothing that was recorded is lost;
 *  - the next run, undisturbed, ends with status 0 and every program right.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathWithoutNode } from "../support/without-node.ts";
import type { Case } from "./case.ts";
import { readListed } from "./support/account.ts";
import { type FaultyDisk, hasFuse, mountFaulty } from "./support/faulty.ts";
import {
  describeEnd,
  type Finished,
  forEachOf,
  openStand,
  type Stand,
  type Volume,
} from "./support/stand.ts";

interface Verb {
  readonly name: string;
  readonly args: readonly string[];
  /** What the run finds. Default: `full`. `steady`: a volume that the entrypoint answers for. */
  readonly finds?: "empty" | "full" | "steady";
  /** Of the newer catalogue. */
  readonly newer?: boolean;
  /** No longer there afterwards. */
  readonly takesAway?: string;
  /** What it prints where its status is 0; it changes nothing. */
  readonly prints?: RegExp;
}

const verbs: readonly Verb[] = [
  { name: "install", args: [], finds: "empty" },
  { name: "import", args: ["bundle", "import", "BUNDLE"], finds: "empty" },
  { name: "plain run", args: [] },
  { name: "force", args: ["--force-reinstall"] },
  { name: "update", args: ["update"], newer: true },
  { name: "remove", args: ["remove", "pak"], takesAway: "pak" },
  { name: "gc", args: ["gc"] },
  { name: "repair", args: ["doctor", "--repair"] },
  { name: "doctor", args: ["doctor", "--deep"], prints: /./ },
  { name: "export", args: ["bundle", "export", "EXPORT"], prints: /^[0-9a-f]{64} {2}/ },
  { name: "list", args: ["list"], prints: /gog.*hub.*node.*pak/s },
  { name: "outdated", args: ["outdated"], newer: true, prints: /gog.*hub/s },
  { name: "sh alone", args: [], finds: "steady", prints: /(?:)/ },
];

/** What a call of this kind may answer. */
function errorsOf(call: string): readonly string[] {
  const changes = /^(mkdir|symlink|rename|link|create|write|flush|fsync|fsyncdir|truncate) /;
  const full = changes.test(call) ? ["ENOSPC", "EDQUOT"] : [];
  const files = /^(open|create|readdir) /.test(call) ? ["EMFILE"] : [];
  const network = ["ETIMEDOUT", "ENOTCONN", "EREMOTEIO", "EHOSTDOWN"];
  return ["EIO", "ESTALE", ...full, ...files, ...network, "ENOMEM"];
}

interface Point {
  readonly verb: Verb;
  readonly errno: string;
  readonly fault:
    | { readonly at: number; readonly call: string; readonly count: number }
    | { readonly oneOf: number; readonly seed: number };
}

interface Bench {
  readonly stand: Stand;
  readonly volume: Volume;
  readonly disk: FaultyDisk;
  /** A volume with everything in it, to begin each try with; and the same as a bundle. */
  readonly full: Volume;
  readonly bundle: string;
  readonly dir: string;
  readonly withoutNode: string;
  /** What the volume is, where nothing has changed it since. */
  holds: Verb["finds"] | undefined;
}

async function openBench(): Promise<Bench & { close(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), "errno-"));
  const disk = await mountFaulty(dir, ["names=5"]);
  const stand = await openStand();
  const full = stand.volume();
  const bundle = join(dir, "bundle.tar.gz");
  for (const args of [[], ["bundle", "export", bundle]]) {
    const { status, stderr } = await full.run({ catalogue: stand.first, args });
    if (status !== 0) throw new Error(`cannot prepare a volume: ${stderr}`);
  }
  return {
    stand,
    volume: stand.volume(join(disk.path, "volume")),
    disk,
    full,
    bundle,
    dir,
    withoutNode: pathWithoutNode(),
    holds: undefined,
    async close() {
      disk.close();
      await stand.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Fresh for the next try. */
async function reset(bench: Bench, { finds = "full", prints }: Verb): Promise<void> {
  const { volume, full, stand } = bench;
  volume.renew();
  if (bench.holds !== finds) {
    if (finds === "empty") volume.empty();
    else volume.copyFrom(full.prefix);
    if (finds === "steady") await volume.run({ catalogue: stand.first });
  }
  bench.holds = prints ? finds : undefined;
}

async function runVerb(bench: Bench, { args, newer, finds }: Verb): Promise<Finished> {
  const { stand, volume, dir, bundle, withoutNode } = bench;
  const files: Record<string, string> = { EXPORT: join(dir, "volume.tar.gz"), BUNDLE: bundle };
  const alone = { PATH: withoutNode, OPENCLAW_SKILL_DEPS_NODE: "" };
  return await volume.run({
    catalogue: newer ? stand.newer : stand.first,
    args: args.map((word) => files[word] ?? word),
    ...(finds === "steady" && { env: alone }),
  });
}

/** Calls that fail alone, with the next two, or with so many that no second try helps. */
const counts = [1, 1, 1, 3, 40];

/** The calls of a run that nothing disturbs. */
async function pointsOf(bench: Bench, verb: Verb): Promise<Point[]> {
  await reset(bench, verb);
  bench.disk.record();
  const ran = await runVerb(bench, verb);
  const calls = bench.disk.recorded();
  if (ran.status !== 0) throw new Error(`${verb.name} fails by itself: ${describeEnd(ran)}`);
  return calls.flatMap((call, i) =>
    errorsOf(call).map((errno, j) => {
      const count = counts[(i + j) % counts.length] as number;
      return { verb, errno, fault: { at: i + 1, call, count } };
    }),
  );
}

interface Recorded {
  readonly tools?: Readonly<Record<string, unknown>>;
  readonly skills?: readonly { readonly name: string }[];
  readonly requested?: readonly string[];
}

/** What the manifest has, a word each. */
function recordedIn(prefix: string): string[] {
  const { tools = {}, skills = [], requested = [] } = (readListed(prefix) ?? {}) as Recorded;
  return [
    ...Object.keys(tools).map((tool) => `the tool ${tool}`),
    ...skills.map(({ name }) => `the skill ${name}`),
    ...requested.map((tool) => `the wish for ${tool}`),
  ];
}

/** What is wrong with a run's status and words. */
function wrongEnd(ran: Finished, { prints, finds }: Verb, path: string): string[] {
  const { status, stdout, stderr } = ran;
  if (status !== 0 && status !== 5) return [describeEnd(ran)];
  if (/This is a bug/.test(stderr)) return ["called a bug"];
  const isTold = status === 0 || stderr.includes(path) || finds === "steady";
  if (!isTold) return [`does not name the disk: ${describeEnd(ran)}`];
  const isRight = status !== 0 || !prints || prints.test(stdout);
  return isRight ? [] : [`prints ${JSON.stringify(stdout.slice(0, 300))}`];
}

/** A line for everything that is not as it must be. */
async function tryPoint(bench: Bench, { verb, errno, fault }: Point): Promise<string[]> {
  const { volume, stand, disk } = bench;
  await reset(bench, verb);
  const known = recordedIn(volume.prefix);
  if ("at" in fault) disk.failAt(fault.at, errno, fault.count);
  else disk.failByChance(fault.oneOf, errno, fault.seed);
  const ran = await runVerb(bench, verb);
  // Other threads of the run may have gone first: it need not be the call that was recorded.
  const [failed = "none", ...others] = disk.heal();
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  const where = "at" in fault ? `call ${fault.at}` : `seed ${fault.seed}`;
  const how = `${verb.name}, ${errno} at ${where} (${failed}${more})`;
  const wrong = wrongEnd(ran, verb, disk.path).map((line) => `${how}: ${line}`);
  const kept = recordedIn(volume.prefix);
  for (const word of known) {
    const isMeant = word.endsWith(` ${verb.takesAway}`) && !word.startsWith("the skill");
    if (!kept.includes(word) && !isMeant) wrong.push(`${how}: LOST ${word}`);
  }
  if (verb.prints) return wrong;
  const versions = verb.newer ? [stand.first, stand.newer] : [stand.first];
  if (verb.finds !== "empty" && verb.takesAway === undefined) {
    const found = await volume.wrongPrograms(versions);
    wrong.push(...found.map((line) => `${how}; right after it: ${line}`));
  }
  const next = await volume.run({ catalogue: stand.first });
  if (next.status !== 0) wrong.push(`${how}; the next run: ${describeEnd(next)}`);
  const found = await volume.wrongPrograms(versions);
  wrong.push(...found.map((line) => `${how}; after the next run: ${line}`));
  return wrong;
}

/** So many of them: of as many kinds of call as there are, spread evenly over the run and the errors. */
function sample(all: readonly Point[], most: number, turn: number): Point[] {
  const kinds = new Map<string, Point[]>();
  for (const point of all) {
    const [kind = ""] = "call" in point.fault ? point.fault.call.split(" ") : [];
    const found = kinds.get(kind);
    if (found) found.push(point);
    else kinds.set(kind, [point]);
  }
  // With fewer tries than kinds, each verb has others of them.
  const some = [...kinds.values()];
  const first = (turn * most) % some.length;
  const inTurn = [...some.slice(first), ...some.slice(0, first)].slice(0, most);
  return inTurn.flatMap((points) => {
    const share = Math.min(points.length, Math.ceil(most / inTurn.length));
    const at = (i: number): number => Math.floor(((i + 0.5) * points.length) / share);
    // Odd steps meet each of the errors.
    return Array.from({ length: share }, (_, i) => {
      const shifted = Math.min(points.length - 1, at(i) + ((turn + i) % 7));
      return points[shifted] as Point;
    });
  });
}

const lanes = 2;

async function tryAll(pointsFor: (bench: Bench) => Promise<Point[]>) {
  const benches = await Promise.all(Array.from({ length: lanes }, openBench));
  try {
    const points = await pointsFor(benches[0] as Bench);
    const free = [...benches];
    const wrong = await forEachOf(points, lanes, async (point) => {
      const bench = free.pop() as (typeof benches)[number];
      try {
        return await tryPoint(bench, point);
      } finally {
        free.push(bench);
      }
    });
    return { tries: points.length, wrong: wrong.flat(), stale: 0 };
  } finally {
    await Promise.all(benches.map((bench) => bench.close()));
  }
}

const skipped = hasFuse ? "" : " (skipped: needs root, FUSE and gcc)";

const eachCall: Case = {
  name: `one failing call${skipped}`,
  tries: hasFuse ? { bounded: 20, full: 3000 } : { bounded: 0, full: 0 },
  run: (most) =>
    tryAll(async (bench) => {
      const points: Point[] = [];
      for (const [turn, verb] of verbs.entries()) {
        const all = await pointsOf(bench, verb);
        points.push(...sample(all, Math.ceil(most / verbs.length), turn));
      }
      return points;
    }),
};

const byChance: Case = {
  name: `failing calls by chance${skipped}`,
  tries: hasFuse ? { bounded: 4, full: 200 } : { bounded: 0, full: 0 },
  run: (most) =>
    tryAll(async () => {
      const some = verbs.filter(({ prints }) => prints === undefined);
      return Array.from({ length: most }, (_, seed) => ({
        verb: some[seed % some.length] as Verb,
        errno: ["EIO", "ESTALE", "ENOSPC"][seed % 3] as string,
        fault: { oneOf: [500, 500, 2000, 100][seed % 4] as number, seed },
      }));
    }),
};

export const cases: readonly Case[] = [eachCall, byChance];

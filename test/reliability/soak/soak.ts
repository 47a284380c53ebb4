/**
 * `watch` for hours, while skills, config, volume and watcher change at random. After each step, of one change
 * or a few, it is waited until nothing moves any more; then all that skills in view need is there and starts,
 * nothing else was installed, and nothing is left over.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { orNothing } from "../../../src/core/or-nothing.ts";
import { chance } from "../../support/random.ts";
import { findStale, letHoursPass } from "../support/account.ts";
import { answer, runBuilt } from "../support/trial.ts";
import { type Change, changes } from "./changes.ts";
import {
  eventually,
  isLater,
  isOfChange,
  judgeHealth,
  judgeLines,
  judgeProcesses,
  judgeStaging,
  notAsRecorded,
  textsOf,
} from "./judge.ts";
import { mayWait, notAnswered } from "./requests.ts";
import { createTally, type Tally } from "./tally.ts";
import {
  childrenOf,
  healthOf,
  type Line,
  nodesOf,
  processesOf,
  startWatcher,
  uptime,
  useOf,
  type Watcher,
} from "./watcher.ts";
import { openWorld, type World } from "./world.ts";

/** What a change may do to the soak. */
export interface Soak {
  readonly world: World;
  wrong(line: string): void;
  signal(name: NodeJS.Signals): boolean;
  /** Ends the watcher and starts another one. */
  restart(signal: NodeJS.Signals): Promise<void>;
  /** Nodes that were killed: what they have staged stays for ten minutes. */
  readonly killed: number;
  /** Kills the next Node that runs; false if none does. */
  killNode(): Promise<boolean>;
}

/** How long something may take until it counts as missed (ms). */
const patience = 90_000;

export async function runSoak(count: number, seed: number): Promise<Tally> {
  const mark = randomBytes(8).toString("hex");
  const world = await openWorld(chance(seed), mark);
  const tally = createTally(possibleChanges(world).map(({ kind }) => kind));
  const lines: Line[] = [];
  let watcher = startWatcher(world, lines);
  let killed = 0;
  const soak: Soak = {
    world,
    get killed() {
      return killed;
    },
    wrong: tally.wrong,
    signal: (name) => watcher.child.kill(name),
    async restart(signal) {
      const end = await watcher.end(signal);
      const expected = signal === "SIGKILL" ? signal : 143;
      if (end !== expected) tally.wrong(`the watcher ended with ${end} on ${signal}`);
      watcher = startWatcher(world, lines);
    },
    async killNode() {
      const [node] = await eventually(
        () => nodesOf(mark),
        (found) => found.length > 0,
        5000,
      );
      if (!node || !orNothing(() => process.kill(node.pid, "SIGKILL"))) return false;
      killed += 1;
      return true;
    },
  };
  try {
    await settle(world, () => watcher, lines, tally);
    const former: Change[] = [];
    while (tally.count() < count) {
      await step(soak, () => watcher, lines, tally, mark, former);
      if (hasEnded(watcher)) throw new Error("the watcher has ended by itself");
    }
    await end(world, watcher, tally, mark);
  } catch (error) {
    tally.wrong(`the soak itself failed: ${error instanceof Error ? error.stack : error}`);
    await watcher.end("SIGKILL");
  } finally {
    await world.close();
  }
  return tally;
}

/** A change, or some with little time between them; then quiet, and the checks. `former`: the step before. */
async function step(
  soak: Soak,
  watcher: () => Watcher,
  lines: readonly Line[],
  tally: Tally,
  mark: string,
  former: Change[],
): Promise<void> {
  const { world } = soak;
  const from = lines.length;
  const allowed = world.needed();
  const done: { change: Change; at: number }[] = [];
  for (
    let times = world.chance.below(5) < 3 ? 1 : 2 + world.chance.below(3);
    times > 0;
    times -= 1
  ) {
    const change = choose(world);
    const at = performance.now();
    if (!(await change.run(soak))) {
      tally.impossible(change.kind);
      continue;
    }
    done.push({ change, at });
    if (change.mayFail || change.isRestart) mayWait(world.requests);
    for (const bin of [...world.needed(), ...world.requests.tools]) allowed.add(bin);
    await sleep(world.chance.below(400));
  }
  tally.begin(done.map(({ change }) => change.kind));
  await settle(world, watcher, lines, tally, !done.some(({ change }) => change.isRestart));
  const said = lines.slice(from);
  const [only] = done;
  if (done.length === 1 && only?.change.isSeen) {
    const seen = said.find((it) => it.at >= only.at && isOfChange(it));
    // A run that was due anyway may have seen it first.
    const isDone = said.some(isLater);
    if (seen) tally.noticed(only.change.kind, (seen.at - only.at) / 1000);
    else if (!only.change.isQuiet && !isDone) {
      tally.wrong(`"${only.change.kind}" was not noticed; it said: ${textsOf(said)}`);
    }
  }
  const kinds = done.map(({ change }) => change);
  judgeLines(said, kinds, former, allowed, tally);
  if (kinds.length > 0) former.splice(0, former.length, ...kinds);
  await judgeProcesses(watcher(), mark, tally);
  judgeHealth(world, watcher(), tally);
  judgeStaging(world.volume, soak.killed, tally);
  tally.measure(await useAtRest(watcher().child.pid ?? 0));
}

/** A measure while it waits: a look that is under way has a pipe open. */
async function useAtRest(pid: number): Promise<ReturnType<typeof useOf>> {
  const isWaiting = () => orNothing(() => childrenOf(pid).includes("sleep")) ?? false;
  await eventually(isWaiting, (it) => it, 10_000);
  return useOf(pid);
}

const hasEnded = ({ child }: Watcher): boolean =>
  child.exitCode !== null || child.signalCode !== null;

const possibleChanges = ({ room }: World): readonly Change[] =>
  changes.filter(({ needsRoot }) => room || !needsRoot);

function choose(world: World): Change {
  const { below } = world.chance;
  const possible = possibleChanges(world);
  let at = below(possible.reduce((sum, { weight }) => sum + weight, 0));
  const found = possible.find(({ weight }) => {
    at -= weight;
    return at < 0;
  });
  return found ?? (possible[0] as Change);
}

/** Waits until all that is needed is there, and then until a look has found nothing. */
async function settle(
  world: World,
  watcher: () => Watcher,
  lines: readonly Line[],
  tally: Tally,
  areRecorded = false,
): Promise<void> {
  const missing = () => [
    ...[...world.needed()].filter((it) => answer(world.volume, it) !== "1.0.0\n"),
    ...(areRecorded ? [...notAsRecorded(world), ...notAnswered(world.requests)] : []),
  ];
  const left = await eventually(missing, (names) => names.length === 0, patience);
  if (left.length > 0) {
    tally.wrong(`missed: ${left.join(" ")}; it said: ${textsOf(lines.slice(-5))}`);
  }
  const after = Math.floor(uptime()) + 1;
  let first: { beat: number; lines: number } | undefined;
  const isQuiet = (): boolean => {
    const health = healthOf(world, watcher());
    if (hasEnded(watcher())) return true;
    if (!health?.isIdle || health.beat < after) return false;
    if (first?.lines !== lines.length) first = { beat: health.beat, lines: lines.length };
    return health.beat > first.beat;
  };
  if (!(await eventually(isQuiet, (it) => it, patience))) tally.wrong("it does not become quiet");
}

async function end(world: World, watcher: Watcher, tally: Tally, mark: string): Promise<void> {
  tally.begin(["the end"], true);
  const status = await watcher.end("SIGTERM");
  if (status !== 143) tally.wrong(`the watcher ended with ${status}`);
  const left = await eventually(
    () => processesOf(mark),
    (it) => it.length === 0,
    20_000,
  );
  if (left.length > 0) tally.wrong(`processes are left: ${JSON.stringify(left)}`);
  const run = {
    env: { ...world.env, OPENCLAW_SKILL_DIRS: "" },
    through: world.room?.through ?? [],
  };
  letHoursPass(world.volume, world.tools);
  for (const args of [["install"], ["doctor", "--deep"]]) {
    const ran = await runBuilt(world.place, { ...run, args });
    if (ran.status !== 0)
      tally.wrong(`${args.join(" ")}: ${ran.status}: ${ran.stdout}${ran.stderr}`);
  }
  tally.stale(findStale(world.volume, world.tools));
  judgeStaging(world.volume, 0, tally);
}

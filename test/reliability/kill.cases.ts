/**
 * kill -9 at any point, then a new container: only the volume survives. After each kill three things
 * are looked at:
 *  - what was there before runs, at once and after the next run; nothing says "nothing to do" while a
 *    program is missing or wrong;
 *  - the next run ends with status 0 and every program right;
 *  - hours and one more run later nothing is in the volume that its manifest does not account for.
 */
import { lstatSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandName } from "../support/own-command.ts";
import type { Case, Result } from "./case.ts";
import { readListed } from "./support/account.ts";
import { writeSkills } from "./support/programs.ts";
import {
  type Catalogue,
  type Command,
  describeEnd,
  forEachOf,
  openStand,
  type Stand,
  type Volume,
} from "./support/stand.ts";

const preload = join(import.meta.dirname, "support", "kill-point.cjs");
/** Tries that go on side by side: most of a try is waiting, for a dead run's lease above all. */
const lanes = 16;

interface Scenario {
  readonly name: string;
  /** Fills the volume that the killed run finds; the catalogue it was filled from, if it was. */
  prepare(stand: Stand, volume: Volume): Promise<void>;
  /** The run that is killed. */
  command(stand: Stand): Command;
  /** Catalogues whose programs may be found; all of the last one are asked for. */
  versions(stand: Stand): readonly Catalogue[];
  /** What is gone after the same again. */
  readonly takesAway?: string;
  /** What is held after the same again. */
  readonly holds?: string;
  /** Programs run right before the run that is killed, so they must afterwards. */
  readonly hadAll: boolean;
}

const install = async (stand: Stand, volume: Volume): Promise<void> => {
  const { status, stderr } = await volume.run({ catalogue: stand.first });
  if (status !== 0) throw new Error(`cannot prepare a volume: ${stderr}`);
};

const scenarios = {
  first: {
    name: "first installation",
    prepare: async () => {},
    command: (stand) => ({ catalogue: stand.first }),
    versions: (stand) => [stand.first],
    hadAll: false,
  },
  force: {
    name: "--force-reinstall",
    prepare: install,
    command: (stand) => ({ catalogue: stand.first, args: ["--force-reinstall"] }),
    versions: (stand) => [stand.first],
    hadAll: true,
  },
  update: {
    name: "update",
    prepare: install,
    command: (stand) => ({ catalogue: stand.newer, args: ["update"] }),
    versions: (stand) => [stand.first, stand.newer],
    hadAll: true,
  },
  repair: {
    name: "repair",
    async prepare(stand, volume) {
      await install(stand, volume);
      const { dir = "" } = readListed(volume.prefix)?.tools.gog ?? {};
      truncateSync(join(volume.prefix, dir, "bin", "gogx"));
      rmSync(join(volume.prefix, "bin", "pak"));
    },
    command: (stand) => ({ catalogue: stand.first }),
    versions: (stand) => [stand.first],
    hadAll: false,
  },
  fewer: {
    name: "update that drops a program",
    prepare: install,
    command: (stand) => ({ catalogue: stand.fewer, args: ["update"] }),
    versions: (stand) => [stand.first, stand.fewer],
    hadAll: true,
  },
  remove: {
    name: "remove",
    prepare: install,
    command: (stand) => ({ catalogue: stand.first, args: ["remove", "pak"] }),
    versions: (stand) => [without("pak", stand.first)],
    takesAway: "pak",
    hadAll: true,
  },
  rollback: {
    name: "rollback",
    async prepare(stand, volume) {
      await install(stand, volume);
      const { status, stderr } = await volume.run({ catalogue: stand.newer, args: ["update"] });
      if (status !== 0) throw new Error(`cannot prepare a volume: ${stderr}`);
    },
    command: (stand) => ({ catalogue: stand.newer, args: ["rollback"] }),
    versions: (stand) => [stand.first, stand.newer],
    hadAll: true,
  },
  hold: {
    name: "hold",
    prepare: install,
    command: (stand) => ({ catalogue: stand.newer, args: ["hold", "gog"] }),
    versions: (stand) => [stand.first],
    holds: "gog",
    hadAll: true,
  },
  gc: {
    name: "gc",
    async prepare(stand, volume) {
      await install(stand, volume);
      const command = { catalogue: stand.newer, env: fewerSkills(stand), args: ["update"] };
      const { status, stderr } = await volume.run(command);
      if (status !== 0) throw new Error(`cannot prepare a volume: ${stderr}`);
    },
    command: (stand) => ({ catalogue: stand.newer, args: ["gc"], env: fewerSkills(stand) }),
    versions: (stand) => [without("pak", stand.newer)],
    hadAll: true,
  },
  import: {
    name: "bundle import",
    async prepare(stand, volume) {
      const other = stand.volume();
      await other.run({ catalogue: stand.newer });
      const args = ["bundle", "export", bundleOf(stand)];
      const { status, stderr } = await other.run({ catalogue: stand.newer, args });
      if (status !== 0) throw new Error(`cannot export a volume: ${stderr}`);
      other.remove();
      await install(stand, volume);
    },
    command: (stand) => ({
      catalogue: stand.newer,
      args: ["bundle", "import", bundleOf(stand)],
    }),
    versions: (stand) => [stand.first, stand.newer],
    hadAll: true,
  },
} satisfies Record<string, Scenario>;

const bundleOf = (stand: Stand): string => join(stand.dir, "volume.tar.gz");

/** What must stay where a tool is removed. */
function without(tool: string, { recipes, offers }: Catalogue): Catalogue {
  return { recipes, offers: offers.filter((offer) => offer.tool !== tool) };
}

/** Nothing asks for pak any more. */
function fewerSkills(stand: Stand): Readonly<Record<string, string>> {
  const skills = join(stand.dir, "fewer-skills");
  writeSkills(skills, ["gog", "hub"]);
  return { OPENCLAW_SKILL_DIRS: skills };
}

/** One place to be killed at, as kill-point.cjs takes it. */
interface Point {
  readonly at: number;
  readonly half: boolean;
}

/** What one try came to. */
interface Tried {
  /** How many runs were killed before they were over. */
  readonly kills: number;
  /** What the next run took. */
  readonly seconds: number;
  readonly wrong: readonly string[];
  readonly stale: readonly string[];
}

const everyScenario: readonly Scenario[] = Object.values(scenarios);

/** A scenario on a stand, with the volume that its killed run finds. */
interface Prepared {
  readonly scenario: Scenario;
  readonly stand: Stand;
  readonly former: string;
}

const atCalls: Case = {
  name: "kill -9 at a file-system call",
  // There are some 2,500 calls: `sample` spreads the tries evenly over each scenario.
  tries: { bounded: 16, full: 1000 },
  run: (most) =>
    onStand(async (stand) => {
      const tries: (Prepared & Point)[] = [];
      for (const scenario of everyScenario) {
        const prepared = await prepare(scenario, stand);
        const points = sample(await countPoints(prepared), most / everyScenario.length);
        tries.push(...points.map((point) => ({ ...prepared, ...point })));
      }
      return await forEachOf(tries, lanes, ({ at, half, ...prepared }, index) =>
        tryOnce(prepared, index, async (volume) => {
          const { stderr } = await volume.run({
            ...prepared.scenario.command(stand),
            env: {
              ...prepared.scenario.command(stand).env,
              NODE_OPTIONS: `--require=${preload}`,
              KILL_POINT_AT: `${at}`,
              KILL_POINT_HALF: half ? "1" : "0",
            },
          });
          const said = /^SIGKILL at call .*$/m.exec(stderr)?.[0];
          return said === undefined ? [] : [said];
        }),
      );
    }),
};

/** `kills`: so many runs in a row are killed before one may end. */
function atRandom(name: string, kills: number, tries: Case["tries"]): Case {
  const sizes = { gog: 6_000_000, pak: 3_000_000, hub: 600_000, node: 2_000_000 };
  return {
    name,
    tries,
    run: (count) =>
      onStand(async (stand) => {
        const all = await forEachOf(everyScenario, 1, async (scenario) => {
          const prepared = await prepare(scenario, stand);
          return { ...prepared, duration: await measure(prepared) };
        });
        const turns = Array.from(
          { length: Math.ceil(count / kills) },
          (_, i) => all[i % all.length] as (typeof all)[number],
        );
        return await forEachOf(turns, lanes, ({ duration, ...prepared }, index) =>
          tryOnce(prepared, index, async (volume) => {
            const moments: string[] = [];
            for (let turn = 0; turn < 3 * kills && moments.length < kills; turn += 1) {
              const moment = Math.random() * duration;
              if (await killAfter(volume, prepared.scenario.command(stand), moment)) {
                moments.push(`killed after ${moment.toFixed(0)} ms`);
              }
              volume.renew();
            }
            return moments;
          }),
        );
      }, sizes),
  };
}

/** False where the run was over before. */
async function killAfter(volume: Volume, command: Command, moment: number): Promise<boolean> {
  const { finished, signal } = volume.start(command);
  const timer = setTimeout(() => signal("SIGKILL"), moment);
  const { status } = await finished;
  clearTimeout(timer);
  return status === undefined;
}

async function onStand(
  work: (stand: Stand) => Promise<readonly Tried[]>,
  sizes?: Parameters<typeof openStand>[0],
): Promise<Result> {
  const stand = await openStand(sizes);
  try {
    const tried = (await work(stand)).filter(({ kills }) => kills > 0);
    const stale = tried.flatMap((one) => one.stale);
    // One of each kind: tokens and digests aside.
    const kinds = new Map(
      stale.map((line) => [line.split(" ")[0]?.replaceAll(/[0-9a-f]{12}/g, "…"), line]),
    );
    for (const line of kinds.values()) process.stderr.write(`  left: ${line}\n`);
    const slowest = Math.max(...tried.map((one) => one.seconds));
    process.stderr.write(`  slowest run after a kill: ${slowest.toFixed(1)} s\n`);
    return {
      tries: tried.reduce((sum, { kills }) => sum + kills, 0),
      wrong: tried.flatMap((one) => one.wrong),
      stale: stale.length,
    };
  } finally {
    await stand.close();
  }
}

async function prepare(scenario: Scenario, stand: Stand): Promise<Prepared> {
  const volume = stand.volume();
  await scenario.prepare(stand, volume);
  return { scenario, stand, former: volume.prefix };
}

/** The calls of a run that nothing disturbs, each of which is a point before it, and perhaps half-way. */
async function countPoints(prepared: Prepared): Promise<Point[]> {
  const { scenario, stand } = prepared;
  const volume = volumeLike(prepared);
  const log = `${volume.prefix}.calls`;
  writeFileSync(log, "");
  const { status, stderr } = await volume.run({
    ...scenario.command(stand),
    env: {
      ...scenario.command(stand).env,
      NODE_OPTIONS: `--require=${preload}`,
      KILL_POINT_LOG: log,
    },
  });
  if (status !== 0) throw new Error(`the run to be killed fails by itself: ${stderr}`);
  const calls = readFileSync(log, "utf8").trimEnd().split("\n");
  volume.remove();
  return calls.flatMap((call, i) => {
    const point = { at: i + 1, half: false };
    return call.startsWith("h") ? [point, { ...point, half: true }] : [point];
  });
}

/** Milliseconds of a run that nothing disturbs but as many other processes as this machine has cores. */
async function measure(prepared: Prepared): Promise<number> {
  const times = await forEachOf([0, 1], 2, async () => {
    const volume = volumeLike(prepared);
    const began = performance.now();
    await volume.run(prepared.scenario.command(prepared.stand));
    volume.remove();
    return performance.now() - began;
  });
  return Math.max(...times);
}

function volumeLike({ stand, former }: Prepared): Volume {
  const volume = stand.volume();
  if (readListed(former)) volume.copyFrom(former);
  return volume;
}

/** `kill` runs the command, kills it, perhaps again and again, and says when. */
async function tryOnce(
  prepared: Prepared,
  index: number,
  kill: (volume: Volume) => Promise<readonly string[]>,
): Promise<Tried> {
  const { scenario, stand } = prepared;
  const volume = volumeLike(prepared);
  const versions = scenario.versions(stand);
  // Who asks for newer ones gets them; a plain run leaves what is there.
  const { args: words = [] } = scenario.command(stand);
  const asksNewest = words.includes("update") || words.includes("import");
  const newest = asksNewest ? versions.slice(-1) : versions;
  const wrong: string[] = [];
  let how = scenario.name;
  const check = async (when: string, among: readonly Catalogue[]): Promise<boolean> => {
    const found = await volume.wrongPrograms(among);
    wrong.push(...found.map((line) => `${how}; ${when}: ${line}`));
    return found.length === 0;
  };
  try {
    const kills = await kill(volume);
    how = [scenario.name, ...kills].join(", ");
    volume.renew();
    if (scenario.hadAll) await check("right after the kill", versions);
    // Some containers come at once, others the next day; some ask for the same again, some plainly, and
    // some for another tool, and must not sweep what bin/ leads to.
    if (index % 2 === 1) volume.letHoursPass();
    const { catalogue, args = [] } = scenario.command(stand);
    const other = scenario.hadAll ? ["-f", "pak"] : [];
    const again = { catalogue, args: [args, args, [], other][index % 4] ?? [] };
    const began = performance.now();
    const second = await volume.run(again);
    const seconds = (performance.now() - began) / 1000;
    if (second.status !== 0) wrong.push(`${how}; the next run: ${describeEnd(second)}`);
    const isRight = await check("after the next run", again.args === args ? newest : versions);
    if (!isRight && /nothing to do/.test(second.stderr)) {
      wrong.push(`${how}; the next run says "nothing to do"`);
    }
    if (!isThere(volume, commandName)) wrong.push(`${how}; after the next run: no ${commandName}`);
    const { takesAway, holds } = scenario;
    const isHeld = holds === undefined || readListed(volume.prefix)?.held?.includes(holds);
    if (!isHeld && again.args === args) {
      wrong.push(`${how}; after the next run: ${holds} is not held`);
    }
    if (takesAway !== undefined && again.args === args && isThere(volume, takesAway)) {
      wrong.push(`${how}; after the next run: ${takesAway} is still there`);
    }
    volume.renew();
    volume.letHoursPass();
    const third = await volume.run({ catalogue });
    if (third.status !== 0) wrong.push(`${how}; the third run: ${describeEnd(third)}`);
    await check("after the third run", versions);
    const stale = volume.stale().map((path) => `${path} (${how}; then ${describeEnd(third)})`);
    return { kills: kills.length, seconds, wrong, stale };
  } finally {
    volume.remove();
  }
}

function isThere({ prefix }: Volume, tool: string): boolean {
  const link = lstatSync(join(prefix, "bin", tool), { throwIfNoEntry: false });
  return link !== undefined || readListed(prefix)?.tools[tool] !== undefined;
}

function sample<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from(
    { length: most },
    (_, i) => all[Math.floor(((i + 0.5) * all.length) / most)] as T,
  );
}

export const cases: Case[] = [
  atCalls,
  atRandom("kill -9 at a random moment", 1, { bounded: 2, full: 150 }),
  atRandom("kill -9 of three runs in a row", 3, { bounded: 1, full: 150 }),
];

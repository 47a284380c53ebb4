/**
 * Many containers on one volume at once: each is a process in mount and PID namespaces of its own, with
 * a home and a /tmp of its own. Where namespaces is not available, they are plain processes.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { snapshotOf } from "../support/workplace.ts";
import type { Case, Result } from "./case.ts";
import { readListed } from "./support/account.ts";
import {
  ask,
  type Catalogue,
  type Command,
  describeEnd,
  type Finished,
  forEachOf,
  openStand,
  type Stand,
  type Volume,
} from "./support/stand.ts";

const preload = (name: string) => `--require=${join(import.meta.dirname, "support", name)}`;

const namespaces = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"];
const isolated = ((): boolean => {
  try {
    execFileSync(namespaces[0] ?? "", [...namespaces.slice(1), "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
/** Starts a command as a container would: nothing but the volume is shared. */
const container = isolated
  ? [
      ...namespaces,
      ...["sh", "-c", 'mount -t tmpfs none "$HOME" && mount -t tmpfs none "$TMPDIR" && exec "$@"'],
      "sh",
    ]
  : [];
const among = isolated ? "containers" : "plain processes (no namespaces here)";

const sizes = { gog: 3_000_000, pak: 2_000_000, hub: 300_000, node: 1_000_000 };
const inTurn = { bounded: 1, full: 10 };

/** Every case looks at these, whatever its crowd did. */
async function checkVolume(
  volume: Volume,
  catalogues: readonly Catalogue[],
): Promise<{ wrong: string[]; stale: number }> {
  const wrong = await volume.wrongPrograms(catalogues);
  const listed = readListed(volume.prefix)?.tools ?? {};
  for (const { tool } of catalogues[0]?.offers ?? []) {
    if (!listed[tool]) wrong.push(`the manifest does not list ${tool}`);
  }
  const [catalogue] = catalogues;
  if (!catalogue) return { wrong, stale: 0 };
  const before = kept(volume);
  const second = await volume.run({ catalogue });
  if (second.status !== 0) wrong.push(`the next run: ${describeEnd(second)}`);
  const after = kept(volume);
  for (const path of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[path] !== after[path]) wrong.push(`the next run changes ${path}`);
  }
  volume.letHoursPass();
  const third = await volume.run({ catalogue });
  if (third.status !== 0) wrong.push(`the run hours later: ${describeEnd(third)}`);
  wrong.push(...(await volume.wrongPrograms(catalogues)));
  const stale = volume.stale();
  for (const path of stale) process.stderr.write(`  left: ${path}\n`);
  return { wrong, stale: stale.length };
}

/** What a run that has nothing to do leaves as it is: programs and manifest. */
function kept({ prefix }: Volume): Record<string, string> {
  const listed = Object.values(readListed(prefix)?.tools ?? {}).map(({ dir }) => dir);
  return Object.fromEntries(
    Object.entries(snapshotOf(prefix)).filter(
      ([path]) =>
        path === "manifest.json" ||
        path.startsWith("bin/") ||
        listed.some((dir) => path === dir || path.startsWith(`${dir}/`)),
    ),
  );
}

function failed(finished: readonly Finished[]): string[] {
  return finished.flatMap((one, i) =>
    one.status === 0 ? [] : [`process ${i} of ${finished.length}: ${describeEnd(one)}`],
  );
}

/** Artifacts that were not asked for exactly once. */
function notOnce(stand: Stand, catalogue: Catalogue, since: ReadonlyMap<string, number>): string[] {
  return downloadsOf(catalogue).flatMap((path) => {
    const hits = stand.server.hits(path) - (since.get(path) ?? 0);
    return hits === 1 ? [] : [`${path} was asked for ${hits} times`];
  });
}

function downloadsOf({ offers }: Catalogue): string[] {
  return offers.flatMap(({ downloads }) => downloads);
}

function countHits(stand: Stand, catalogue: Catalogue): Map<string, number> {
  return new Map(downloadsOf(catalogue).map((path) => [path, stand.server.hits(path)]));
}

/** Those that neither fetched or took up anything, nor found all there, nor said that they wait. */
function silent(finished: readonly Finished[]): string[] {
  return finished.flatMap(({ stderr }, i) =>
    /waiting for|: fetching|linked again|nothing to do|present/.test(stderr)
      ? []
      : [`process ${i} does not say what it waits for: ${JSON.stringify(stderr.slice(0, 300))}`],
  );
}

/** A case whose tries each have a volume of their own, one after the other. */
function crowdCase(
  name: string,
  tries: Case["tries"],
  attempt: (
    stand: Stand,
    volume: Volume,
  ) => Promise<{ wrong: string[]; stale: number; tries?: number }>,
): Case {
  return {
    name,
    tries,
    async run(count): Promise<Result> {
      const stand = await openStand(sizes);
      try {
        const results = await forEachOf(Array.from({ length: count }), 1, async (_, turn) => {
          const volume = stand.volume();
          try {
            const { wrong, ...rest } = await attempt(stand, volume);
            return { tries: 1, ...rest, wrong: wrong.map((line) => `try ${turn + 1}: ${line}`) };
          } finally {
            volume.remove();
          }
        });
        return {
          tries: results.reduce((sum, one) => sum + one.tries, 0),
          wrong: results.flatMap(({ wrong }) => wrong),
          stale: results.reduce((sum, { stale }) => sum + stale, 0),
        };
      } finally {
        await stand.close();
      }
    },
  };
}

async function together(volume: Volume, commands: readonly Command[]): Promise<Finished[]> {
  return Promise.all(commands.map((command) => volume.run({ before: container, ...command })));
}

const sixteen = crowdCase(`16 ${among} at once, empty volume`, inTurn, async (stand, volume) => {
  const since = countHits(stand, stand.first);
  const finished = await together(volume, Array(16).fill({ catalogue: stand.first }));
  const wrong = [...failed(finished), ...notOnce(stand, stand.first, since), ...silent(finished)];
  if (!finished.some(({ stderr }) => stderr.includes("waiting for"))) {
    wrong.push("nobody says what is waited for");
  }
  const later = await checkVolume(volume, [stand.first]);
  return { wrong: [...wrong, ...later.wrong], stale: later.stale };
});

const subsets = crowdCase(
  `16 ${among} at once, each with some of the tools`,
  inTurn,
  async (stand, volume) => {
    const since = countHits(stand, stand.first);
    const names = [
      ["gog"],
      ["pak", "gogx"],
      ["hub"],
      ["hub", "pak"],
      ["install", "gog", "hub"],
      [],
    ];
    const commands = Array.from({ length: 16 }, (_, i) => ({
      catalogue: stand.first,
      args: names[i % names.length] ?? [],
    }));
    const finished = await together(volume, commands);
    const wrong = [...failed(finished), ...notOnce(stand, stand.first, since)];
    const later = await checkVolume(volume, [stand.first]);
    return { wrong: [...wrong, ...later.wrong], stale: later.stale };
  },
);

const noLock = crowdCase(
  `8 ${among} at once, their leases removed under them`,
  inTurn,
  async (stand, volume) => {
    let over = false;
    const sabotage = (async () => {
      while (!over) {
        for (const path of leasesOf(volume)) unlinkQuietly(path);
        await sleep(15);
      }
    })();
    const finished = await together(volume, Array(8).fill({ catalogue: stand.first }));
    over = true;
    await sabotage;
    const later = await checkVolume(volume, [stand.first]);
    return { wrong: [...failed(finished), ...later.wrong], stale: later.stale };
  },
);

function leasesOf({ prefix }: Volume): string[] {
  const staging = join(prefix, "lib", ".staging");
  const names = existsSync(staging) ? readdirSync(staging) : [];
  return names.filter((name) => /lease|lock/.test(name)).map((name) => join(staging, name));
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was given back meanwhile.
  }
}

const clocks = crowdCase(
  `9 ${among} at once, clocks an hour off`,
  inTurn,
  async (stand, volume) => {
    const since = countHits(stand, stand.first);
    const commands = Array.from({ length: 9 }, (_, i) => ({
      catalogue: stand.first,
      env: {
        NODE_OPTIONS: preload("shifted-clock.cjs"),
        CLOCK_SHIFT: `${((i % 3) - 1) * 3_600_000}`,
      },
    }));
    const finished = await together(volume, commands);
    const wrong = [...failed(finished), ...notOnce(stand, stand.first, since)];
    const later = await checkVolume(volume, [stand.first]);
    return { wrong: [...wrong, ...later.wrong], stale: later.stale };
  },
);

const killed = crowdCase(
  `16 ${among} at once, half of them killed (-9)`,
  inTurn,
  async (stand, volume) => {
    const running = Array.from({ length: 16 }, () =>
      volume.start({ before: container, catalogue: stand.first }),
    );
    const victims = running.slice(0, 8).map(async ({ signal, finished }) => {
      await sleep(300 + Math.random() * 2500);
      signal("SIGKILL");
      await finished;
    });
    const finished = await Promise.all(running.slice(8).map((one) => one.finished));
    await Promise.all(victims);
    const later = await checkVolume(volume, [stand.first]);
    return { wrong: [...failed(finished), ...later.wrong], stale: later.stale };
  },
);

/** Stops the command at its N-th call that changes the disk, until SIGCONT. */
function stopAt(call: string): Record<string, string> {
  return {
    NODE_OPTIONS: preload("kill-point.cjs"),
    KILL_POINT_SIGNAL: "SIGSTOP",
    KILL_POINT_AT: call,
  };
}

/** A holder that stops in the middle, and goes on when the others have long finished. */
function stopped(name: string, whileStopped: (volume: Volume) => void): Case {
  return crowdCase(name, { bounded: 1, full: 8 }, async (stand, volume) => {
    const holder = volume.start({
      before: container,
      catalogue: stand.first,
      env: stopAt(`${20 + Math.floor(Math.random() * 180)}`),
    });
    const wrong: string[] = [];
    try {
      await Promise.race([stops(holder.said), holder.finished]);
      whileStopped(volume);
      const waiters = await together(volume, Array(3).fill({ catalogue: stand.first }));
      wrong.push(...failed(waiters), ...(await volume.wrongPrograms([stand.first])));
      whileStopped(volume);
      // Another run, which sweeps where it may.
      const [forced] = await together(volume, [{ catalogue: stand.first, args: ["-f", "pak"] }]);
      wrong.push(...failed(forced ? [forced] : []));
    } finally {
      holder.signal("SIGCONT");
    }
    const end = await holder.finished;
    // What it had staged may be gone, which it says; it must not take that for a bug of its own.
    if (end.status !== 0 && end.status !== 5) wrong.push(`the holder: ${describeEnd(end)}`);
    const later = await checkVolume(volume, [stand.first]);
    return { wrong: [...wrong, ...later.wrong], stale: later.stale };
  });
}

async function stops(said: { readonly stderr: string }): Promise<void> {
  const began = performance.now();
  while (!said.stderr.includes("SIGSTOP at call") && performance.now() - began < 30_000) {
    await sleep(20);
  }
}

const running = crowdCase(
  `--force-reinstall by 3 ${among} while others run the programs`,
  { bounded: 1, full: 8 },
  async (stand, volume) => {
    const first = await volume.run({ catalogue: stand.first });
    const wrong = failed([first]);
    let over = false;
    let runs = 0;
    const outputs = new Map(stand.first.offers.flatMap(({ outputs: o }) => Object.entries(o)));
    const use = async (name: string, ...args: string[]): Promise<void> => {
      while (!over) {
        const got = await ask(join(volume.prefix, "bin", name), ...args);
        runs += 1;
        if (got !== outputs.get(name)) wrong.push(`${name} says ${JSON.stringify(got)}`);
      }
    };
    const watch = async (): Promise<void> => {
      const paths = [...outputs.keys()].map((name) => join(volume.prefix, "bin", name));
      while (!over) {
        for (const path of paths) {
          const found = statSync(path, { throwIfNoEntry: false });
          if (!found || found.size === 0 || (found.mode & 0o100) === 0) wrong.push(`no ${path}`);
        }
        await sleep(1);
      }
    };
    const users = [use("gog"), use("gogx"), use("pak"), use("hub", "--slow"), use("hub"), watch()];
    const force = { catalogue: stand.first, args: ["--force-reinstall"] };
    for (let round = 0; round < 3; round += 1) {
      wrong.push(...failed(await together(volume, [force, force, force])));
    }
    over = true;
    await Promise.all(users);
    const later = await checkVolume(volume, [stand.first]);
    return { wrong: [...wrong, ...later.wrong], stale: later.stale, tries: runs };
  },
);

/** The trees are there and old, but a run was killed before it wrote them into the manifest. */
async function leaveUnlisted(stand: Stand, volume: Volume): Promise<void> {
  await volume.run({ catalogue: stand.first });
  const path = join(volume.prefix, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...manifest, tools: {} }));
  volume.letHoursPass();
}

/** One takes up an old tree and stops before it is in the manifest; another one sweeps meanwhile. */
const takenUp = crowdCase(
  "an old tree is reused while another run sweeps",
  { bounded: 2, full: 16 },
  async (stand, volume) => {
    await leaveUnlisted(stand, volume);
    const env = stopAt(`${8 + Math.floor(Math.random() * 8)}`);
    const slow = volume.start({ catalogue: stand.first, args: ["gog"], env });
    await Promise.race([stops(slow.said), slow.finished]);
    const wrong = failed([await volume.run({ catalogue: stand.first, args: ["-f", "pak"] })]);
    slow.signal("SIGCONT");
    const end = await slow.finished;
    const promised = stand.first.offers.find(({ tool }) => tool === "gog")?.outputs.gog;
    const got = await ask(join(volume.prefix, "bin", "gog"));
    // It may say that the tree was removed under it, but not that all is well.
    if (end.status === 0 && got !== promised) wrong.push(`status 0, and gog says ${got}`);
    if (end.status !== 0 && end.status !== 5) wrong.push(describeEnd(end));
    wrong.push(...failed([await volume.run({ catalogue: stand.first })]));
    const later = await checkVolume(volume, [stand.first]);
    return { wrong: [...wrong, ...later.wrong], stale: later.stale };
  },
);

const unlisted = crowdCase(
  `12 ${among} at once, hours after a run was killed before its manifest`,
  inTurn,
  async (stand, volume) => {
    await leaveUnlisted(stand, volume);
    const args = [["-f", "pak"], ["gog"], ["pak"], [], ["hub"], ["pak", "gog"]];
    // Some stop while they take up what is there, so that others can sweep behind their backs.
    const running = Array.from({ length: 12 }, (_, i) => {
      const at = `${5 + Math.floor(Math.random() * 20)}`;
      return volume.start({
        before: container,
        catalogue: stand.first,
        args: args[i % args.length] ?? [],
        env: i < 3 || i > 5 ? {} : stopAt(at),
      });
    });
    const ends = running.map(({ finished }) => finished);
    await Promise.all(ends.filter((_, i) => i < 3 || i > 5));
    for (const { signal } of running) signal("SIGCONT");
    const finished = await Promise.all(ends);
    const wrong = [...failed(finished), ...(await volume.wrongPrograms([stand.first]))];
    const later = await checkVolume(volume, [stand.first]);
    return { wrong: [...wrong, ...later.wrong], stale: later.stale };
  },
);

const twoVersions = crowdCase(
  `8 ${among} at once with two catalogues`,
  inTurn,
  async (stand, volume) => {
    const both = [stand.first, stand.newer];
    const commands = Array.from({ length: 8 }, (_, i) =>
      i % 2 === 0
        ? { catalogue: stand.first }
        : { catalogue: stand.newer, args: i % 4 === 1 ? ["update"] : [] },
    );
    const finished = await together(volume, commands);
    const wrong = [...failed(finished), ...(await volume.wrongPrograms(both))];
    // A run that is about another tool, hours later, must not sweep what bin/ leads to.
    volume.letHoursPass();
    const other = await volume.run({ catalogue: stand.first, args: ["-f", "pak"] });
    wrong.push(...failed([other]), ...(await volume.wrongPrograms(both)));
    const settled = await volume.run({ catalogue: stand.first });
    wrong.push(...failed([settled]));
    const later = await checkVolume(volume, both);
    return { wrong: [...wrong, ...later.wrong], stale: later.stale };
  },
);

export const cases: Case[] = [
  sixteen,
  subsets,
  noLock,
  clocks,
  killed,
  stopped("a holder that stops in mid install and goes on later", () => {}),
  stopped("a holder that stops for hours and goes on later", (volume) => volume.letHoursPass()),
  unlisted,
  takenUp,
  running,
  twoVersions,
];

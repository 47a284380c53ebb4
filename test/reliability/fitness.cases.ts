/**
 * File systems that lack something. What a volume cannot be without is refused by name before anything is
 * fetched, and nothing is left behind; everything else has a way round.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Case } from "./case.ts";
import { readListed } from "./support/account.ts";
import { type FaultyDisk, hasFuse, mountFaulty } from "./support/faulty.ts";
import { describeEnd, type Finished, openStand, type Stand, type Volume } from "./support/stand.ts";

type Switches = readonly string[];

/** What is wrong with a volume on such a file system after `work`, a line each. */
async function on(
  stand: Stand,
  switches: Switches,
  work: (volume: Volume, disk: FaultyDisk) => Promise<string[]>,
): Promise<{ wrong: string[]; stale: string[] }> {
  const dir = mkdtempSync(join(tmpdir(), "fitness-"));
  chmodSync(dir, 0o755);
  const disk = await mountFaulty(dir, switches);
  const volume = stand.volume(join(disk.path, "volume"));
  try {
    const wrong = (await work(volume, disk)).map((line) => `${switches.join(" ")}: ${line}`);
    return { wrong, stale: volume.stale() };
  } finally {
    disk.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Switches, and what the refusal says. */
const unfit: readonly (readonly [Switches, RegExp])[] = [
  ...[1, 13, 22, 38, 95].map(
    (errno) =>
      [
        [`refuse=symlink:${errno}`],
        /this file system has no symbolic links: fuse mounted/,
      ] as const,
  ),
  [["ignore=symlink"], /this file system has no symbolic links: fuse mounted/],
  ...[1, 2, 13, 22, 95].map(
    (errno) =>
      [
        [`refuse=readlink:${errno}`],
        /this file system cannot read symbolic links that point upwards: fuse mounted/,
      ] as const,
  ),
  [["links=downward"], /this file system cannot read symbolic links that point upwards/],
  [["ignore=chmod", "modes=0644"], /this file system has no execute bits: fuse mounted/],
  [["refuse=chmod:1", "modes=0600"], /this file system has no execute bits/],
  [["refuse=chmod:95", "modes=0666"], /this file system has no execute bits/],
];

/** All files and links; directories are needed, and empty. */
const filesIn = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => !statSync(join(dir, name)).isDirectory())
    .sort();

async function tryUnfit(stand: Stand, [switches, says]: (typeof unfit)[number]) {
  return await on(stand, switches, async (volume, disk) => {
    const wrong: string[] = [];
    const before = stand.server.requests.length;
    const expectRefusal = (ran: Finished, status: number): void => {
      const isRight = ran.status === status && says.test(ran.stderr);
      if (!isRight) wrong.push(`not refused as it should be: ${describeEnd(ran)}\n${ran.stderr}`);
      if (/bug/.test(ran.stderr)) wrong.push(`called a bug: ${ran.stderr}`);
    };
    expectRefusal(await volume.run({ catalogue: stand.first }), 0);
    const left = filesIn(volume.prefix);
    expectRefusal(await volume.run({ catalogue: stand.first, args: ["--strict"] }), 3);
    const requests = stand.server.requests.length - before;
    if (requests > 0) wrong.push(`${requests} requests`);
    const grown = filesIn(volume.prefix).filter((name) => !left.includes(name));
    const trees = left.filter((name) => /^(lib|bin)\//.test(name));
    if (grown.length + trees.length > 0) wrong.push(`left ${[...grown, ...trees].join(", ")}`);
    // Mounted as the hint says, all is well.
    await disk.remount([]);
    return [...wrong, ...(await installs(volume, stand))];
  });
}

async function installs(volume: Volume, stand: Stand): Promise<string[]> {
  const ran = await volume.run({ catalogue: stand.first });
  const wrong = await volume.wrongPrograms([stand.first]);
  return ran.status === 0 ? wrong : [...wrong, describeEnd(ran)];
}

const odd: readonly Switches[] = [
  ...[18, 1, 22, 95, 38, 13].map((errno) => [`refuse=rename-dir:${errno}`]),
  ...[17, 1, 13, 16, 95].map((errno) => [`refuse=rename-over:${errno}`]),
  ["refuse=rename-over:17", "refuse=rename-dir:18"],
  ...[1, 38, 95, 18, 31].map((errno) => [`refuse=link:${errno}`]),
  ...[22, 38, 95, 1, 9].map((errno) => [`refuse=fsync:${errno}`, `refuse=fsyncdir:${errno}`]),
  ["links=files"],
  ["links=files", "refuse=rename-dir:18"],
  ["refuse=utimens:1"],
  ["refuse=chmod:1", "modes=0755"],
  ["ignore=chmod", "modes=0777", "refuse=rename-over:1"],
  ["case=fold"],
  ["stamps=2", "refuse=rename-dir:18"],
];

/** Everything that a run does to a volume, one after the other. */
async function tryOdd(stand: Stand, switches: Switches) {
  return await on(stand, switches, async (volume) => {
    const wrong = await installs(volume, stand);
    const { server, first, newer } = stand;
    const step = async (what: string, args: readonly string[], catalogue = first) => {
      const ran = await volume.run({ catalogue, args });
      if (ran.status !== 0) wrong.push(`${what}: ${describeEnd(ran)}`);
      const expected = catalogue === first ? [first] : [first, newer];
      const lines = args[0] === "remove" ? [] : await volume.wrongPrograms(expected);
      wrong.push(...lines.map((line) => `${what}: ${line}`));
    };
    const before = server.requests.length;
    await step("a second run", []);
    if (server.requests.length > before) wrong.push("a second run downloads again");
    await step("force", ["--force-reinstall"]);
    await step("update", ["update"], newer);
    await step("remove", ["remove", "pak"]);
    if (readListed(volume.prefix)?.tools.pak) wrong.push("pak is still listed");
    if (existsSync(join(volume.prefix, "bin", "pak"))) wrong.push("pak is still there");
    await step("again", [], newer);
    volume.letHoursPass();
    await step("gc", ["gc"], newer);
    await step("doctor", ["doctor", "--deep"], newer);
    return wrong;
  });
}

function each<T>(
  name: string,
  all: readonly T[],
  bounded: number,
  work: (stand: Stand, item: T) => Promise<{ wrong: string[]; stale: string[] }>,
): Case {
  return {
    name: `${name}${hasFuse ? "" : " (skipped: needs root, FUSE and gcc)"}`,
    tries: hasFuse ? { bounded, full: all.length } : { bounded: 0, full: 0 },
    async run(most) {
      const stand = await openStand();
      try {
        const [wrong, stale]: [string[], string[]] = [[], []];
        const some = all.filter((_, i) => (i * most) % all.length < most);
        for (const item of some) {
          const found = await work(stand, item);
          wrong.push(...found.wrong, ...found.stale.map((path) => `stale: ${path}`));
          stale.push(...found.stale);
        }
        return { tries: some.length, wrong, stale: stale.length };
      } finally {
        await stand.close();
      }
    },
  };
}

export const cases: readonly Case[] = [
  each("file system that nothing can be installed on", unfit, 2, tryUnfit),
  each("file system with a way round", odd, 3, tryOdd),
];

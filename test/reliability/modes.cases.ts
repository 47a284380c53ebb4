/** Mounts that refuse to set modes or to sync, that have no execute bits, or that fold names. */
import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { archive, type Content, program } from "../support/archives.ts";
import type { Workplace } from "../support/workplace.ts";
import type { Case } from "./case.ts";
import { type FaultyDisk, hasFuse, mountFaulty } from "./support/faulty.ts";
import { answer, judge, offer, repeat, runBuilt, staleIn, type Tried } from "./support/trial.ts";

type Try = (place: Workplace, disk: FaultyDisk, prefix: string) => Promise<Tried>;

/** Tries it on a volume that such a disk holds. */
function onDisk(name: string, switches: readonly (readonly string[])[], once: Try): Case {
  const tries = hasFuse ? switches.length : 0;
  return {
    name: `mount: ${name}${hasFuse ? "" : " (skipped: needs root, FUSE and gcc)"}`,
    tries: { bounded: Math.min(3, tries), full: tries },
    run: (tries) =>
      repeat(tries, 1, async (place, n) => {
        const disk = await mountFaulty(place.dir, switches[n] ?? []);
        try {
          const { wrong, stale } = await once(place, disk, join(disk.path, "volume"));
          return { wrong: wrong.map((line) => `${switches[n]}: ${line}`), stale };
        } finally {
          disk.close();
        }
      }),
  };
}

/** Skills that are so new are looked at by Node: clocks of two file systems may differ by this (ms). */
const clockSkew = 2100;

function directoriesIn(root: string): number {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).length;
}

/** All kinds of programs are installed and found whole; no run leaves a directory. */
const tryTolerated: Try = async (place, _, prefix) => {
  const goods = [offer(place, "zog"), offer(place, "raw", { raw: true })];
  await sleep(clockSkew);
  const first = await runBuilt(place, { prefix, entrypoint: true });
  const wrong = judge(first, { status: 0, installed: goods }, prefix);
  const count = directoriesIn(prefix);
  await runBuilt(place, { prefix, entrypoint: true });
  const again = await runBuilt(place, { prefix, entrypoint: true });
  wrong.push(...judge(again, { status: 0, says: /programs present/, installed: goods }, prefix));
  if (directoriesIn(prefix) !== count) wrong.push("a run left directories behind");
  for (const path of goods.flatMap(({ downloads }) => downloads)) {
    if (place.server.hits(path) !== 1) wrong.push(`${path} was fetched again`);
  }
  const deep = await runBuilt(place, { prefix, args: ["doctor", "--deep"] });
  if (/not as published/.test(deep.stdout)) wrong.push(`doctor says ${deep.stdout}`);
  return { wrong, stale: staleIn(prefix, goods) };
};

/** A seed and a forced run have other ways to make files. */
const trySeed: Try = async (place, _, prefix) => {
  const goods = [offer(place, "zog")];
  await runBuilt(place);
  const args = ["--seed", place.prefix, "--offline"];
  const ran = await runBuilt(place, { prefix, args });
  const wrong = judge(ran, { status: 0, installed: goods }, prefix);
  const forced = await runBuilt(place, { prefix, args: ["--force-reinstall"] });
  wrong.push(...judge(forced, { status: 0, installed: goods }, prefix));
  return { wrong, stale: [] };
};

/** It is said before anything is fetched, and the status is that of a place which cannot provide. */
const tryNoBits: Try = async (place, disk, prefix) => {
  const zog = offer(place, "zog");
  const says = /this file system has no execute bits: \S+ mounted at [\s\S]*hint: /;
  const wrong: string[] = [];
  for (const [args, status] of [
    [[], 0],
    [[], 0],
    [["--strict"], 3],
  ] as const) {
    const ran = await runBuilt(place, { prefix, args });
    wrong.push(...judge(ran, { status, says }, prefix));
    if (!ran.stderr.includes(disk.path)) wrong.push(`does not name the mount: ${ran.stderr}`);
  }
  if (zog.downloads.some((path) => place.server.hits(path) > 0)) wrong.push("it was fetched");
  return { wrong, stale: [] };
};

const twins: Readonly<Record<string, Content>> = {
  "bin/twins": program("1.0.0"),
  "share/README": { body: "one" },
  "share/readme": { body: "two" },
};

/** What needs two names there is named and left out; all else is installed. */
const tryFolded: Try = async (place, disk, prefix) => {
  const zog = offer(place, "zog");
  place.skill("twins", { bins: ["twins"] });
  const source = place.serve("twins.tar.gz", archive("tar.gz", twins));
  place.recipe("twins", { artifacts: { "linux-x64": source } });
  place.skill("upper", { bins: ["Pair"] });
  const pair = { "bin/pair": program("2.0.0") };
  const served = place.serve("pair.tar.gz", archive("tar.gz", pair));
  place.recipe("pair", {
    bins: { pair: "bin/pair", Pair: "bin/pair" },
    test: ["pair", "--version"],
    artifacts: { "linux-x64": served },
  });
  const wrong: string[] = [];
  for (let run = 0; run < 2; run += 1) {
    const ran = await runBuilt(place, { prefix });
    wrong.push(...judge(ran, { status: 0, installed: [zog] }, prefix));
    for (const names of ["readme and README", "Pair and pair"]) {
      const said = `this file system treats ${names} as the same name`;
      if (!ran.stderr.includes(said)) wrong.push(`does not say "${said}": ${ran.stderr}`);
    }
    if (!ran.stderr.includes(`mounted at ${disk.path}`)) wrong.push("does not name the mount");
    if (/hostile|honest|integrity/.test(ran.stderr)) wrong.push(`accuses: ${ran.stderr}`);
  }
  if (existsSync(join(prefix, "bin/twins"))) wrong.push("twins is linked");
  const strict = await runBuilt(place, { prefix, args: ["--strict"] });
  if (strict.status !== 3) wrong.push(`status ${strict.status} with --strict`);
  return { wrong, stale: [] };
};

/** A volume on which chmod begins to be refused: what is there is right as it is. */
const tryLater: Try = async (place, disk, prefix) => {
  const goods = [offer(place, "zog")];
  await sleep(clockSkew);
  await runBuilt(place, { prefix });
  await disk.remount(["modes=0777", "refuse=chmod:1"]);
  const wrong: string[] = [];
  for (let run = 0; run < 2; run += 1) {
    const ran = await runBuilt(place, { prefix, entrypoint: true, args: ["--strict"] });
    wrong.push(...judge(ran, { status: 0, says: /nothing to do/, installed: goods }, prefix));
  }
  const alone = await runBuilt(place, { prefix, entrypoint: true });
  if (!/programs present/.test(alone.stderr)) wrong.push(`sh asks Node: ${alone.stderr}`);
  if (place.server.hits(goods[0]?.downloads[0] ?? "") !== 1) wrong.push("fetched again");
  if ((statSync(join(prefix, "bin/zog")).mode & 0o777) !== 0o777) wrong.push("no such mount");
  return { wrong, stale: [] };
};

/** The mode of a download cannot be set, and it is what its owner alone may read. */
const tryRealModes: Try = async (place, _, prefix) => {
  const goods = [offer(place, "raw", { raw: true })];
  const ran = await runBuilt(place, { prefix });
  const wrong = judge(ran, { status: 0, installed: goods }, prefix);
  const { mode } = lstatSync(join(prefix, "lib"));
  if ((mode & 0o777) !== 0o755) wrong.push(`lib has the mode ${mode.toString(8)}`);
  if (answer(prefix, "raw") !== "1.0.0\n") wrong.push("it does not run");
  return { wrong, stale: staleIn(prefix, goods) };
};

/** EPERM, EOPNOTSUPP, ENOSYS, EINVAL */
const refusals = [1, 95, 38, 22];

export const cases: readonly Case[] = [
  onDisk(
    "chmod is refused, and all modes are the mount's own",
    refusals.flatMap((errno) => [
      [`refuse=chmod:${errno}`, "modes=0755"],
      [`refuse=chmod:${errno}`, "modes=0777"],
    ]),
    tryTolerated,
  ),
  onDisk(
    "chmod is refused or ignored, and modes are real",
    [...refusals.map((errno) => [`refuse=chmod:${errno}`]), ["ignore=chmod"]],
    tryRealModes,
  ),
  onDisk(
    "chmod is refused: a seed, and --force-reinstall",
    [["refuse=chmod:1", "modes=0755"], ["refuse=chmod:95"]],
    trySeed,
  ),
  onDisk("chmod is refused from some day on", [[]], tryLater),
  onDisk(
    "times cannot be set",
    [["refuse=utimens:1"], ["refuse=utimens:1", "refuse=chmod:1"]],
    tryTolerated,
  ),
  onDisk(
    "nothing can be synced",
    [22, 95, 38].map((errno) => [`refuse=fsync:${errno}`, `refuse=fsyncdir:${errno}`]),
    tryTolerated,
  ),
  onDisk(
    "no execute bits",
    [
      ["ignore=chmod", "modes=0644"],
      ["refuse=chmod:1", "modes=0644"],
    ],
    tryNoBits,
  ),
  onDisk("names in one case", [["case=fold"]], tryFolded),
];

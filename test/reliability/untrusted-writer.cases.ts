/**
 * An agent that can write to the volume, and a provisioner that runs the built command on it: nothing
 * outside is ever touched, no run hangs, and every change to what was published is found and repaired.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../support/archives.ts";
import { type Case, type Result, some } from "./case.ts";
import { attacks } from "./support/attacks.ts";
import { plantRecords, recordPlants } from "./support/planted-records.ts";
import type { Tried } from "./support/trial.ts";
import { type HostileVolume, makeLarge, openHostileVolume } from "./support/untrusted-writer.ts";

const share = "share/openclaw-skill-deps";
/** Every path that a run writes to and that can be guessed. */
const paths = [
  "bin",
  "bin/gog",
  "lib",
  "lib/.staging",
  "lib/gog",
  "share",
  share,
  `${share}/last-run.json`,
  `${share}/login-shells.json`,
  `${share}/freshness`,
  `${share}/satisfied.json`,
  `${share}/prune-due`,
  "manifest.json",
  "etc",
  "etc/openclaw-install-policy",
  "etc/profile.d",
  "etc/profile.d/openclaw-skill-deps.sh",
];

type Plant = (path: string, sentinel: string) => void;
const plants: Readonly<Record<string, Plant>> = {
  "a link to a directory": (path, sentinel) => symlinkSync(join(sentinel, "directory"), path),
  "a link to a file": (path, sentinel) => symlinkSync(join(sentinel, "file"), path),
  "a link to a program": (path, sentinel) => symlinkSync(join(sentinel, "program"), path),
  "a link to nothing": (path, sentinel) => symlinkSync(join(sentinel, "nothing"), path),
  "a link to itself": (path) => symlinkSync(path, path),
  "a pipe": (path) => void run("mkfifo", [path]),
  "a directory": (path) => {
    mkdirSync(path);
    writeFileSync(join(path, "file"), "planted");
  },
  "a file": (path) => writeFileSync(path, "planted"),
  "a file of 200 MB": (path) => makeLarge(path, 200_000_000),
};

/** A run may refuse, with a message and a status that is no bug; if it does not, all must be well. */
async function afterwards(place: HostileVolume, label: string): Promise<Tried> {
  const planted = new Set(place.stale());
  const ended = await place.provision();
  const wrong: string[] = [];
  const say = (what: string): void => {
    wrong.push(`${label}: ${what}`);
  };
  if (ended.status === null) say(`killed after ${ended.seconds.toFixed(0)} s`);
  else if (ended.status === 1) say(`a bug: ${ended.stderr.slice(0, 300)}`);
  else if (ended.status !== 0 && !ended.stderr.includes(place.prefix)) {
    say(`status ${ended.status} without a path: ${ended.stderr.slice(0, 300)}`);
  }
  if (ended.status === 0) for (const line of place.wrongContents(ended.stderr)) say(line);
  if (ended.memory > 500_000_000) say(`${Math.round(ended.memory / 1e6)} MB of memory`);
  if (place.touchedOutside()) say("something outside of the volume has changed");
  if (ended.status !== 0) return { wrong, stale: [] };
  await place.hoursLater();
  // What the agent itself put there is not ours to remove.
  return { wrong, stale: place.stale().filter((path) => !planted.has(path)) };
}

async function onHostileVolume(
  work: (place: HostileVolume) => AsyncGenerator<Tried>,
): Promise<Result> {
  const place = await openHostileVolume();
  const result = { tries: 0, wrong: [] as string[], stale: 0 };
  try {
    for await (const { wrong, stale } of work(place)) {
      result.tries += 1;
      result.wrong.push(...wrong);
      result.stale += stale.length;
      if (stale.length > 0) process.stderr.write(`stale: ${stale.join(" ")}\n`);
    }
    return result;
  } finally {
    await place.close();
  }
}

const planted = Object.entries(plants).flatMap(([what, plant]) =>
  paths.flatMap((path) => [false, true].map((fresh) => ({ what, plant, path, fresh }))),
);

async function* tryPlants(place: HostileVolume, tries: number): AsyncGenerator<Tried> {
  for (const { what, plant, path, fresh } of some(planted, tries)) {
    await place.renew(fresh);
    const target = join(place.prefix, path);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(dirname(target), { recursive: true });
    plant(target, place.sentinel);
    yield await afterwards(
      place,
      `${what} at ${path}, ${fresh ? "before" : "after"} the first run`,
    );
  }
}

async function* tryAttacks(place: HostileVolume, tries: number): AsyncGenerator<Tried> {
  for (const [what, attack] of some(Object.entries(attacks), tries)) {
    await place.renew(false);
    attack(place);
    const found = await place.provision("doctor", "--deep", "--strict");
    // An unmanaged file may be the operator's own: it is named, and is no failure.
    // A mode is no damage: the next run sets it again, and says so.
    const finds =
      found.status !== 0 ||
      / was not (created|written) by this (version of the )?command/.test(found.stdout) ||
      (await place.provision()).stderr.includes("modes of its files had been changed");
    const wrong = finds ? [] : [`${what}: doctor --deep finds nothing`];
    const then = await afterwards(place, what);
    wrong.push(...then.wrong);
    const second = await place.provision("doctor", "--deep", "--strict");
    if (second.status !== 0) wrong.push(`${what}: not repaired: ${second.stdout.slice(0, 300)}`);
    yield { wrong, stale: then.stale };
  }
}

async function* tryRecords(place: HostileVolume, tries: number): AsyncGenerator<Tried> {
  for (const [what, plant] of some(Object.entries(recordPlants), tries)) {
    await place.renew(false);
    plantRecords(place.prefix, plant);
    const run = await place.verify();
    const wrong = run.seconds > 20 ? [`${what}: a sandbox waits ${run.seconds.toFixed(0)} s`] : [];
    if (run.memory > 500_000_000) wrong.push(`${what}: ${Math.round(run.memory / 1e6)} MB`);
    const then = await afterwards(place, what);
    yield { wrong: [...wrong, ...then.wrong], stale: then.stale };
  }
}

export const cases: readonly Case[] = [
  {
    name: "an agent's links, pipes and files in our places",
    tries: { bounded: 8, full: planted.length },
    run: (tries) => onHostileVolume((place) => tryPlants(place, tries)),
  },
  {
    name: "an agent's changes to published trees and links",
    tries: { bounded: 10, full: Object.keys(attacks).length },
    run: (tries) => onHostileVolume((place) => tryAttacks(place, tries)),
  },
  {
    name: "an agent's records of the steady state",
    tries: { bounded: 6, full: Object.keys(recordPlants).length },
    run: (tries) => onHostileVolume((place) => tryRecords(place, tries)),
  },
];

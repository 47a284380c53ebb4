/** What a soak does to the volume and to its watcher. Each gives false where it is not possible now. */
import { lstatSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { orNothing } from "../../../src/core/or-nothing.ts";
import { empty, leavePages } from "../support/mounts.ts";
import { runBuilt } from "../support/trial.ts";
import type { Change } from "./changes.ts";
import { add } from "./skill-changes.ts";
import type { Soak } from "./soak.ts";
import { startWatcher } from "./watcher.ts";

/** The link of a program, and what it links to. Not by realpath: that leaves the namespace of the volume's mount. */
function programAt(link: string): { link: string; target: string } | undefined {
  return orNothing(() => {
    const target = join(dirname(link), readlinkSync(link));
    return lstatSync(target).isFile() ? { link, target } : undefined;
  });
}

/** Spoils a program that is needed and is there: an earlier change may have damaged some. */
export function damage(spoil: (link: string, target: string) => void): Change["run"] {
  return ({ world }) => {
    const links = [...world.needed()].map((name) => join(world.volume, "bin", name));
    const there = links.flatMap((link) => programAt(link) ?? []);
    if (there.length === 0) return false;
    const { link, target } = world.chance.one(there);
    spoil(link, target);
    return true;
  };
}

export async function readOnly(soak: Soak): Promise<boolean> {
  const { room, place, chance } = soak.world;
  const mount = (how: string): boolean =>
    orNothing(() => {
      room?.mount("-o", how, place.prefix);
      return true;
    }) ?? false;
  // It is busy while a run writes.
  if (!mount("remount,ro")) return false;
  add(soak);
  await sleep(chance.below(3000));
  mount("remount,rw");
  return true;
}

export async function full(soak: Soak): Promise<boolean> {
  try {
    leavePages(soak.world.volume, soak.world.chance.below(4));
  } catch (error) {
    // A run that writes at the same time leaves less than was free a moment ago: it is full.
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
  add(soak);
  await sleep(soak.world.chance.below(3000));
  empty(soak.world.volume);
  return true;
}

export const killed = (signal: NodeJS.Signals) => async (soak: Soak) => {
  if (soak.world.chance.below(2)) add(soak);
  await sleep(soak.world.chance.below(1500));
  await soak.restart(signal);
  return true;
};

export async function second(soak: Soak): Promise<boolean> {
  const other = startWatcher(soak.world, []);
  for (let i = 0; i < 3; i += 1) {
    add(soak);
    await sleep(soak.world.chance.below(2000));
  }
  const end = await other.end("SIGTERM");
  if (end !== 143) soak.wrong(`the second watcher ended with ${end}`);
  return true;
}

export async function killNode(soak: Soak): Promise<boolean> {
  add(soak);
  return await soak.killNode();
}

export async function gc({ world }: Soak): Promise<boolean> {
  const env = { ...world.env, OPENCLAW_SKILL_DIRS: "" };
  await runBuilt(world.place, { args: ["gc"], env, through: world.room?.through ?? [] });
  return true;
}

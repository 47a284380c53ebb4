/** What a soak does to the volume and to its watcher. Each gives false where it is not possible now. */
import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { orNothing } from "../../../src/core/or-nothing.ts";
import { empty, leavePages } from "../support/mounts.ts";
import { runBuilt } from "../support/trial.ts";
import type { Change } from "./changes.ts";
import { add } from "./skill-changes.ts";
import type { Soak } from "./soak.ts";
import { startWatcher } from "./watcher.ts";

/** A program that is needed and is there. */
function someProgram({ world }: Soak): string | undefined {
  const names = [...world.needed()].map((name) => join(world.volume, "bin", name));
  const there = names.filter((path) => lstatSync(path, { throwIfNoEntry: false }));
  return there.length > 0 ? world.chance.one(there) : undefined;
}

export function damage(spoil: (link: string, target: string) => void): Change["run"] {
  return (soak) => {
    const link = someProgram(soak);
    const target = link && orNothing(() => realpathSync(link));
    if (link === undefined || target === undefined) return false;
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
  leavePages(soak.world.volume, soak.world.chance.below(4));
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
  const own = join(soak.world.place.dir, "run-2");
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const other = startWatcher(soak.world, [], { XDG_RUNTIME_DIR: own });
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

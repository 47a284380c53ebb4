/** What a soak does to skills, config, volume and watcher. */
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { orNothing } from "../../../src/core/or-nothing.ts";
import { empty, leavePages } from "../support/mounts.ts";
import { runBuilt } from "../support/trial.ts";
import type { Soak } from "./soak.ts";
import { startWatcher } from "./watcher.ts";
import {
  directoryOf,
  removeSkill,
  skillText,
  type World,
  writeConfig,
  writeSkill,
} from "./world.ts";

export interface Change {
  readonly kind: string;
  /** How often it is chosen, against the others. */
  readonly weight: number;
  /** How many times the watcher may say at most that something changed. */
  readonly lines: number;
  /**
   * The time until the watcher says that it noticed it is measured. It need not say so if nothing is to be
   * done for `isQuiet` ones.
   */
  readonly isSeen: boolean;
  readonly isQuiet?: boolean;
  /** The watcher is not the one from before: it compares with what that one has left. */
  readonly isRestart?: boolean;
  /** A failed run is tried again: the watcher may say so. */
  readonly mayFail?: boolean;
  readonly needsRoot?: boolean;
  /** False: it is not possible now. */
  run(soak: Soak): Promise<boolean> | boolean;
}

const someSkill = ({ chance, skills, away }: World) => {
  const there = [...skills.values()].filter(({ root }) => !away.has(root));
  return there.length > 0 ? chance.one(there) : undefined;
};

const someRoot = ({ chance, roots, away }: World) => {
  const there = roots.filter((root) => !away.has(root));
  return there.length > 0 ? chance.one(there) : undefined;
};

function newSkill(world: World) {
  const root = someRoot(world);
  if (root === undefined || world.skills.size >= 16) return undefined;
  return { name: world.newName(), root, bins: world.someBins(), enabled: true };
}

function add({ world }: Soak): boolean {
  const skill = newSkill(world);
  if (!skill) return false;
  writeSkill(world, skill);
  return true;
}

async function addInPieces({ world }: Soak): Promise<boolean> {
  const skill = newSkill(world);
  if (!skill) return false;
  mkdirSync(directoryOf(skill), { recursive: true });
  for (const piece of skillText(skill).match(/[\s\S]{1,40}/g) ?? []) {
    appendFileSync(join(directoryOf(skill), "SKILL.md"), piece);
    await sleep(50);
  }
  world.skills.set(skill.name, skill);
  return true;
}

/** As OpenClaw does: into a hidden directory, which gets its name at the end. */
function addByRename({ world }: Soak): boolean {
  const skill = newSkill(world);
  if (!skill) return false;
  const staged = { ...skill, name: `.openclaw-install-stage-${skill.name}` };
  mkdirSync(directoryOf(staged));
  writeFileSync(join(directoryOf(staged), "SKILL.md"), skillText(skill));
  renameSync(directoryOf(staged), directoryOf(skill));
  world.skills.set(skill.name, skill);
  return true;
}

function change({ world }: Soak): boolean {
  const skill = someSkill(world);
  if (!skill) return false;
  skill.bins = world.someBins();
  writeSkill(world, skill);
  appendFileSync(join(directoryOf(skill), "SKILL.md"), `${world.chance.below(1000)}\n`);
  return true;
}

function remove({ world }: Soak): boolean {
  const skill = someSkill(world);
  if (skill) removeSkill(world, skill);
  return skill !== undefined;
}

function moveToOther({ world }: Soak): boolean {
  const [skill, root] = [someSkill(world), someRoot(world)];
  if (!skill || root === undefined || root === skill.root) return false;
  const from = directoryOf(skill);
  skill.root = root;
  renameSync(from, directoryOf(skill));
  return true;
}

async function rootAway({ world }: Soak): Promise<boolean> {
  const root = someRoot(world);
  if (root === undefined) return false;
  renameSync(root, `${root}.away`);
  world.away.add(root);
  await sleep(world.chance.below(4000));
  rmSync(root, { recursive: true, force: true }); // the status skill was written there
  renameSync(`${root}.away`, root);
  world.away.delete(root);
  return true;
}

function toggle({ world }: Soak): boolean {
  const skill = someSkill(world);
  if (!skill) return false;
  skill.enabled = !skill.enabled;
  writeConfig(world);
  return true;
}

/** A program that is needed and is there. */
function someProgram({ world }: Soak): string | undefined {
  const names = [...world.needed()].map((name) => join(world.volume, "bin", name));
  const there = names.filter((path) => lstatSync(path, { throwIfNoEntry: false }));
  return there.length > 0 ? world.chance.one(there) : undefined;
}

function damage(spoil: (link: string, target: string) => void): Change["run"] {
  return (soak) => {
    const link = someProgram(soak);
    const target = link && orNothing(() => realpathSync(link));
    if (link === undefined || target === undefined) return false;
    spoil(link, target);
    return true;
  };
}

async function readOnly(soak: Soak): Promise<boolean> {
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

async function full(soak: Soak): Promise<boolean> {
  leavePages(soak.world.volume, soak.world.chance.below(4));
  add(soak);
  await sleep(soak.world.chance.below(3000));
  empty(soak.world.volume);
  return true;
}

const killed = (signal: NodeJS.Signals) => async (soak: Soak) => {
  if (soak.world.chance.below(2)) add(soak);
  await sleep(soak.world.chance.below(1500));
  await soak.restart(signal);
  return true;
};

async function second(soak: Soak): Promise<boolean> {
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

async function killNode(soak: Soak): Promise<boolean> {
  add(soak);
  return await soak.killNode();
}

async function gc({ world }: Soak): Promise<boolean> {
  const env = { ...world.env, OPENCLAW_SKILL_DIRS: "" };
  await runBuilt(world.place, { args: ["gc"], env, through: world.room?.through ?? [] });
  return true;
}

export const changes: readonly Change[] = [
  { kind: "skill added", weight: 20, lines: 1, isSeen: true, run: add },
  { kind: "skill added in pieces", weight: 6, lines: 1, isSeen: true, run: addInPieces },
  { kind: "skill added by a rename", weight: 6, lines: 1, isSeen: true, run: addByRename },
  { kind: "skill changed", weight: 12, lines: 1, isSeen: true, run: change },
  { kind: "skill removed", weight: 14, lines: 1, isSeen: true, isQuiet: true, run: remove },
  { kind: "skill moved", weight: 4, lines: 1, isSeen: true, isQuiet: true, run: moveToOther },
  {
    kind: "directory away and back",
    weight: 3,
    lines: 2,
    isSeen: true,
    isQuiet: true,
    run: rootAway,
  },
  { kind: "openclaw.json", weight: 8, lines: 1, isSeen: true, run: toggle },
  {
    kind: "program emptied",
    weight: 3,
    lines: 1,
    isSeen: true,
    run: damage((_, target) => truncateSync(target)),
  },
  {
    kind: "program gone",
    weight: 3,
    lines: 1,
    isSeen: true,
    run: damage((_, target) => rmSync(target)),
  },
  { kind: "link gone", weight: 3, lines: 1, isSeen: true, run: damage((link) => rmSync(link)) },
  {
    kind: "link elsewhere",
    weight: 3,
    lines: 1,
    isSeen: true,
    run: damage((link) => {
      const target = readlinkSync(link);
      rmSync(link);
      symlinkSync(`${target}.no`, link);
    }),
  },
  { kind: "SIGHUP", weight: 4, lines: 1, isSeen: true, run: (soak) => soak.signal("SIGHUP") },
  { kind: "gc beside it", weight: 4, lines: 1, isSeen: false, run: gc },
  {
    kind: "watcher killed",
    weight: 1,
    lines: 1,
    isSeen: false,
    isRestart: true,
    run: killed("SIGKILL"),
  },
  {
    kind: "watcher ended",
    weight: 1,
    lines: 1,
    isSeen: false,
    isRestart: true,
    run: killed("SIGTERM"),
  },
  { kind: "Node killed", weight: 1, lines: 2, isSeen: true, mayFail: true, run: killNode },
  { kind: "second watcher", weight: 1, lines: 6, isSeen: false, mayFail: true, run: second },
  {
    kind: "volume read-only and back",
    weight: 2,
    lines: 2,
    isSeen: false,
    mayFail: true,
    needsRoot: true,
    run: readOnly,
  },
  {
    kind: "disk full and free",
    weight: 2,
    lines: 2,
    isSeen: false,
    mayFail: true,
    needsRoot: true,
    run: full,
  },
];

/** What a soak does to skills and to openclaw.json. Each gives false where it is not possible now. */
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Soak } from "./soak.ts";
import {
  directoryOf,
  removeSkill,
  skillText,
  type World,
  writeConfig,
  writeSkill,
} from "./world.ts";

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

export function add({ world }: Soak): boolean {
  const skill = newSkill(world);
  if (!skill) return false;
  writeSkill(world, skill);
  return true;
}

export async function addInPieces({ world }: Soak): Promise<boolean> {
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
export function addByRename({ world }: Soak): boolean {
  const skill = newSkill(world);
  if (!skill) return false;
  const staged = { ...skill, name: `.openclaw-install-stage-${skill.name}` };
  mkdirSync(directoryOf(staged));
  writeFileSync(join(directoryOf(staged), "SKILL.md"), skillText(skill));
  renameSync(directoryOf(staged), directoryOf(skill));
  world.skills.set(skill.name, skill);
  return true;
}

export function change({ world }: Soak): boolean {
  const skill = someSkill(world);
  if (!skill) return false;
  skill.bins = world.someBins();
  writeSkill(world, skill);
  appendFileSync(join(directoryOf(skill), "SKILL.md"), `${world.chance.below(1000)}\n`);
  return true;
}

export function remove({ world }: Soak): boolean {
  const skill = someSkill(world);
  if (skill) removeSkill(world, skill);
  return skill !== undefined;
}

export function moveToOther({ world }: Soak): boolean {
  const [skill, root] = [someSkill(world), someRoot(world)];
  if (!skill || root === undefined || root === skill.root) return false;
  const from = directoryOf(skill);
  skill.root = root;
  renameSync(from, directoryOf(skill));
  return true;
}

export async function rootAway({ world }: Soak): Promise<boolean> {
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

export function toggle({ world }: Soak): boolean {
  const skill = someSkill(world);
  if (!skill) return false;
  skill.enabled = !skill.enabled;
  writeConfig(world);
  return true;
}

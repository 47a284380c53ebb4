/**
 * What a soak changes: skills in three of OpenClaw's directories, openclaw.json, and a volume on a file system
 * of its own; and the model of it, which tells which programs the volume must have.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Chance } from "../../support/random.ts";
import { openWorkplace, type Workplace } from "../../support/workplace.ts";
import { isRoot, openRoom, type Room } from "../support/mounts.ts";
import { type Goods, offer } from "../support/trial.ts";
import { openRequests, type Requests } from "./requests.ts";

/** How long a soak may take (s). */
const longest = 6 * 60 * 60;
/** Far more than its programs; little enough to be filled in no time. */
const volumeSize = "24m";

interface Skill {
  readonly name: string;
  root: string;
  bins: readonly string[];
  enabled: boolean;
}

export interface World {
  readonly place: Workplace;
  readonly chance: Chance;
  readonly tools: readonly Goods[];
  /** Skills that are there, by name. */
  readonly skills: Map<string, Skill>;
  /** Directories of skills, and those of them that are away. */
  readonly roots: readonly string[];
  readonly away: Set<string>;
  readonly requests: Requests;
  /** Where the volume is seen from here. */
  readonly volume: string;
  /** Absent where this user may not mount. */
  readonly room: Room | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** The skills in view that are not disabled. */
  selected(): Skill[];
  /** Programs that they need, and those that agents were granted. */
  needed(): Set<string>;
  /** Some programs, for a skill. */
  someBins(): string[];
  /** A name that no skill has had. */
  newName(): string;
  close(): Promise<void>;
}

export const soakMark = "SOAK_MARK";

export async function openWorld(chance: Chance, mark: string): Promise<World> {
  const place = await openWorkplace();
  const room = isRoot ? await openRoom(longest) : undefined;
  mkdirSync(place.prefix);
  room?.mount("-t", "tmpfs", "-o", `size=${volumeSize},mode=755`, "tmpfs", place.prefix);
  const names = Array.from({ length: 40 }, (_, i) => `tool-${String(i).padStart(2, "0")}`);
  const tools = names.map((name) => offer(place, name, { bytes: 2000 }));
  const state = join(place.home, ".openclaw");
  const roots = [
    join(state, "skills"),
    join(state, "workspace", "skills"),
    join(place.home, ".agents", "skills"),
  ];
  for (const root of roots) mkdirSync(root, { recursive: true });
  mkdirSync(join(place.dir, "run"), { mode: 0o700 });
  const { OPENCLAW_SKILL_DIRS: _, ...env } = place.env;
  const requests = openRequests(join(place.dir, "requests"));
  const skills = new Map<string, Skill>();
  const away = new Set<string>();
  const selected = () => [...skills.values()].filter((it) => it.enabled && !away.has(it.root));
  let made = 0;
  return {
    place,
    chance,
    tools,
    skills,
    roots,
    away,
    requests,
    room,
    volume: room?.seen(place.prefix) ?? place.prefix,
    env: {
      ...env,
      OPENCLAW_STATE_DIR: state,
      OPENCLAW_SKILL_REQUESTS: requests.dir,
      OPENCLAW_SKILL_DEPS_NODE: process.execPath,
      XDG_RUNTIME_DIR: join(place.dir, "run"),
      [soakMark]: mark,
    },
    selected,
    needed: () => new Set([...selected().flatMap(({ bins }) => bins), ...requests.granted]),
    someBins: () => Array.from({ length: 1 + chance.below(3) }, () => chance.one(names)),
    newName: () => `skill-${made++}`,
    async close() {
      room?.close();
      await place.close();
    },
  };
}

export const directoryOf = ({ root, name }: Skill): string => join(root, name);

export function skillText({ name, bins }: Pick<Skill, "name" | "bins">): string {
  const metadata = JSON.stringify({ openclaw: { requires: { bins } } });
  return `---\nname: ${name}\ndescription: The ${name} skill.\nmetadata: ${metadata}\n---\n\n# ${name}\n`;
}

/** Writes or rewrites a skill's file, and remembers it. */
export function writeSkill(world: World, skill: Skill): void {
  mkdirSync(directoryOf(skill), { recursive: true });
  writeFileSync(join(directoryOf(skill), "SKILL.md"), skillText(skill));
  world.skills.set(skill.name, skill);
}

export function removeSkill(world: World, skill: Skill): void {
  rmSync(directoryOf(skill), { recursive: true });
  world.skills.delete(skill.name);
}

/** Writes openclaw.json, as OpenClaw does: a new file takes the place of the old one. */
export function writeConfig({ place, skills }: World): void {
  const disabled = [...skills.values()].filter(({ enabled }) => !enabled);
  const entries = Object.fromEntries(disabled.map(({ name }) => [name, { enabled: false }]));
  const file = join(place.home, ".openclaw", "openclaw.json");
  writeFileSync(`${file}.new`, `${JSON.stringify({ skills: { entries } }, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

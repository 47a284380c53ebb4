import { readdirSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { sha256Hex } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import type { Env } from "../../core/platform.ts";
import {
  defaultLimits,
  type OpenClawConfig,
  type SkillLimits,
  stateDir,
  userPath,
} from "../../core/skills/config.ts";
import type { FoundSkill, SkillRoot } from "../../core/skills/select.ts";
import { parseSkill, type SkillVerdict } from "../../core/skills/skill.ts";
import { isStatusSkill, statusSkill } from "../../core/status-skill.ts";
import { asFields } from "../../core/values.ts";
import { plural } from "../../core/wording.ts";
import { fileError, isLasting, isMissing, orNothing } from "../files.ts";
import { type ReadOptions, readSettingsFile, tryRead } from "../input.ts";
import { discover, isInside, real } from "./discover.ts";

export type { SkillRoot } from "../../core/skills/select.ts";

/** Where skills are searched. */
export interface SkillContext {
  readonly env: Env;
  /** The user's home, absolute. */
  readonly home: string;
  readonly config: OpenClawConfig;
  /** Searched instead of OpenClaw's own directories, if there are any. */
  readonly skillsDirs: readonly string[];
  /** Replaces `/` in the containers' fixed paths; default `/`. */
  readonly fsRoot?: string;
}

/** Every skill below the roots, the highest root first, and the problems. */
export interface SkillsInView {
  readonly skills: readonly FoundSkill[];
  /** Every directory that was listed: adding or removing a skill changes one of them. */
  readonly directories: readonly string[];
  readonly problems: readonly string[];
}

/** Those of `candidateRoots` that exist. */
export function skillRoots(candidates: readonly SkillRoot[]): SkillRoot[] {
  return candidates.filter(({ dir }) => mayBeDirectory(dir));
}

/**
 * Every directory in which skills would be read if it existed, highest precedence first: those of a
 * sandbox and those of a gateway. Throws a UserError (`config`) if a named one is not a directory.
 */
export function candidateRoots(context: SkillContext): SkillRoot[] {
  if (context.skillsDirs.length > 0) return namedRoots(context.skillsDirs);
  const { env, home, config, fsRoot = "/" } = context;
  const state = stateDir(env, home);
  const user = (path: string) => userPath(path, env, home);
  const workspaces = workspaceDirs(context, state);
  const candidates: [SkillRoot["kind"], readonly string[]][] = [
    ["sandbox", sandboxDirs.map((dir) => join(fsRoot, dir))],
    ["workspace", workspaces.flatMap((dir) => [join(dir, "skills"), join(dir, ".agents/skills")])],
    ["personal", [join(home, ".agents/skills")]],
    ["managed", [join(state, "skills")]],
    ["workshop", workshopDirs(state)],
    ["bundled", bundledDirs(env, home, fsRoot)],
    ["plugin", [join(state, "plugin-skills")]],
    ["extra", config.extraDirs.map(user).reverse()], // the last one has the highest precedence
  ];
  const roots = new Map<string, SkillRoot>();
  for (const [kind, dirs] of candidates) {
    for (const dir of dirs) {
      if (!roots.has(dir)) roots.set(dir, { dir, kind });
    }
  }
  return [...roots.values()];
}

/**
 * Finds and reads the skills below the roots, which are in order of precedence. Never throws for
 * the contents of the disk: an unreadable file is a rejected skill, an unreadable directory a
 * problem.
 */
export function findSkills(
  roots: readonly SkillRoot[],
  limits: SkillLimits = defaultLimits,
): SkillsInView {
  const views = roots.map((root) => viewOf(root, limits));
  const seen = new Set<string>();
  const winners = new Map<string, string>();
  const skills = views.flatMap((view) => {
    const kept: FoundSkill[] = [];
    // Within a root the last skill of a name wins, so it is visited first.
    for (const { skill, realFile } of view.read.toReversed()) {
      if (seen.has(realFile)) continue;
      seen.add(realFile);
      const winner = skill.verdict.ok ? winners.get(skill.name) : undefined;
      if (skill.verdict.ok && winner === undefined) winners.set(skill.name, skill.file);
      kept.unshift(winner === undefined ? skill : { ...skill, shadowedBy: winner });
    }
    return kept;
  });
  const directories = [...new Set(views.flatMap((view) => view.directories))];
  return { skills, directories, problems: views.flatMap((view) => view.problems) };
}

const sandboxDirs = [
  "workspace/skills",
  "workspace/.openclaw/sandbox-skills/skills",
  "agent/skills",
];

function namedRoots(dirs: readonly string[]): SkillRoot[] {
  const roots = [...new Set(dirs.map((dir) => resolve(dir)))];
  for (const dir of roots) {
    if (statOf(dir).isDirectory()) continue;
    throw new UserError("E_SKILLS_DIRECTORY", `the skills directory ${dir} is not a directory`);
  }
  return roots.map((dir) => ({ dir, kind: "named" }));
}

function statOf(dir: string): Stats {
  try {
    return statSync(dir);
  } catch (cause) {
    if (!isLasting(cause as Error)) throw fileError("read", dir, cause);
    throw new UserError("E_SKILLS_DIRECTORY", `the skills directory ${dir} cannot be read`, {
      cause,
      hint: "Give a directory that is mounted here: --skills-dir DIR or OPENCLAW_SKILL_DIRS.",
    });
  }
}

/**
 * An agent without its own workspace uses the shared one, or one beside it with the agent's name.
 */
export function workspaceDirs(
  { env, home, config }: Pick<SkillContext, "env" | "home" | "config">,
  state: string,
): string[] {
  const { defaults, agents } = config;
  const user = (path: string) => userPath(path, env, home);
  const shared = user(defaults.workspace || env.OPENCLAW_WORKSPACE_DIR || join(state, "workspace"));
  const dirs = agents.size === 0 ? [shared] : [];
  for (const [id, { workspace }] of agents) {
    const name = id.trim().toLowerCase();
    const own = defaults.workspace ? join(shared, name) : join(state, `workspace-${name}`);
    dirs.push(...(workspace ? [user(workspace)] : [shared, own]));
  }
  return dirs;
}

function workshopDirs(state: string): string[] {
  const agents = orNothing(() => readdirSync(join(state, "agents"))) ?? [];
  return agents.sort().map((agent) => join(state, "agents", agent, "agent/workshop-skills"));
}

/** From the gateway's image, else from the package of an `openclaw` on PATH. */
function bundledDirs(env: Env, home: string, fsRoot: string): string[] {
  const named = env.OPENCLAW_BUNDLED_SKILLS_DIR?.trim();
  if (named) return [userPath(named, env, home)];
  const inImage = join(fsRoot, "app/skills");
  if (mayBeDirectory(inImage)) return [inImage];
  for (const dir of (env.PATH ?? "").split(":")) {
    const command = dir.startsWith("/") ? real(join(dir, "openclaw")) : undefined;
    const root = command && packageRoot(dirname(command));
    if (root) return [join(root, "skills")];
  }
  return [];
}

/** The nearest directory whose package.json has the name openclaw. */
function packageRoot(dir: string): string | undefined {
  for (let current = dir; ; current = dirname(current)) {
    const text = readSettingsFile(join(current, "package.json"));
    if (packageName(text) === "openclaw") return current;
    if (current === dirname(current)) return undefined;
  }
}

function packageName(text: string): unknown {
  return orNothing(() => asFields(JSON.parse(text))?.name);
}

/** An unreadable directory counts: listing it reports why. */
function mayBeDirectory(dir: string): boolean {
  try {
    return statSync(dir).isDirectory();
  } catch (cause) {
    return !isMissing(cause);
  }
}

interface ReadSkill {
  readonly skill: FoundSkill;
  readonly realFile: string;
  /** It is the status skill, which this command writes: no skill of anybody. */
  readonly isStatus: boolean;
}

function viewOf(root: SkillRoot, limits: SkillLimits) {
  const { own, skillDirs, directories, problems } = discover(root, limits);
  const self = own === undefined ? undefined : readSkill(own, root, limits);
  if (self?.skill.verdict.ok) return { read: [self], directories, problems };
  const read: ReadSkill[] = self ? [self] : [];
  let loaded = 0;
  for (const dir of skillDirs) {
    if (loaded >= limits.maxSkillsLoadedPerSource) {
      const problem = `${root.dir} has more than ${plural(loaded, "skill")}; OpenClaw reads no more of them`;
      return { read, directories, problems: [...problems, problem] };
    }
    const one = readSkill(dir, root, limits);
    if (one.skill.verdict.ok) loaded += 1;
    if (!one.isStatus) read.push(one);
  }
  return { read, directories, problems };
}

/** Reads the skill in a directory. Never throws: one that cannot be read is a rejected skill. */
export function readSkill(dir: string, root: SkillRoot, limits: SkillLimits): ReadSkill {
  const file = join(dir, "SKILL.md");
  const realDir = real(dir);
  // The same skill by several links is one, also where the file itself cannot be looked at.
  const target = real(file) ?? join(realDir ?? dir, "SKILL.md");
  const isOut = realDir !== undefined && target !== file && !isInside(realDir, target);
  // The target may be another skill, which this link must not hide.
  const realFile = isOut ? join(realDir, "SKILL.md") : target;
  const read = isOut
    ? `it is a link out of its directory, to ${target}`
    : readBounded(file, root, limits.maxSkillFileBytes);
  const name = basename(dir);
  const text = typeof read === "string" ? "" : read.toString("utf8");
  const verdict: SkillVerdict =
    typeof read === "string" ? { ok: false, name, error: read } : parseSkill(text, name);
  const sha256 = typeof read === "string" ? "" : sha256Hex(read);
  const shown = verdict.ok ? verdict.skill.name : verdict.name;
  const isStatus = name === statusSkill.name && isStatusSkill(text);
  return { skill: { name: shown, file, root, sha256, verdict }, realFile, isStatus };
}

/** The bytes, or why OpenClaw rejects the file. */
function readBounded(file: string, root: SkillRoot, most: number): Buffer | string {
  const refuse: ReadOptions["refuse"] = ({ size, nlink }) => {
    if (size > most) return `it has ${size} bytes; OpenClaw reads up to ${most}`;
    const isShared = root.kind !== "bundled" && root.kind !== "named" && nlink > 1;
    return isShared ? "it has more than one hard link, which OpenClaw does not allow" : undefined;
  };
  const read = tryRead(file, { maxBytes: most, refuse });
  return read.bytes ?? read.why;
}

import type { Dirent } from "node:fs";
import { lstat, opendir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { SkillLimits } from "../core/config.ts";
import { describeError } from "../core/errors.ts";
import type { SkillRoot } from "../core/select.ts";

/** The directories below a root that have a SKILL.md, found as OpenClaw 2026.9.6 finds them. */
export interface Discovery {
  /** The root itself, where it has a SKILL.md: it counts alone if that can be read. */
  readonly own?: string;
  /** Absolute, in OpenClaw's order; of the same name, the last counts. */
  readonly skillDirs: readonly string[];
  /** Every directory that was listed. */
  readonly directories: readonly string[];
  readonly problems: readonly string[];
}

const maxDepth = 6;
/** Of a directory in `skills.load.extraDirs`, which may be anybody's. */
const maxExtraDepth = 2;

interface Walk {
  readonly root: SkillRoot;
  readonly limits: SkillLimits;
  readonly directories: Set<string>;
  readonly problems: string[];
  /** Directories that may still be listed. */
  left: number;
}

/** Looks for skills below a root. Never throws: what cannot be read is a problem. */
export async function discover(root: SkillRoot, limits: SkillLimits): Promise<Discovery> {
  const left = limits.maxCandidatesPerRoot * maxDepth;
  const walk: Walk = { root, limits, directories: new Set(), problems: [], left };
  const { own, skillDirs } = await skillsBelow(walk);
  const directories = [...walk.directories];
  return { ...(own && { own }), skillDirs, directories, problems: walk.problems };
}

/** True where `path` is `dir` or below it; both absolute and real. */
export function isInside(dir: string, path: string): boolean {
  return path === dir || path.startsWith(dir.endsWith("/") ? dir : `${dir}/`);
}

/** The real path; undefined where there is none. */
export async function real(path: string): Promise<string | undefined> {
  return await realpath(path).catch(() => undefined);
}

async function skillsBelow(walk: Walk): Promise<{ own?: string; skillDirs: string[] }> {
  const { dir, kind } = walk.root;
  if (kind === "plugin") return { skillDirs: await linkedSkills(walk) };
  // The workshop's directory holds skills and is never one.
  const base = kind === "workshop" ? dir : await baseOf(walk);
  const realBase = await contained(walk, await real(dir), base);
  if (realBase === undefined) return { skillDirs: [] };
  if (kind !== "workshop" && (await hasSkillFile(base))) return { skillDirs: [base] };
  const skillDirs = await grouped(walk, base, realBase);
  return base !== dir && (await hasSkillFile(dir)) ? { own: dir, skillDirs } : { skillDirs };
}

/** Plugins are published as links to their skills; nothing else in that directory counts. */
async function linkedSkills(walk: Walk): Promise<string[]> {
  const { dir } = walk.root;
  const links: string[] = [];
  for (const name of await childDirs(walk, dir)) {
    const skillDir = join(dir, name);
    const [link, file] = await Promise.all([
      lstat(skillDir).catch(() => undefined),
      lstat(join(skillDir, "SKILL.md")).catch(() => undefined),
    ]);
    if (link?.isSymbolicLink() && file?.isFile()) links.push(skillDir);
  }
  return links;
}

/** The root, or its directory `skills` where only that holds any. */
async function baseOf(walk: Walk): Promise<string> {
  const { dir } = walk.root;
  const nested = join(dir, "skills");
  const isDirectory = await stat(nested).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory) return dir;
  if (!(await hasSkillFile(dir)) && (await holdsSkill(walk, dir, "skills"))) return dir;
  return (await holdsSkill(walk, nested)) ? nested : dir;
}

/** Looks without following links; beside `skills`, a link counts as a skill that may be there. */
async function holdsSkill(walk: Walk, start: string, except?: string): Promise<boolean> {
  const trial: Walk = { ...walk, problems: [] };
  const queue = [{ dir: start, depth: 0 }];
  for (const { dir, depth } of queue) {
    const counts = except === undefined || depth > 0;
    if (counts && (await hasSkillFile(dir))) return true;
    if (depth >= maxDepth) continue;
    const skipped = depth === 0 ? except : undefined;
    const entries = (await entriesOf(trial, dir)).filter(({ name }) => name !== skipped);
    if (except !== undefined && entries.some((entry) => entry.isSymbolicLink())) return true;
    const names = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
    for (const name of limited(trial, dir, names.sort())) {
      queue.push({ dir: join(dir, name), depth: depth + 1 });
    }
  }
  return false;
}

interface Visit {
  readonly dir: string;
  /** Relative to where the walk began; empty there. */
  readonly name: string;
  readonly depth: number;
}

/** Goes down by levels and stops at each SKILL.md. */
async function grouped(walk: Walk, base: string, realBase: string): Promise<string[]> {
  const found: Visit[] = [];
  const queue: Visit[] = [{ dir: base, name: "", depth: 0 }];
  for (const visit of queue) {
    if (visit.name !== "") {
      if ((await contained(walk, realBase, visit.dir)) === undefined) continue;
      if (await hasSkillFile(visit.dir)) {
        found.push(visit);
        continue;
      }
    }
    if (visit.depth < deepest(walk.root, base, visit.name))
      queue.push(...(await below(walk, visit)));
  }
  return found.sort((a, b) => a.name.localeCompare(b.name)).map(({ dir }) => dir);
}

function deepest({ kind }: SkillRoot, base: string, name: string): number {
  const isSkills = basename(base) === "skills" || /^skills(\/|$)/.test(name);
  return kind === "extra" && !isSkills ? maxExtraDepth : maxDepth;
}

async function below(walk: Walk, { dir, name, depth }: Visit): Promise<Visit[]> {
  const visits: Visit[] = [];
  for (const child of await childDirs(walk, dir)) {
    const path = join(dir, child);
    // A directory `skills` without a SKILL.md of its own is a level that does not count.
    const free = name === "" && child === "skills" && !(await hasSkillFile(path));
    visits.push({
      dir: path,
      name: name === "" ? child : `${name}/${child}`,
      depth: free ? 0 : depth + 1,
    });
  }
  return visits;
}

/** The real path of what is at or below `realRoot`; else a problem is said. */
async function contained(
  { root, limits, problems }: Walk,
  realRoot: string | undefined,
  path: string,
): Promise<string | undefined> {
  const target = await real(path);
  if (realRoot === undefined || target === undefined) {
    problems.push(`${path} cannot be resolved`);
    return undefined;
  }
  const free = root.kind === "managed" || root.kind === "personal";
  if (free || isInside(realRoot, target)) return target;
  const mayLeave = root.kind !== "bundled" && root.kind !== "workshop";
  for (const allowed of mayLeave ? limits.allowSymlinkTargets : []) {
    const realAllowed = await real(allowed);
    if (realAllowed !== undefined && isInside(realAllowed, target)) return target;
  }
  problems.push(
    `${path} leads out of ${root.dir}, to ${target}; OpenClaw does not follow it (skills.load.allowSymlinkTargets)`,
  );
  return undefined;
}

/** Names of the directories in a directory, links to directories included, in order. */
async function childDirs(walk: Walk, dir: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await entriesOf(walk, dir)) {
    if (entry.isDirectory()) names.push(entry.name);
    if (!entry.isSymbolicLink()) continue;
    const target = await stat(join(dir, entry.name)).catch(() => undefined);
    if (!target) walk.problems.push(`${join(dir, entry.name)} is a link that leads nowhere`);
    if (target?.isDirectory()) names.push(entry.name);
  }
  return limited(walk, dir, names.sort());
}

function limited(walk: Walk, dir: string, names: string[]): string[] {
  const { maxCandidatesPerRoot: most } = walk.limits;
  if (names.length <= most) return names;
  walk.problems.push(
    `${dir} has ${names.length} directories; OpenClaw looks into the first ${most}`,
  );
  const first = names.slice(0, most);
  const last = dir === walk.root.dir && names.includes("skills") && !first.includes("skills");
  return last ? [...first, "skills"] : first;
}

/** What may be a directory, neither hidden nor node_modules. */
async function entriesOf(walk: Walk, dir: string): Promise<Dirent[]> {
  if (walk.left <= 0) {
    walk.problems.push(`${walk.root.dir} has too many directories; ${dir} is not looked into`);
    return [];
  }
  walk.left -= 1;
  walk.directories.add(dir);
  const entries: Dirent[] = [];
  // OpenClaw's own bounds on what it reads of one directory.
  let unread = Math.min(10_000, Math.max(1000, walk.limits.maxCandidatesPerRoot * 10));
  try {
    for await (const entry of await opendir(dir)) {
      if (unread === 0) {
        walk.problems.push(`${dir} has too many entries; OpenClaw does not read them all`);
        break;
      }
      unread -= 1;
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      if (entry.isDirectory() || entry.isSymbolicLink()) entries.push(entry);
    }
  } catch (error) {
    if (!isMissing(error)) walk.problems.push(`cannot list ${dir}: ${describeError(error)}`);
  }
  return entries;
}

/** A SKILL.md that cannot be seen counts: reading it says why. */
async function hasSkillFile(dir: string): Promise<boolean> {
  return await lstat(join(dir, "SKILL.md")).then(
    () => true,
    (error) => !isMissing(error),
  );
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

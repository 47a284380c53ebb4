import { type Dir, type Dirent, lstatSync, opendirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describeError } from "../../core/errors.ts";
import type { SkillLimits } from "../../core/skills/config.ts";
import type { SkillRoot } from "../../core/skills/select.ts";
import { nameSome } from "../../core/wording.ts";
import { isMissing, orNothing } from "../files.ts";

/** The directories below a root that have a SKILL.md, found as OpenClaw 2026.9.6 finds them. */
export interface Discovery {
  /** The root itself, if it has a SKILL.md: if that can be read, nothing below it counts. */
  readonly own?: string;
  /** Absolute, in OpenClaw's order; of several with the same name the last one counts. */
  readonly skillDirs: readonly string[];
  /** Every directory that was listed. */
  readonly directories: readonly string[];
  readonly problems: readonly string[];
}

const maxDepth = 6;
/** For a directory in `skills.load.extraDirs`, which can be any directory. */
const maxExtraDepth = 2;

interface Walk {
  readonly root: SkillRoot;
  readonly limits: SkillLimits;
  readonly directories: Set<string>;
  readonly problems: string[];
  /** What has a problem already: through links the same file has many paths. */
  readonly reported: Set<string>;
  /** Links out of the root, and where the first one leads. */
  readonly outside: { readonly path: string; readonly target: string }[];
  /** How many more directories may be listed. */
  left: number;
}

/**
 * Searches for skills below a root. Never throws: unreadable files are problems. Synchronous,
 * because each step depends on the previous one, and the thread pool takes ten times as long.
 */
export function discover(root: SkillRoot, limits: SkillLimits): Discovery {
  const left = limits.maxCandidatesPerRoot * maxDepth;
  const directories = new Set<string>();
  const found = { directories, problems: [], reported: new Set<string>(), outside: [] };
  const walk: Walk = { root, limits, ...found, left };
  const { own, skillDirs } = skillsBelow(walk);
  const problems = [...walk.problems, ...outsideOf(walk)];
  return { ...(own && { own }), skillDirs, directories: [...directories], problems };
}

function outsideOf({ root, outside }: Walk): string[] {
  const [first] = outside;
  if (!first) return [];
  const names = nameSome(
    outside.map(({ path }) => path),
    3,
  );
  const [are, them] = outside.length > 1 ? ["are links", "them"] : ["is a link", "it"];
  const to = outside.length > 1 ? "" : `, to ${first.target}`;
  return [
    `${names} ${are} out of ${root.dir}${to}; OpenClaw does not follow ${them} (skills.load.allowSymlinkTargets)`,
  ];
}

/** True at the first problem of a file, by whatever path it was reached. */
function isNew({ reported }: Walk, path: string): boolean {
  const place = join(real(dirname(path)) ?? dirname(path), basename(path));
  if (reported.has(place)) return false;
  reported.add(place);
  return true;
}

function report(walk: Walk, path: string, problem: string): void {
  if (isNew(walk, path)) walk.problems.push(problem);
}

/** True if `path` is `dir` or below it; both absolute and real. */
export function isInside(dir: string, path: string): boolean {
  return path === dir || path.startsWith(dir.endsWith("/") ? dir : `${dir}/`);
}

/** The real path; undefined if nothing exists. */
export function real(path: string): string | undefined {
  return orNothing(() => realpathSync.native(path));
}

function skillsBelow(walk: Walk): { own?: string; skillDirs: string[] } {
  const { dir, kind } = walk.root;
  if (kind === "plugin") return { skillDirs: linkedSkills(walk) };
  // The workshop's directory holds skills and is never one itself.
  const base = kind === "workshop" ? dir : baseOf(walk);
  const realBase = contained(walk, real(dir), base);
  if (realBase === undefined) return { skillDirs: [] };
  if (kind !== "workshop" && hasSkillFile(base)) return { skillDirs: [base] };
  const skillDirs = grouped(walk, base, realBase);
  return base !== dir && hasSkillFile(dir) ? { own: dir, skillDirs } : { skillDirs };
}

/** Plugins are published as links to their skills; other files in that directory are ignored. */
function linkedSkills(walk: Walk): string[] {
  const { dir } = walk.root;
  const links: string[] = [];
  for (const name of childDirs(walk, dir)) {
    const skillDir = join(dir, name);
    const link = orNothing(() => lstatSync(skillDir));
    const file = orNothing(() => lstatSync(join(skillDir, "SKILL.md")));
    if (link?.isSymbolicLink() && file?.isFile()) links.push(skillDir);
  }
  return links;
}

/** The root, or its directory `skills` if only that has skills. */
function baseOf(walk: Walk): string {
  const { dir } = walk.root;
  const nested = join(dir, "skills");
  if (!orNothing(() => statSync(nested))?.isDirectory()) return dir;
  if (!hasSkillFile(dir) && holdsSkill(walk, dir, "skills")) return dir;
  return holdsSkill(walk, nested) ? nested : dir;
}

/** Searches without following links; beside `skills`, a link counts as a possible skill. */
function holdsSkill(walk: Walk, start: string, except?: string): boolean {
  const trial: Walk = { ...walk, problems: [], reported: new Set() };
  const queue = [{ dir: start, depth: 0 }];
  for (const { dir, depth } of queue) {
    const counts = except === undefined || depth > 0;
    if (counts && hasSkillFile(dir)) return true;
    if (depth >= maxDepth) continue;
    const skipped = depth === 0 ? except : undefined;
    const entries = entriesOf(trial, dir).filter(({ name }) => name !== skipped);
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
  /** Relative to the start; empty there. */
  readonly name: string;
  readonly depth: number;
}

/** Searches level by level and stops at each SKILL.md. */
function grouped(walk: Walk, base: string, realBase: string): string[] {
  const found: Visit[] = [];
  const queue: Visit[] = [{ dir: base, name: "", depth: 0 }];
  for (const visit of queue) {
    if (visit.name !== "") {
      if (contained(walk, realBase, visit.dir) === undefined) continue;
      if (hasSkillFile(visit.dir)) {
        found.push(visit);
        continue;
      }
    }
    if (visit.depth < deepest(walk.root, base, visit.name)) queue.push(...below(walk, visit));
  }
  return found.sort((a, b) => inOrder(a.name, b.name)).map(({ dir }) => dir);
}

/**
 * OpenClaw sorts by localeCompare, which takes 5 ms to load; plain names sort the same without it.
 */
function inOrder(a: string, b: string): number {
  if (!plainName.test(a) || !plainName.test(b)) return a.localeCompare(b);
  return a < b ? -1 : Number(a > b);
}

const plainName = /^[a-z0-9/-]*$/;

function deepest({ kind }: SkillRoot, base: string, name: string): number {
  const isSkills = basename(base) === "skills" || /^skills(\/|$)/.test(name);
  return kind === "extra" && !isSkills ? maxExtraDepth : maxDepth;
}

function below(walk: Walk, { dir, name, depth }: Visit): Visit[] {
  const visits: Visit[] = [];
  for (const child of childDirs(walk, dir)) {
    const path = join(dir, child);
    // A directory `skills` without its own SKILL.md is a level that does not count.
    const free = name === "" && child === "skills" && !hasSkillFile(path);
    visits.push({
      dir: path,
      name: name === "" ? child : `${name}/${child}`,
      depth: free ? 0 : depth + 1,
    });
  }
  return visits;
}

/** The real path, if it is at or below `realRoot`; else reports a problem. */
function contained(walk: Walk, realRoot: string | undefined, path: string): string | undefined {
  const { root, limits, outside } = walk;
  const target = real(path);
  if (realRoot === undefined || target === undefined) {
    report(walk, path, `${path} cannot be resolved`);
    return undefined;
  }
  const free = root.kind === "managed" || root.kind === "personal";
  if (free || isInside(realRoot, target)) return target;
  const mayLeave = root.kind !== "bundled" && root.kind !== "workshop";
  for (const allowed of mayLeave ? limits.allowSymlinkTargets : []) {
    const realAllowed = real(allowed);
    if (realAllowed !== undefined && isInside(realAllowed, target)) return target;
  }
  if (isNew(walk, path)) outside.push({ path, target });
  return undefined;
}

/** Names of the subdirectories of a directory, including links to directories, in order. */
function childDirs(walk: Walk, dir: string): string[] {
  const names: string[] = [];
  for (const entry of entriesOf(walk, dir)) {
    if (entry.isDirectory()) names.push(entry.name);
    if (!entry.isSymbolicLink()) continue;
    const target = orNothing(() => statSync(join(dir, entry.name)));
    const path = join(dir, entry.name);
    if (!target) report(walk, path, `${path} is a dangling link`);
    if (target?.isDirectory()) names.push(entry.name);
  }
  return limited(walk, dir, names.sort());
}

function limited(walk: Walk, dir: string, names: string[]): string[] {
  const { maxCandidatesPerRoot: most } = walk.limits;
  if (names.length <= most) return names;
  report(walk, dir, `${dir} has ${names.length} directories; OpenClaw searches the first ${most}`);
  const first = names.slice(0, most);
  const last = dir === walk.root.dir && names.includes("skills") && !first.includes("skills");
  return last ? [...first, "skills"] : first;
}

/** Entries that may be directories, without hidden ones and node_modules. */
function entriesOf(walk: Walk, dir: string): Dirent[] {
  if (walk.left <= 0) {
    const { dir: root } = walk.root;
    const problem = `${root} has too many directories, or links that lead in a circle; ${dir} and what follows are not searched`;
    if (walk.left === 0) walk.problems.push(problem);
    walk.left = -1;
    return [];
  }
  walk.left -= 1;
  walk.directories.add(dir);
  const entries: Dirent[] = [];
  // OpenClaw's own limit on the entries that it reads of one directory.
  let unread = Math.min(10_000, Math.max(1000, walk.limits.maxCandidatesPerRoot * 10));
  try {
    for (const entry of each(opendirSync(dir))) {
      if (unread === 0) {
        report(walk, dir, `${dir} has too many entries; OpenClaw does not read them all`);
        break;
      }
      unread -= 1;
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      if (entry.isDirectory() || entry.isSymbolicLink()) entries.push(entry);
    }
  } catch (error) {
    if (!isMissing(error)) report(walk, dir, `cannot list ${dir}: ${describeError(error)}`);
  }
  return entries;
}

function* each(dir: Dir): Generator<Dirent> {
  try {
    for (let entry = dir.readSync(); entry; entry = dir.readSync()) yield entry;
  } finally {
    dir.closeSync();
  }
}

/** A SKILL.md that cannot be read counts: reading it reports why. */
function hasSkillFile(dir: string): boolean {
  try {
    return lstatSync(join(dir, "SKILL.md"), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return !isMissing(error);
  }
}

import {
  type BigIntStats,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import JSON5 from "json5";
import { sha256Hex } from "../core/digest.ts";
import { layout } from "../core/layout.ts";
import { parseManifest } from "../core/manifest.ts";
import { isBinName } from "../core/names.ts";
import { doing, fileError, token } from "./files.ts";
import { type Content, findContent, idOf } from "./steady-content.ts";

/**
 * What a finished run saw, for the sh entrypoint, which answers the next run alone while all of it
 * still holds. A record is a directory of the volume's `share/openclaw-skill-deps/steady/`, published
 * by rename and never changed: `LENGTH-TOKEN` for one view (LENGTH: its bytes), `any-TOKEN` for places
 * that see the same skills elsewhere. In it, one item per line where it is a file:
 *
 *   view       the view (`any-`: its first two words); then how many programs are counted
 *   system     names of programs that are found on PATH, outside the volume
 *   unmet      `NAME: why` of what this place can never provide
 *   programs/  links to manifest.json and all programs of the volume; relative ones, so that a copy of
 *              the volume has them too
 *   sizes      `MODE SIZE NAME` of these
 *   seal       `MODE SIZE CHANGED INODE NAME` of these; only where that proves content
 *   watch/     links to what else decides: SKILL.md, directories, openclaw.json, recipes; one that
 *              dangles stands for what must not be there
 *   stat       `MODE SIZE CHANGED INODE NAME` of programs/ and watch/; only where that proves content
 *   files/ roots/ listed/  links to files, to directories that are searched for SKILL.md, and to
 *              directories whose every file counts
 *   content    `HASH  PATH` of what is found there
 *   settled    (`any-` only) `HASH NAME…`: a SKILL.md and the programs that it asks for; lines without
 *              names are the catalogue's and the manifest's
 *
 * Links, because sh hands the names in a directory to a program without reading a list, which would
 * cost it a system call per byte or another process.
 */
export interface SteadyFacts {
  readonly prefix: string;
  /** The line that the entrypoint gave in OPENCLAW_SKILL_DEPS_VIEW. */
  readonly view: string;
  /** Directories in which a new SKILL.md would count; they need not exist yet. */
  readonly roots: readonly string[];
  /** Every SKILL.md, openclaw.json, catalogue and recipe file that was read; `sha256` is empty where it could not be. */
  readonly inputs: readonly { path: string; sha256: string; skill: boolean }[];
  /** Every directory that was listed. Of those outside the roots (recipes) every file counts. */
  readonly directories: readonly string[];
  /** `bin/NAME` and what it starts, relative to the prefix, with their bytes. */
  readonly programs: readonly { path: string; size: number }[];
  /** Names of required programs that were found outside the volume. */
  readonly system: readonly string[];
  /** sha256 of each SKILL.md whose requirements hold. */
  readonly settled: readonly string[];
  /** `NAME: why`, one line each. */
  readonly unmet: readonly string[];
}

/** Kept for so many views. */
const maxRecords = 8;
const maxSettled = 4096;
const maxSettledBytes = 16 * 1024 * 1024;
/** An unpublished record of this age was left by a run that was killed (ms). */
const graceMs = 60 * 60 * 1000;
/** How far the clocks of other file systems than the volume's may be from ours (ns). */
const clockSkew = 2_000_000_000n;

/** The disk is not what the run saw, or cannot be told by a record. */
class Unrecordable extends Error {}

/**
 * Records a run after which nothing is left to do. Where the volume cannot be written to, or something
 * changed during the run, there is no record, and the next run asks Node again.
 */
export async function recordSteady(facts: SteadyFacts): Promise<void> {
  if (facts.view === "" || facts.view.includes("\n")) return;
  const steady = join(facts.prefix, layout.steady);
  const own = join(steady, `.new-${token()}`);
  const any = join(steady, `.new-${token()}`);
  try {
    refuseLinks(facts.prefix);
    const manifest = readFileSync(join(facts.prefix, layout.manifest), "utf8");
    await writeViewRecord(own, facts);
    await writeAnyRecord(any, facts, manifest);
    const names = [`${Buffer.byteLength(facts.view)}-${token()}`, `any-${token()}`] as const;
    renameSync(own, join(steady, names[0]));
    renameSync(any, join(steady, names[1]));
    prune(steady, names, facts.view);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!(error instanceof Unrecordable) && typeof code !== "string") throw error;
    removeQuietly(own);
    removeQuietly(any);
  }
}

/**
 * Drops all records. Called before the first change of the volume: records are compared with the disk
 * and cannot lie about it, but a run that was killed half-way should be finished by Node.
 */
export async function forgetSteady(prefix: string): Promise<void> {
  const steady = join(prefix, layout.steady);
  const aside = join(prefix, layout.share, `.steady-${token()}`);
  try {
    renameSync(steady, aside);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return;
    if (code !== "EXDEV") throw fileError("change", steady, error);
    // A directory of an image's layer cannot be renamed everywhere.
    await doing("remove", steady, rm(steady, { recursive: true, force: true }));
  }
  removeQuietly(aside);
}

async function writeViewRecord(dir: string, facts: SteadyFacts): Promise<void> {
  const programs = await sealPrograms(dir, facts);
  const listed = directoriesOfRecipes(facts);
  const files = facts.inputs.filter(({ path, skill }) => !skill && !listed.has(dirname(path)));
  if (files.some(({ path }) => asksEnvironment(path)))
    throw new Unrecordable("openclaw.json takes variables");
  const paths = [
    ...facts.roots,
    ...facts.directories,
    ...listed,
    ...facts.inputs.map((i) => i.path),
  ];
  const watch = linkAll(dir, "watch", new Set(paths));
  linkAll(dir, "roots", new Set(facts.roots));
  linkAll(dir, "listed", listed);
  linkAll(dir, "files", new Set(files.map(({ path }) => path)));
  symlinkSync(`../../../../../${layout.manifest}`, join(dir, "files", "manifest"));
  // Metadata first, content afterwards: a file that is changed between the two then has another
  // content than the run saw, and one that is changed later has other metadata.
  const proof = await settledStats(dir, facts, [...programs, ...watch]);
  const isWhole = checkContent(dir, facts);
  if (!isWhole && !isOld(dir, watch)) throw new Unrecordable("something came during the run");
  if (proof !== undefined) writeFileSync(join(dir, "stat"), proof);
  else if (!isWhole) throw new Unrecordable("neither metadata nor content tell it");
  writeFileSync(join(dir, "system"), lines(facts.system));
}

async function writeAnyRecord(dir: string, facts: SteadyFacts, manifest: string): Promise<void> {
  await sealPrograms(dir, facts);
  for (const kind of ["files", "roots", "listed"]) mkdirSync(join(dir, kind));
  symlinkSync(`../../../../../${layout.manifest}`, join(dir, "files", "manifest"));
  const catalogue = facts.inputs.find(({ path }) => basename(path) === "catalogue.json");
  if (catalogue === undefined) throw new Unrecordable("no catalogue");
  const skills = mergeSettled(facts, catalogue.sha256, manifest);
  const known = Object.entries(skills).map(([hash, names]) => [hash, ...names].join(" "));
  writeFileSync(join(dir, "settled"), lines([catalogue.sha256, sha256Hex(manifest), ...known]));
  writeView(dir, facts, facts.view.split(" ", 2).join(" "));
}

/** Links the programs, and writes their sizes and, where that is proof, their metadata. */
async function sealPrograms(dir: string, facts: SteadyFacts): Promise<string[]> {
  const programs = linkPrograms(dir, facts);
  const seal = await settledStats(dir, facts, programs);
  if (seal !== undefined) writeFileSync(join(dir, "seal"), seal);
  return programs;
}

/** Links the programs and writes their sizes, if they are what the run saw. */
function linkPrograms(dir: string, facts: SteadyFacts): string[] {
  mkdirSync(join(dir, "programs"), { recursive: true });
  const all = [{ path: layout.manifest, size: undefined }, ...facts.programs];
  const width = String(all.length).length;
  const sizes: string[] = [];
  const names = all.map(({ path, size }, i) => {
    const number = String(i).padStart(width, "0");
    const name = `programs/${number}%${path.replaceAll("/", "%").slice(-200)}`;
    symlinkSync(`../../../../../${path}`, join(dir, name));
    const stats = statSync(join(dir, name), { bigint: true });
    const runs = !path.startsWith(`${layout.bin}/`) || (stats.mode & 0o111n) !== 0n;
    const fits = size === undefined || stats.size === BigInt(size);
    if (!stats.isFile() || !fits || !runs) throw new Unrecordable(path);
    sizes.push(`${stats.mode.toString(16)} ${stats.size} ${name}`);
    return name;
  });
  writeFileSync(join(dir, "sizes"), lines(sizes));
  return names;
}

/** Numbered links; numbers of one width are in the same order for every shell. */
function linkAll(dir: string, kind: string, targets: ReadonlySet<string>): string[] {
  mkdirSync(join(dir, kind));
  const width = String(targets.size).length;
  return [...targets].map((target, i) => {
    const name = `${kind}/${String(i).padStart(width, "0")}`;
    symlinkSync(target, join(dir, name));
    return name;
  });
}

/**
 * The lines of `stat`, where metadata is proof: every file was last changed at an earlier tick of its
 * file system's clock than now, so that a later change gives it another time. What was written by
 * this very run is only a tick old, so it is worth waiting for the next one.
 */
async function settledStats(
  dir: string,
  facts: SteadyFacts,
  names: readonly string[],
): Promise<string | undefined> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    writeView(dir, facts, facts.view);
    const now = statSync(join(dir, "view"), { bigint: true });
    const elsewhere = BigInt(Date.now()) * 1_000_000n - clockSkew;
    const stats = names.flatMap((name) => {
      const found = statSync(join(dir, name), { bigint: true, throwIfNoEntry: false });
      return found ? [{ name, found }] : [];
    });
    const isProof = ({ dev, ctimeNs }: BigIntStats) =>
      ctimeNs < (dev === now.dev ? now.ctimeNs : elsewhere);
    if (stats.every(({ found }) => isProof(found))) {
      return lines(stats.map(({ name, found }) => formatStat(name, found)));
    }
    // Waiting helps only on the volume: elsewhere it would take seconds.
    if (stats.some(({ found }) => found.dev !== now.dev && !isProof(found))) return undefined;
    await sleep(12);
  }
  return undefined;
}

/** As `TZ=UTC0 stat -L -c '%f %s %z %i %n'` prints it. */
function formatStat(name: string, { mode, size, ctimeNs, ino }: BigIntStats): string {
  const second = new Date(Number(ctimeNs / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = String(ctimeNs % 1_000_000_000n).padStart(9, "0");
  const time = `${second.replace("T", " ")}.${fraction} +0000`;
  return `${mode.toString(16)} ${size} ${time} ${BigInt.asUintN(64, ino)} ${name}`;
}

/**
 * Compares what is on disk with what the run saw, and writes `content`. False where the entrypoint's
 * search sees SKILL.md files that the run did not count (too deep, or behind a link that is not
 * followed): content alone then cannot tell whether they still do not count.
 */
function checkContent(dir: string, facts: SteadyFacts): boolean {
  const seen = new Map<string, string>();
  for (const { path, sha256 } of facts.inputs) {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (sha256 === "") continue;
    if (found === undefined) throw new Unrecordable(path);
    seen.set(idOf(found), sha256);
  }
  const content = findContent(dir);
  if (content === undefined) return false;
  const counted = content.filter(({ path, id, sha256 }) => {
    const expected = seen.get(id);
    if (expected !== undefined && expected !== sha256) throw new Unrecordable(path);
    return expected !== undefined;
  });
  const isWhole =
    facts.inputs.every(({ sha256 }) => sha256 !== "") &&
    new Set(counted.map(({ id }) => id)).size === seen.size &&
    content.every((one) => seen.has(one.id) || !counts(one));
  if (isWhole) {
    writeFileSync(join(dir, "content"), lines(content.map((c) => `${c.sha256}  ${c.path}`)));
  }
  return isWhole;
}

function counts({ path, nested }: Content): boolean {
  if (nested || path === "files/manifest") return false;
  return !path.startsWith("listed/") || path.endsWith(".yaml");
}

/** True of an openclaw.json whose choice of skills depends on variables that no view has. */
function asksEnvironment(file: string): boolean {
  if (basename(file) === "catalogue.json") return false;
  try {
    const { skills, agents } = JSON5.parse(readFileSync(file, "utf8"));
    return JSON.stringify([skills?.load, skills?.allowBundled, agents]).includes("${");
  } catch {
    return false;
  }
}

/** True where no directory was changed since the run began, so that it saw all that is in them. */
function isOld(dir: string, watch: readonly string[]): boolean {
  const start = BigInt(Math.floor(performance.timeOrigin)) * 1_000_000n - clockSkew;
  return watch.every((name) => {
    const found = statSync(join(dir, name), { bigint: true, throwIfNoEntry: false });
    return !found?.isDirectory() || found.ctimeNs < start;
  });
}

function directoriesOfRecipes({ inputs, roots, directories }: SteadyFacts): Set<string> {
  const isBelow = (path: string) =>
    roots.some((root) => path === root || path.startsWith(`${root}/`));
  const recipes = inputs.filter(({ path, skill }) => !skill && path.endsWith(".yaml"));
  return new Set([
    ...directories.filter((path) => !isBelow(path)),
    ...recipes.map(({ path }) => dirname(path)),
  ]);
}

/**
 * SKILL.md files that this run or earlier ones with the same catalogue settled, with the programs that
 * they ask for, and remembers them beyond `forgetSteady`. An entry holds however the volume changes,
 * because the entrypoint looks for the programs each time.
 */
function mergeSettled(
  facts: SteadyFacts,
  catalogue: string,
  manifest: string,
): Record<string, string[]> {
  const file = join(facts.prefix, layout.share, "settled.json");
  const skills = new Map(Object.entries(readSettled(file, catalogue)));
  const parsed = parseManifest(manifest, layout.manifest);
  if ("why" in parsed) throw new Unrecordable(parsed.message);
  const asked = new Map(parsed.skills.map((s) => [s.sha256, s]));
  const bins = facts.programs.map(({ path }) => basename(path));
  const present = new Set([...facts.system, ...bins]);
  for (const hash of facts.settled) {
    const skill = asked.get(hash);
    const names = skill && [...skill.bins, ...skill.anyBins.filter((bin) => present.has(bin))];
    skills.delete(hash);
    skills.set(hash, names ?? [...facts.system]);
  }
  const merged = Object.fromEntries([...skills].slice(-maxSettled));
  const text = `${JSON.stringify({ catalogue, skills: merged })}\n`;
  const draft = `${file}.${token()}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
  return merged;
}

/** A link in place of one of our directories would lead our writes elsewhere. */
function refuseLinks(prefix: string): void {
  for (const dir of ["share", layout.share, layout.steady]) {
    const found = lstatSync(join(prefix, dir), { throwIfNoEntry: false });
    if (found && !found.isDirectory()) throw new Unrecordable(`${dir} is no directory`);
  }
}

function readSettled(file: string, catalogue: string): Record<string, string[]> {
  try {
    const found = lstatSync(file);
    if (!found.isFile() || found.size > maxSettledBytes) return {};
    const read = JSON.parse(readFileSync(file, "utf8"));
    if (read.catalogue !== catalogue) return {};
    const sound = Object.entries<string[]>(read.skills).filter(
      ([hash, names]) => /^[0-9a-f]{64}$/.test(hash) && names.every(isBinName),
    );
    return Object.fromEntries(sound);
  } catch {
    return {};
  }
}

function writeView(dir: string, { programs, system, unmet }: SteadyFacts, view: string): void {
  const own = programs.filter(({ path }) => path.startsWith(`${layout.bin}/`));
  writeFileSync(join(dir, "view"), lines([view, String(own.length + system.length)]));
  writeFileSync(join(dir, "unmet"), lines(unmet.map((line) => line.replaceAll(/\s+/g, " "))));
}

/** Removes what the new records replace; never what is newer, which another run has just written. */
function prune(steady: string, names: readonly [string, string], view: string): void {
  const timeOf = (name: string) => statSync(join(steady, name)).mtimeMs;
  const others = readdirSync(steady).filter((name) => !names.includes(name));
  const age = new Map(others.map((name) => [name, timeOf(names[0]) - timeOf(name)]));
  const older = others.filter((name) => (age.get(name) ?? 0) >= 0);
  const isSame = (name: string) =>
    readFileSync(join(steady, name, "view"), "utf8").startsWith(`${view}\n`);
  const litter = older.filter((name) => name.startsWith(".") && (age.get(name) ?? 0) > graceMs);
  const views = older.filter((name) => /^\d/.test(name));
  const replaced = views.filter(isSame);
  const surplus = views
    .filter((name) => !replaced.includes(name))
    .sort((a, b) => (age.get(a) ?? 0) - (age.get(b) ?? 0))
    .slice(maxRecords - 1);
  const formerAny = older.filter((name) => name.startsWith("any-"));
  for (const name of [...litter, ...replaced, ...surplus, ...formerAny]) {
    removeQuietly(join(steady, name));
  }
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join("");
}

function removeQuietly(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch {
    // Litter of the next run's concern; a read-only volume has none.
  }
}

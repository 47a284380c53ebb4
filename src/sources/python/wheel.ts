import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { type EntryPoint, parseEntryPoints } from "../../core/locks/entry-points.ts";
import { normalName } from "../../core/locks/wheel-tags.ts";
import type { LockedWheel } from "../../core/recipe.ts";
import { lstat, mkdir, rm } from "../../io/disk.ts";
import { entriesIn } from "../../io/entries.ts";
import { listNames, lstatIfExists, moveOnto, textOf, withContext } from "../../io/files.ts";
import { moveTree } from "../../io/move.ts";
import { extract, limitsFor } from "../../unpack/extract.ts";

/** The destination of a wheel's parts, by the part's name in NAME.data; other parts are dropped. */
const places = {
  purelib: "site-packages",
  platlib: "site-packages",
  data: ".",
  scripts: "scripts",
} as const;
type Part = keyof typeof places;
/** A part that is not the packages themselves. */
export type WheelPart = Exclude<Part, "purelib" | "platlib">;

/** A wheel that is unpacked in its own directory. */
export interface OpenWheel {
  readonly wheel: LockedWheel;
  /** Absolute. */
  readonly workDir: string;
  /** The text of its METADATA. */
  readonly metadata: string;
  readonly entryPoints: ReadonlyMap<string, EntryPoint>;
  /** Names of its script files, without those that are also entry points. */
  readonly scripts: readonly string[];
}

/**
 * Unpacks a verified wheel into `workDir`, which is created, and reads its metadata. No code of it is
 * run. Throws a UserError (`integrity`) if pip would not accept it as the locked package.
 */
export async function openWheel(
  wheel: LockedWheel,
  file: string,
  workDir: string,
  signal?: AbortSignal,
): Promise<OpenWheel> {
  await withContext("create", workDir, mkdir(workDir));
  const limits = limitsFor(wheel.size);
  await extract({ file, format: "wheel", into: workDir, strip: 0, limits, signal });
  const info = await findInfo(wheel, workDir);
  const textIn = (name: string) => textOf(join(workDir, info, name));
  const entryPoints = parseEntryPoints(await textIn("entry_points.txt"));
  const scripts = dataOf(workDir).flatMap((data) => names(join(workDir, data, "scripts")));
  return {
    wheel,
    workDir,
    metadata: await textIn("METADATA"),
    entryPoints,
    scripts: scripts.filter((name) => !entryPoints.has(name)),
  };
}

/**
 * Moves an open wheel into a shared tree: packages into `site-packages`, and of its other parts those that
 * `parts` names: scripts into `scripts`. As in pip, the later of two files with the same name wins. Throws a UserError (`recipe`) if one
 * wheel has a file and another a directory of that name.
 */
export async function placeWheel(
  { wheel, workDir }: OpenWheel,
  tree: string,
  parts: readonly WheelPart[],
): Promise<void> {
  const datas = dataOf(workDir);
  const aside = `${workDir}.data`;
  await withContext("create", aside, mkdir(aside));
  for (const data of datas)
    await withContext("move", aside, moveTree(join(workDir, data), join(aside, data)));
  await merge(workDir, join(tree, "site-packages"), wheel);
  for (const data of datas) {
    for (const part of ["purelib", "platlib", ...parts] as const) {
      const from = join(aside, data, part);
      const to = join(tree, places[part]);
      if ((await lstatIfExists(from))?.isDirectory()) await merge(from, to, wheel);
    }
  }
  for (const left of [workDir, aside]) await rm(left, { recursive: true, force: true });
}

/** The wheel's data directories; pip checks only the end of the name. */
function dataOf(workDir: string): string[] {
  return directories(workDir, ".data");
}

/** The single dist-info directory, which must match the lock. */
async function findInfo(wheel: LockedWheel, workDir: string): Promise<string> {
  const [info = "", ...others] = directories(workDir, ".dist-info");
  const text = await textOf(join(workDir, info, "WHEEL"));
  const recorded = await lstatIfExists(join(workDir, info, "RECORD"));
  const isNamed = others.length === 0 && normalName(info).startsWith(wheel.name);
  if (!isNamed || !recorded?.isFile()) {
    throw broken(wheel, "its metadata names another package");
  }
  const version = /^Wheel-Version:\s*(\d+)\b/im.exec(text)?.[1];
  if (version === undefined || Number(version) > 1) {
    throw broken(wheel, "its wheel version is not supported");
  }
  return info;
}

async function merge(from: string, to: string, wheel: LockedWheel): Promise<void> {
  if (!(await lstatIfExists(to))) {
    await withContext("move", to, moveTree(from, to));
    return;
  }
  for (const name of names(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const [mine, theirs] = [await lstat(source), await lstatIfExists(target)];
    if (mine.isDirectory() && theirs?.isDirectory()) await merge(source, target, wheel);
    else if (!theirs || (!mine.isDirectory() && !theirs.isDirectory())) {
      const move = mine.isDirectory() ? moveTree : moveOnto;
      await withContext("move", target, () => move(source, target));
    } else throw clash(wheel, name, mine.isDirectory());
  }
}

function directories(workDir: string, end: string): string[] {
  const fitting = entriesIn(workDir).filter(
    ({ name, stats }) => stats.isDirectory() && name.endsWith(end),
  );
  return fitting.map(({ name }) => name).sort();
}

function names(dir: string): string[] {
  return listNames(dir).sort();
}

function broken(wheel: LockedWheel, why: string): UserError {
  return new UserError("E_WHEEL", `${wheel.file} cannot be installed: ${why}`);
}

function clash(wheel: LockedWheel, name: string, isDirectory: boolean): UserError {
  const [mine, theirs] = isDirectory ? ["directory", "file"] : ["file", "directory"];
  const message = `${wheel.file} cannot be installed: its ${mine} ${name} is a ${theirs} of a package beside it`;
  return new UserError("E_WHEELS_COLLIDE", message);
}

import { chmod, readFile, rename, utimes } from "node:fs/promises";
import { join, relative } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { type InstalledBin, type InstalledRecord, parseRecord } from "../core/manifest.ts";
import {
  doing,
  follow,
  listNames,
  look,
  makeDirectory,
  syncDirectory,
  syncTree,
  writeAtomically,
} from "./files.ts";
import { refuseLink } from "./volume.ts";

/**
 * Publishes a staged tree under its final name and returns the record with the directory it got.
 * Where that name is taken by a whole tree, that one is taken up, unless `replace` asks for a new
 * one; where it is taken by a broken one or must be replaced, a suffix is added, because a directory
 * cannot be exchanged in one step while programs run from it.
 */
export async function publish(
  prefix: string,
  tree: string,
  record: InstalledRecord,
  replace: boolean,
): Promise<InstalledRecord> {
  await chmod(tree, 0o755);
  const parent = join(prefix, layout.lib, record.tool);
  await refuseLink(prefix, relative(prefix, parent));
  await makeDirectory(parent);
  const base = layout.treeDir(record.tool, record.version, record.key);
  for (let n = 1; n < 1000; n += 1) {
    const dir = n === 1 ? base : `${base}.${n}`;
    const candidate = moved(record, dir);
    const present = await readRecord(prefix, dir);
    if (present && !replace && (await isWhole(prefix, present))) return present;
    if (await look(join(prefix, dir))) continue;
    await writeAtomically(join(tree, layout.record), `${JSON.stringify(candidate, null, 2)}\n`);
    await syncTree(tree);
    if (!(await renameInto(tree, join(prefix, dir)))) continue;
    await syncDirectory(parent);
    return candidate;
  }
  throw new UserError("volume", `${parent} is full of trees of one version`, {
    hint: `Remove what the manifest does not list below ${parent}.`,
  });
}

/** False where another run took the name first: rename(2) does not replace a directory with files. */
async function renameInto(tree: string, target: string): Promise<boolean> {
  try {
    await rename(tree, target);
    const now = new Date();
    await utimes(target, now, now);
    return true;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") return false;
    return doing("publish", target, Promise.reject(cause));
  }
}

function moved(record: InstalledRecord, dir: string): InstalledRecord {
  const bins = Object.entries(record.bins).map(([name, bin]): [string, InstalledBin] => [
    name,
    { ...bin, path: join(dir, relative(record.dir, bin.path)) },
  ]);
  return { ...record, dir, bins: Object.fromEntries(bins) };
}

/** The record that lies in a published tree, if it is one that speaks of this very tree. */
async function readRecord(prefix: string, dir: string): Promise<InstalledRecord | undefined> {
  const text = await readFile(join(prefix, dir, layout.record), "utf8").catch(() => undefined);
  const record = text === undefined ? undefined : parseRecord(text);
  return record?.dir === dir ? record : undefined;
}

/** A published tree of this version and key that is whole, if there is one: nothing to download. */
export async function findTree(
  prefix: string,
  tool: string,
  version: string,
  key: string,
): Promise<InstalledRecord | undefined> {
  const base = layout.treeDir(tool, version, key);
  for (const name of listNames(join(prefix, layout.lib, tool))) {
    const dir = `${layout.lib}/${tool}/${name}`;
    if (dir !== base && !dir.startsWith(`${base}.`)) continue;
    const record = await readRecord(prefix, dir);
    if (record && (await isWhole(prefix, record))) return record;
  }
  return undefined;
}

/** True where every program of a tree is there with the size it was published with, executable. */
export async function isWhole(prefix: string, record: InstalledRecord): Promise<boolean> {
  const checks = Object.values(record.bins).map(async ({ path, size, runtime }) => {
    const found = await follow(join(prefix, path));
    const runs = runtime !== undefined || ((found?.mode ?? 0) & 0o111) !== 0;
    return found?.isFile() === true && found.size === size && runs;
  });
  return (await Promise.all(checks)).every(Boolean);
}

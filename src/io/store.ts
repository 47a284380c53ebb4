import { readdirSync } from "node:fs";
import { chmod, lstat, mkdir, readFile, readlink, rename, rm, utimes } from "node:fs/promises";
import { join, relative } from "node:path";
import { UserError } from "../core/errors.ts";
import { renderLauncher } from "../core/launcher.ts";
import { layout } from "../core/layout.ts";
import {
  emptyManifest,
  type InstalledBin,
  type InstalledRecord,
  type Manifest,
  parseManifest,
  parseRecord,
  renderManifest,
} from "../core/manifest.ts";
import {
  doing,
  follow,
  linkAtomically,
  look,
  makeDirectory,
  syncDirectory,
  syncTree,
  token,
  writeAtomically,
} from "./files.ts";

/** A tree that the manifest does not list is litter when nobody has touched it for this long (ms). */
const graceMs = 60 * 60 * 1000;

/** Reads the manifest; undefined where the volume has none. Throws where it cannot be used. */
export async function readManifest(prefix: string): Promise<Manifest | undefined> {
  const file = join(prefix, layout.manifest);
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return undefined;
    throw new UserError("volume", `cannot read ${file}`, {
      cause,
      hint: "Make it readable for the user who runs this, or choose another --prefix.",
    });
  });
  return text === undefined ? undefined : parseManifest(text, file);
}

/**
 * Changes the manifest: reads it anew, lets `change` edit it, writes it in one step, and looks
 * whether another run has written over it meanwhile; if so, it does the same again. Trees carry their
 * own record, so the worst that two writers can do to each other is work done twice.
 */
export async function editManifest(
  prefix: string,
  platform: string,
  change: (manifest: Manifest) => void,
): Promise<Manifest> {
  const file = join(prefix, layout.manifest);
  for (let attempt = 1; ; attempt += 1) {
    const manifest = (await readManifest(prefix)) ?? emptyManifest(platform);
    change(manifest);
    const text = renderManifest(manifest);
    await writeAtomically(file, text);
    const now = await readFile(file, "utf8").catch(() => "");
    if (now === text || attempt === 20) return manifest;
  }
}

/** Makes the directories of a volume. Throws `unmet` (read-only), `permission` or `disk`. */
export async function openVolume(prefix: string): Promise<void> {
  for (const dir of ["", layout.bin, layout.lib, layout.staging, layout.share]) {
    await refuseLink(prefix, dir);
    await makeDirectory(join(prefix, dir));
  }
}

/** A link in place of one of our directories would lead our writes elsewhere. */
async function refuseLink(prefix: string, dir: string): Promise<void> {
  const found = dir === "" ? undefined : await look(join(prefix, dir));
  if (!found || found.isDirectory()) return;
  throw new UserError("volume", `${join(prefix, dir)} is not a directory`, {
    hint: "Something else wrote to this volume. Remove it and run again.",
  });
}

/** One run's place to prepare trees in, on the volume itself so that publishing is a rename. */
export interface Staging {
  readonly dir: string;
  /** An empty directory below it. */
  room(name: string): Promise<string>;
  /** Removes it with all that is in it. */
  close(): Promise<void>;
}

/** Opens a staging place whose name no other run has. A live one is touched every minute. */
export async function openStaging(prefix: string): Promise<Staging> {
  const dir = join(prefix, layout.staging, token());
  await doing("create", dir, mkdir(dir, { mode: 0o700 }));
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(dir, now, now).catch(() => undefined);
  }, 60_000);
  heartbeat.unref();
  let rooms = 0;
  return {
    dir,
    async room(name) {
      rooms += 1;
      const room = join(dir, `${rooms}-${name}`);
      await doing("create", room, mkdir(room, { mode: 0o700 }));
      return room;
    },
    async close() {
      clearInterval(heartbeat);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

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
export async function readRecord(
  prefix: string,
  dir: string,
): Promise<InstalledRecord | undefined> {
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

/** True where every `bin/NAME` of a tool is the link or launcher that it should be. */
export async function isLinked(prefix: string, record: InstalledRecord): Promise<boolean> {
  const checks = Object.entries(record.bins).map(async ([name, bin]) => {
    const path = join(prefix, layout.binPath(name));
    const { runtime } = bin;
    if (runtime === undefined) {
      return (await readlink(path).catch(() => "")) === linkTarget(bin);
    }
    const found = await lstat(path).catch(() => undefined);
    if (!found?.isFile() || (found.mode & 0o111) === 0) return false;
    return (await readFile(path, "utf8")) === renderLauncher({ ...bin, runtime });
  });
  return (await Promise.all(checks)).every(Boolean);
}

/** Makes every `bin/NAME` of a tool, each in one step, so that a program is never missing. */
export async function linkBins(prefix: string, record: InstalledRecord): Promise<void> {
  for (const [name, bin] of Object.entries(record.bins)) {
    const path = join(prefix, layout.binPath(name));
    const { runtime } = bin;
    if (runtime === undefined) await linkAtomically(linkTarget(bin), path);
    else await writeAtomically(path, renderLauncher({ ...bin, runtime }), 0o755);
  }
  await syncDirectory(join(prefix, layout.bin));
}

function linkTarget(bin: InstalledBin): string {
  return relative(layout.bin, bin.path);
}

/**
 * Removes what no run owns any more: staging places without a heartbeat for an hour, and trees that
 * the manifest does not list and nobody touched for an hour. Ages are told by the volume's own clock
 * (`own` is a directory just made), because the clocks of containers can be apart.
 */
export async function sweep(prefix: string, manifest: Manifest, own: string): Promise<void> {
  const now = (await lstat(own)).mtimeMs;
  const listed = new Set(Object.values(manifest.tools).map(({ dir }) => dir));
  const candidates = listNames(join(prefix, layout.staging)).map((n) => `${layout.staging}/${n}`);
  for (const tool of listNames(join(prefix, layout.lib))) {
    if (tool.startsWith(".")) continue;
    for (const name of listNames(join(prefix, layout.lib, tool))) {
      const dir = `${layout.lib}/${tool}/${name}`;
      if (!listed.has(dir)) candidates.push(dir);
    }
  }
  for (const dir of candidates) {
    const path = join(prefix, dir);
    const found = await look(path);
    if (!found || path === own || now - found.mtimeMs < graceMs) continue;
    await rm(path, { recursive: true, force: true });
  }
}

function listNames(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** Which tools of the manifest are not whole, and which are whole but not linked. */
export async function findPresent(
  prefix: string,
  manifest: Manifest,
): Promise<{ manifest: Manifest; damaged: Set<string>; unlinked: Set<string> }> {
  const damaged = new Set<string>();
  const unlinked = new Set<string>();
  await Promise.all(
    Object.values(manifest.tools).map(async (record) => {
      if (!(await isWhole(prefix, record))) damaged.add(record.tool);
      else if (!(await isLinked(prefix, record))) unlinked.add(record.tool);
    }),
  );
  return { manifest, damaged, unlinked };
}

/** Finds programs in the directories of `path` outside the volume, as a shell would. */
export async function findOnPath(
  names: readonly string[],
  path: string,
  prefix: string,
): Promise<Map<string, string>> {
  const own = join(prefix, layout.bin);
  const dirs = path.split(":").filter((dir) => dir.startsWith("/") && join(dir, ".") !== own);
  const found = new Map<string, string>();
  await Promise.all(
    [...new Set(names)].map(async (name) => {
      for (const dir of dirs) {
        const candidate = join(dir, name);
        const stats = await follow(candidate);
        if (!stats?.isFile() || (stats.mode & 0o111) === 0) continue;
        found.set(name, candidate);
        return;
      }
    }),
  );
  return found;
}

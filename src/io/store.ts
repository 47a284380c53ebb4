import {
  accessSync,
  chmodSync,
  constants,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import {
  type InstalledBin,
  type InstalledRecord,
  isConsistent,
  parseTreeRecord,
  type SealedRecord,
  type TreeRecord,
} from "../core/manifest.ts";
import { doing, listNames, look, makeDirectory, syncDirectory, syncTree } from "./files.ts";
import { readPlain } from "./input.ts";
import {
  contentsDigest,
  differences,
  latestChange,
  listTree,
  type TreeList,
  type WrittenDigests,
} from "./tree-list.ts";
import { isYoung, refuseLink, renew } from "./volume.ts";

/** A record as far as it is known before the tree is listed. */
export type DraftRecord = Omit<InstalledRecord, "contents">;

/** Far more than the record of the largest tree. */
const maxRecordBytes = 64 * 1024 * 1024;

/**
 * Publishes a staged tree under its final name and returns its record, sealed. What was `written` is
 * recorded as it was written. Where that name is
 * taken by a tree that is whole and not older than `since` (ms), that one is taken up; otherwise a
 * suffix is added, because a directory cannot be exchanged in one step while programs run from it.
 */
export async function publish(
  prefix: string,
  tree: string,
  written: WrittenDigests,
  draft: DraftRecord,
  since: number,
): Promise<SealedRecord> {
  chmodSync(tree, 0o755);
  const files = await listTree(tree, written);
  const parent = join(prefix, layout.lib, draft.tool);
  // We make directories there and nothing else: a link is a neighbour's, and is not followed.
  if ((await look(parent))?.isSymbolicLink()) rmSync(parent, { force: true });
  await refuseLink(prefix, relative(prefix, parent));
  const base = layout.treeDir(draft.tool, draft.version, draft.key);
  for (let n = 1; n < 1000; n += 1) {
    const dir = n === 1 ? base : `${base}.${n}`;
    const isNew = ((await look(join(prefix, dir)))?.ctimeMs ?? 0) >= since;
    const present = isNew ? await verifyTree(prefix, dir) : undefined;
    if (present) return present;
    if (await look(join(prefix, dir))) continue;
    const record = { ...moved(draft, dir), contents: contentsDigest(files) };
    await writeRecord(join(tree, layout.record), { record, files });
    await syncTree(tree);
    if (!(await renameInto(tree, join(prefix, dir)))) continue;
    await syncDirectory(parent);
    return seal(prefix, record);
  }
  throw new UserError("volume", `${parent} is full of trees of one version`, {
    hint: `Remove what the manifest does not list below ${parent}.`,
  });
}

/** In a tree that nobody sees yet. It is put on disk with the tree. */
async function writeRecord(path: string, content: TreeRecord): Promise<void> {
  await doing("write", path, () => {
    rmSync(path, { force: true, recursive: true }); // of another name that was tried, or an archive's
    writeFileSync(path, `${JSON.stringify(content)}\n`, { flag: "wx", mode: 0o644 });
    chmodSync(path, 0o644); // whatever the umask is
  });
}

/** False where another run took the name first: rename(2) does not replace a directory with files. */
async function renameInto(tree: string, target: string): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    await makeDirectory(dirname(target));
    try {
      renameSync(tree, target);
      return true;
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code;
      if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") return false;
      // Another run's sweep may have taken the directory away while it was empty.
      if (code === "ENOENT" && attempt < 100 && (await look(tree))) continue;
      return doing("publish", target, Promise.reject(cause));
    }
  }
}

function moved(draft: DraftRecord, dir: string): DraftRecord {
  const placed = <T extends { path: string }>(file: T): T => ({
    ...file,
    path: join(dir, relative(draft.dir, file.path)),
  });
  const bins = Object.entries(draft.bins).map(([name, bin]): [string, InstalledBin] => [
    name,
    { ...placed(bin), ...(bin.program && { program: placed(bin.program) }) },
  ]);
  return { ...draft, dir, bins: Object.fromEntries(bins) };
}

function seal(prefix: string, record: InstalledRecord): SealedRecord {
  return { ...record, sealed: String(latestChange(join(prefix, record.dir))) };
}

/** The record that lies in a published tree, if it is one that speaks of this very tree. */
export async function readTreeRecord(prefix: string, dir: string): Promise<TreeRecord | undefined> {
  const text = readPlain(join(prefix, dir, layout.record), maxRecordBytes);
  const found = text === undefined ? undefined : parseRecord(text);
  return found?.record.dir === dir && isConsistent(found.record) ? found : undefined;
}

function parseRecord(text: string): TreeRecord | undefined {
  try {
    return parseTreeRecord(text);
  } catch {
    return undefined;
  }
}

/** Reads every byte of a tree against its own record; sealed anew where all is as it was published. */
export async function verifyTree(prefix: string, dir: string): Promise<SealedRecord | undefined> {
  const found = await readTreeRecord(prefix, dir);
  if (!found || (await damageOf(prefix, found.record, found.files)).length > 0) return undefined;
  return seal(prefix, found.record);
}

/**
 * Reads every byte of an installed tree. Gives the paths that are not as published, relative to the
 * tree; `.` where the list of its files is itself not the one that the manifest stands for.
 */
export async function deepDamage(prefix: string, record: InstalledRecord): Promise<string[]> {
  const found = await readTreeRecord(prefix, record.dir);
  if (!found || contentsDigest(found.files) !== record.contents) return ["."];
  return damageOf(prefix, record, found.files);
}

async function damageOf(
  prefix: string,
  record: InstalledRecord,
  files: TreeList,
): Promise<string[]> {
  if (contentsDigest(files) !== record.contents) return ["."];
  const list = await listTree(join(prefix, record.dir)).catch(() => undefined);
  return list === undefined ? ["."] : differences(files, list);
}

/** True where nothing in a tree has changed since it was sealed. Reads no file. */
export function isSealed(prefix: string, record: SealedRecord): boolean {
  try {
    return latestChange(join(prefix, record.dir)) <= BigInt(record.sealed);
  } catch {
    return false;
  }
}

/** Published trees of a tool, by directory, the newest first. */
export async function treesOf(prefix: string, tool: string): Promise<string[]> {
  const dirs = listNames(join(prefix, layout.lib, tool)).map(
    (name) => `${layout.lib}/${tool}/${name}`,
  );
  const times = await Promise.all(
    dirs.map(async (dir) => (await look(join(prefix, dir)))?.mtimeMs ?? 0),
  );
  return dirs
    .map((dir, i) => ({ dir, time: times[i] ?? 0 }))
    .sort((a, b) => b.time - a.time)
    .map(({ dir }) => dir);
}

/**
 * A published tree of this version and key that is whole to the last byte by its own record: nothing
 * to download. `since` (ms of the volume's clock): older ones do not count.
 */
export async function findTree(
  prefix: string,
  tool: string,
  version: string,
  key: string,
  since: number,
): Promise<SealedRecord | undefined> {
  const base = layout.treeDir(tool, version, key);
  for (const dir of await treesOf(prefix, tool)) {
    if (dir !== base && !dir.startsWith(`${base}.`)) continue;
    if (((await look(join(prefix, dir)))?.ctimeMs ?? 0) < since) continue;
    if (!(await isYoung(prefix, dir))) await renew(prefix, dir); // it must not be swept meanwhile
    const record = await verifyTree(prefix, dir);
    if (record) return record;
  }
  return undefined;
}

/** True for a file of this size; and one to be run not on a mount without exec, which no mode shows. */
function isFile(path: string, size: number, runs: boolean): boolean {
  try {
    const found = statSync(path);
    if (runs) accessSync(path, constants.X_OK);
    return found.isFile() && found.size === size;
  } catch {
    return false;
  }
}

/** True where every program of a tree is there with the size it was published with, executable. */
export function isWhole(prefix: string, record: InstalledRecord): boolean {
  return Object.values(record.bins).every(
    ({ program, path, size, runtime }) =>
      isFile(join(prefix, path), size, runtime === undefined) &&
      (!program || isFile(join(prefix, program.path), program.size, false)),
  );
}

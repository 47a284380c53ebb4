import { accessSync, constants, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { UserError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import {
  type InstalledBin,
  type InstalledRecord,
  isConsistent,
  parseTreeRecord,
  type SealedRecord,
  type TreeRecord,
  unsealed,
} from "../../core/manifest.ts";
import {
  doing,
  fileError,
  isLasting,
  listNames,
  lstatIfExists,
  makeDirectory,
  orNothing,
  saying,
  syncDirectory,
  syncTree,
} from "../files.ts";
import { readPlain } from "../input.ts";
import { moveTree } from "../move.ts";
import { repairModes, writingGroup } from "./modes.ts";
import { knownTraits } from "./probe.ts";
import { hasTicked, stampsOf, timesProve } from "./stamps.ts";
import { contentsDigest, differences, listTree, type WrittenDigests } from "./tree-list.ts";
import { isYoung, openDirectory, renew } from "./volume.ts";

/** A record as far as it is known before the tree is listed. */
export type DraftRecord = Omit<InstalledRecord, "contents">;

/** Far more than the record of the largest tree. */
const maxRecordBytes = 64 * 1024 * 1024;

/**
 * Publishes a staged tree under its final name and returns its record, sealed. What was `written` is
 * recorded as it was written, where inodes and times tell one file from another. Where that name is
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
  const group = writingGroup(prefix);
  const { changeTimes = "move", inodes = "stable" } = knownTraits(prefix) ?? {};
  const known = changeTimes === "move" && inodes === "stable" ? { written } : {};
  const files = await doing("read", tree, listTree(tree, { ...known, modesOf: { group } }));
  const parent = join(prefix, layout.lib, draft.tool);
  // We make directories there and nothing else: a link is an untrusted writer's, and is not followed.
  if ((await lstatIfExists(parent))?.isSymbolicLink()) {
    await doing("remove", parent, () => rmSync(parent, { force: true }));
  }
  await openDirectory(prefix, relative(prefix, parent));
  const base = layout.treeDir(draft.tool, draft.version, draft.key);
  for (let n = 1; n < 1000; n += 1) {
    const dir = n === 1 ? base : `${base}.${n}`;
    const isNew = ((await lstatIfExists(join(prefix, dir)))?.ctimeMs ?? 0) >= since;
    const present = isNew ? await verifyTree(prefix, dir, false) : undefined;
    if (present) return present;
    if (await lstatIfExists(join(prefix, dir))) continue;
    const record = { ...moved(draft, dir), contents: contentsDigest(files) };
    await writeRecord(join(tree, layout.record), { record, files });
    await syncTree(tree);
    if (!(await renameInto(tree, join(prefix, dir)))) continue;
    await syncDirectory(parent);
    return seal(prefix, record);
  }
  throw new UserError("E_VOLUME_CROWDED", `${parent} is full of trees of one version`, {
    hint: `Remove what the manifest does not list below ${parent}.`,
  });
}

/** In a tree that nobody sees yet. It is put on disk with the tree. */
async function writeRecord(path: string, content: TreeRecord): Promise<void> {
  await doing("write", path, () => {
    rmSync(path, { force: true, recursive: true }); // of another name that was tried, or an archive's
    writeFileSync(path, `${JSON.stringify(content)}\n`, { flag: "wx" });
  });
}

/** False where another run took the name first: rename(2) does not replace a directory with files. */
async function renameInto(tree: string, target: string): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    await makeDirectory(dirname(target));
    try {
      await moveTree(tree, target, [layout.record]);
      return true;
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code;
      if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") return false;
      // Another run's sweep may have taken the directory away while it was empty.
      if (code === "ENOENT" && attempt < 100 && (await lstatIfExists(tree))) continue;
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

/**
 * Notes the times of a tree whose bytes are known, or are read after this. They prove nothing where they
 * can be set, nor where something was changed in the tick that is not over yet: it could be changed
 * once more and show the same time. Such a tree is read again by the next run that looks at it.
 */
async function seal(prefix: string, record: InstalledRecord): Promise<SealedRecord> {
  const tree = join(prefix, record.dir);
  const { fingerprint, latest } = saying("look at", tree, () => stampsOf(tree));
  const proves = timesProve(prefix) && (await hasTicked(join(prefix, layout.share), latest));
  return { ...record, sealed: proves ? fingerprint : unsealed };
}

/** The record that lies in a published tree, if it is one that speaks of this very tree. */
export async function readTreeRecord(prefix: string, dir: string): Promise<TreeRecord | undefined> {
  const text = readPlain(join(prefix, dir, layout.record), maxRecordBytes);
  const found = text === undefined ? undefined : orNothing(() => parseTreeRecord(text));
  return found?.record.dir === dir && isConsistent(found.record) ? found : undefined;
}

/**
 * Reads every byte of a tree against its own record; sealed anew where all is as it was published.
 * `repair`: sets its modes first.
 */
export async function verifyTree(
  prefix: string,
  dir: string,
  repair: boolean,
): Promise<SealedRecord | undefined> {
  if (repair) await repairTree(prefix, dir);
  const found = await readTreeRecord(prefix, dir);
  return found && (await compare(prefix, found)).sealed;
}

/** Sets the modes of a published tree as its own record has them. True where any was changed. */
export async function repairTree(prefix: string, dir: string): Promise<boolean> {
  const repaired = repairModes(prefix, dir, {}); // the record may itself not be readable
  const found = await readTreeRecord(prefix, dir);
  return (found !== undefined && repairModes(prefix, dir, found.files)) || repaired;
}

/** How a tree compares with what was published. */
interface Compared {
  /**
   * What is not as published, relative to the tree; `.` where the list of its files is itself not the
   * one that the manifest stands for.
   */
  readonly paths: readonly string[];
  /** Its record, sealed anew; only where nothing differs. */
  readonly sealed?: SealedRecord;
}

/** Reads every byte of an installed tree. */
export async function examineTree(prefix: string, record: InstalledRecord): Promise<Compared> {
  const found = await readTreeRecord(prefix, record.dir);
  if (!found || found.record.contents !== record.contents) return { paths: ["."] };
  return await compare(prefix, { record, files: found.files });
}

async function compare(prefix: string, { record, files }: TreeRecord): Promise<Compared> {
  if (contentsDigest(files) !== record.contents) return { paths: ["."] };
  try {
    const sealed = await seal(prefix, record); // before it is read: what changes meanwhile is seen next time
    const paths = differences(files, await listTree(join(prefix, record.dir)));
    return paths.length === 0 ? { paths, sealed } : { paths };
  } catch (cause) {
    if (isLasting(cause)) return { paths: ["."] };
    throw fileError(
      "read",
      (cause as NodeJS.ErrnoException).path ?? join(prefix, record.dir),
      cause,
    );
  }
}

/**
 * True where nothing in a tree has changed since it was sealed, on a volume of which times prove that;
 * false too where that cannot be told. Reads no file.
 */
export function isSealed(prefix: string, record: SealedRecord): boolean {
  if (record.sealed === unsealed) return false;
  const found = orNothing(() => stampsOf(join(prefix, record.dir)));
  return found?.fingerprint === record.sealed;
}

/** Published trees of a tool, by directory, the newest first. */
export async function treesOf(prefix: string, tool: string): Promise<string[]> {
  const dirs = listNames(join(prefix, layout.lib, tool)).map(
    (name) => `${layout.lib}/${tool}/${name}`,
  );
  const times = await Promise.all(
    dirs.map(async (dir) => (await lstatIfExists(join(prefix, dir)))?.mtimeMs ?? 0),
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
    if (((await lstatIfExists(join(prefix, dir)))?.ctimeMs ?? 0) < since) continue;
    if (!(await isYoung(prefix, dir))) await renew(prefix, dir); // it must not be swept meanwhile
    const record = await verifyTree(prefix, dir, true);
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
  } catch (cause) {
    if (isLasting(cause)) return false;
    throw fileError("look at", path, cause);
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

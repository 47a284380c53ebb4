import { accessSync, constants, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import pLimit from "p-limit";
import { UserError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import { lineOfTool } from "../../core/library-set.ts";
import {
  type InstalledBin,
  type InstalledRecord,
  isConsistent,
  parseTreeRecord,
  type TreeList,
  type TreeRecord,
  unverified,
  type VerifiedRecord,
} from "../../core/manifest.ts";
import {
  fileError,
  isLasting,
  isThere,
  listNames,
  lstatIfExists,
  makeDirectory,
  orNothing,
  saying,
  syncDirectory,
  syncTree,
  withContext,
} from "../files.ts";
import { readPlain } from "../input.ts";
import { moveTree } from "../move.ts";
import { repairModes, writingGroup } from "./modes.ts";
import { knownTraits } from "./probe.ts";
import { type Donor, shareFiles } from "./shared-files.ts";
import { stampsOf, timeAfter, timesProve } from "./stamps.ts";
import { contentsDigest, differences, listTree, type WrittenDigests } from "./tree-list.ts";
import { isYoung, openDirectory, renew } from "./volume.ts";

/** A record before the tree is listed. */
export type DraftRecord = Omit<InstalledRecord, "contents">;

/** Far more than the record of the largest tree. */
const maxRecordBytes = 64 * 1024 * 1024;

/**
 * Publishes a staged tree under its final name and returns its record, verified. The digests of
 * `written` files are reused if inodes and times identify files reliably. If the name exists and
 * holds an intact tree that is not older than `since` (ms), that tree is used; otherwise a suffix
 * is added, because a directory cannot be exchanged in one step while programs run from it. A library
 * set's files become hard links to equal files of the other sets: see `renewedRecords`.
 */
export async function publish(
  prefix: string,
  tree: string,
  written: WrittenDigests,
  draft: DraftRecord,
  since: number,
): Promise<VerifiedRecord> {
  const group = writingGroup(prefix);
  const { changeTimes = "move", inodes = "stable" } = knownTraits(prefix) ?? {};
  const known = changeTimes === "move" && inodes === "stable" ? { written } : {};
  const isLibrary = lineOfTool(draft.tool) !== undefined;
  const modesOf = { group, isShared: isLibrary };
  const files = await withContext("read", tree, listTree(tree, { ...known, modesOf }));
  const parent = join(prefix, layout.treesDir(draft.tool));
  // Our parent is always a directory: a link is from an untrusted writer and is not followed.
  if ((await lstatIfExists(parent))?.isSymbolicLink()) {
    await withContext("remove", parent, () => rmSync(parent, { force: true }));
  }
  await openDirectory(prefix, relative(prefix, parent));
  const place = () => placeTree(prefix, { tree, files, draft, since });
  // One after the other, so that each set shares files with all that the same run has published before.
  return await (isLibrary ? oneSetAtATime(place) : place());
}

const oneSetAtATime = pLimit(1);

interface ListedTree {
  readonly tree: string;
  readonly files: TreeList;
  readonly draft: DraftRecord;
  readonly since: number;
}

/** Renames a listed tree to the first free name. */
async function placeTree(
  prefix: string,
  { tree, files, draft, since }: ListedTree,
): Promise<VerifiedRecord> {
  const parent = join(prefix, layout.treesDir(draft.tool));
  if (lineOfTool(draft.tool) !== undefined) {
    shareFiles(tree, files, await publishedIn(prefix, relative(prefix, parent)));
  }
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
    return withFingerprint(prefix, record);
  }
  throw new UserError("E_VOLUME_CROWDED", `${parent} is full of trees of one version`, {
    hint: `Remove what the manifest does not list below ${parent}.`,
  });
}

/** The published trees of a directory, with the lists of their files. */
async function publishedIn(prefix: string, parent: string): Promise<Donor[]> {
  const dirs = listNames(join(prefix, parent)).map((name) => `${parent}/${name}`);
  const found = await Promise.all(dirs.map((dir) => readTreeRecord(prefix, dir)));
  return found.flatMap((tree) =>
    tree ? [{ dir: join(prefix, tree.record.dir), files: tree.files }] : [],
  );
}

/** The tree is not published yet; the record is synced with it. */
async function writeRecord(path: string, content: TreeRecord): Promise<void> {
  await withContext("write", path, () => {
    rmSync(path, { force: true, recursive: true }); // of another name that was tried, or from an archive
    writeFileSync(path, `${JSON.stringify(content)}\n`, { flag: "wx" });
  });
}

/**
 * False if another run has created the name first: rename(2) does not replace a non-empty
 * directory.
 */
async function renameInto(tree: string, target: string): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    await makeDirectory(dirname(target));
    try {
      await moveTree(tree, target, [layout.record]);
      return true;
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code;
      if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") return false;
      // Another run may have pruned the directory while it was empty.
      if (code === "ENOENT" && attempt < 100 && (await lstatIfExists(tree))) continue;
      return withContext("publish", target, Promise.reject(cause));
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
 * Records the fingerprint of a tree whose bytes are verified, or will be after this. It proves
 * nothing if times can be set, or if something was changed in the current clock tick: another
 * change could show the same time. The next run then hashes the tree again.
 */
async function withFingerprint(prefix: string, record: InstalledRecord): Promise<VerifiedRecord> {
  const tree = join(prefix, record.dir);
  const { fingerprint, latest } = saying("stat", tree, () => stampsOf(tree));
  const proves =
    timesProve(prefix) && (await timeAfter(join(prefix, layout.share), latest)) !== undefined;
  return { ...record, sealed: proves ? fingerprint : unverified };
}

/** The record of a published tree, if it is valid for this tree. */
export async function readTreeRecord(prefix: string, dir: string): Promise<TreeRecord | undefined> {
  const text = readPlain(join(prefix, dir, layout.record), maxRecordBytes);
  const found = text === undefined ? undefined : orNothing(() => parseTreeRecord(text));
  return found?.record.dir === dir && isConsistent(found.record) ? found : undefined;
}

/**
 * Hashes every file of a tree against its own record; returns the updated record if all is as
 * published. `repair`: restores its modes first.
 */
export async function verifyTree(
  prefix: string,
  dir: string,
  repair: boolean,
): Promise<VerifiedRecord | undefined> {
  if (repair) await repairTree(prefix, dir);
  const found = await readTreeRecord(prefix, dir);
  return found && (await compare(prefix, found)).verified;
}

/** Restores the modes of a published tree from its own record. True if any was changed. */
export async function repairTree(prefix: string, dir: string): Promise<boolean> {
  const repaired = repairModes(prefix, dir, {}); // the record itself may be unreadable
  const found = await readTreeRecord(prefix, dir);
  return (found !== undefined && repairModes(prefix, dir, found.files)) || repaired;
}

/** The comparison of a tree with what was published. */
interface Compared {
  /**
   * The paths that differ, relative to the tree; `.` if the list of its files does not match the
   * manifest.
   */
  readonly paths: readonly string[];
  /** Its updated record; only if nothing differs. */
  readonly verified?: VerifiedRecord;
}

/** Hashes every file of an installed tree; of those whose digest is `known`, only the metadata are read. */
export async function examineTree(
  prefix: string,
  record: InstalledRecord,
  known?: WrittenDigests,
): Promise<Compared> {
  const found = await readTreeRecord(prefix, record.dir);
  if (!found || found.record.contents !== record.contents) return { paths: ["."] };
  return await compare(prefix, { record, files: found.files }, known);
}

async function compare(
  prefix: string,
  { record, files }: TreeRecord,
  known?: WrittenDigests,
): Promise<Compared> {
  if (contentsDigest(files) !== record.contents) return { paths: ["."] };
  try {
    // Times before contents, so that the next run sees changes in between.
    const verified = await withFingerprint(prefix, record);
    const paths = differences(
      files,
      await listTree(join(prefix, record.dir), known && { written: known }),
    );
    return paths.length === 0 ? { paths, verified } : { paths };
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
 * True if nothing in a tree has changed since it was verified, on a volume whose times prove that;
 * false if that is not certain. Reads no file.
 */
export function isUnchanged(prefix: string, record: VerifiedRecord): boolean {
  if (record.sealed === unverified) return false;
  const found = orNothing(() => stampsOf(join(prefix, record.dir)));
  return found?.fingerprint === record.sealed;
}

/** Published trees of a tool, or of all library sets, by directory, newest first. */
export async function treesOf(prefix: string, tool: string): Promise<string[]> {
  const parent = layout.treesDir(tool);
  const dirs = listNames(join(prefix, parent)).map((name) => `${parent}/${name}`);
  const times = await Promise.all(
    dirs.map(async (dir) => (await lstatIfExists(join(prefix, dir)))?.mtimeMs ?? 0),
  );
  return dirs
    .map((dir, i) => ({ dir, time: times[i] ?? 0 }))
    .sort((a, b) => b.time - a.time)
    .map(({ dir }) => dir);
}

/**
 * A published tree of this version and key that matches its own record: no download is needed.
 * `since` (ms of the volume's clock): older ones do not count.
 */
export async function findTree(
  prefix: string,
  tool: string,
  version: string,
  key: string,
  since: number,
): Promise<VerifiedRecord | undefined> {
  const base = layout.treeDir(tool, version, key);
  for (const dir of await treesOf(prefix, tool)) {
    if (dir !== base && !dir.startsWith(`${base}.`)) continue;
    if (((await lstatIfExists(join(prefix, dir)))?.ctimeMs ?? 0) < since) continue;
    if (!(await isYoung(prefix, dir))) await renew(prefix, dir); // so that it is not pruned in the meantime
    const record = await verifyTree(prefix, dir, true);
    if (record) return record;
  }
  return undefined;
}

/**
 * True for a file of this size; one that is executed must not be on a noexec mount, which modes do
 * not show.
 */
function isFile(path: string, size: number, runs: boolean): boolean {
  try {
    const found = statSync(path);
    if (runs) accessSync(path, constants.X_OK);
    return found.isFile() && found.size === size;
  } catch (cause) {
    if (isLasting(cause)) return false;
    throw fileError("stat", path, cause);
  }
}

/** True if every program of a tree exists with its published size and is executable; of libraries the tree. */
export function isWhole(prefix: string, record: InstalledRecord): boolean {
  if (record.libraries) return isThere(join(prefix, record.dir, layout.record));
  return Object.values(record.bins).every(
    ({ program, path, size, runtime }) =>
      isFile(join(prefix, path), size, runtime === undefined) &&
      (!program || isFile(join(prefix, program.path), program.size, false)),
  );
}

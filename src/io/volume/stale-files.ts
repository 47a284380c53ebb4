import { lstatSync, renameSync, rmSync } from "node:fs";
import { rm, rmdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { commandName, layout } from "../../core/layout.ts";
import type { Manifest } from "../../core/manifest.ts";
import { isRefusal, listNames, lstatIfExists, token, tolerate } from "../files.ts";
import { isOurs, treesInUse } from "./bins.ts";
import { ownCommandLinks } from "./command-links.ts";
import { libraryLink, linkOfName } from "./library-links.ts";
import { findManifest } from "./manifest-file.ts";
import { volumeTime } from "./volume.ts";

/** Staging that a live run would have renewed or finished is stale after this long (ms). */
const stagingGraceMs = 10 * 60 * 1000;
/**
 * A replaced tree may still be in use by running programs, which may load more files of it (ms).
 */
const treeGraceMs = 60 * 60 * 1000;

/** Temporary names of `writeAtomically`, `linkAtomically`, `touch` and the freshness records. */
const temporary =
  /^(\.([0-9a-f]{12}\.tmp|(freshness|steady)-[0-9a-f]+)|(satisfied|settled)\.json\.[0-9a-f]+)$/;

/** What earlier versions of this command wrote into `layout.share`; newer ones do not read it. */
const obsolete = ["steady", "settled.json", "sweep-due"];

/** A file or directory that the manifest does not list. */
interface StaleFile {
  /** Relative to the volume. */
  readonly path: string;
  readonly graceMs: number;
}

/**
 * Removes what the manifest does not list and no run owns. Ages are measured by the volume's clock.
 * Files that are too young are left for a later run, and `layout.pruneDue` gets the time when the
 * next prune is due, for the sh entrypoint. Does nothing on a read-only volume, and stops if it
 * cannot determine what is stale: a later run continues. `early`: only what dead runs have staged,
 * which may be filling the disk.
 */
export async function removeStaleFiles(
  prefix: string,
  manifest: Manifest,
  early = false,
): Promise<void> {
  await tolerate(removeNow(prefix, manifest, early));
}

async function removeNow(prefix: string, manifest: Manifest, early: boolean): Promise<void> {
  const all = await findStaleFiles(prefix, manifest);
  const stale = all.filter(({ path }) => !early || path.startsWith(layout.staging));
  if (early) await removeEmpty(prefix); // also what a failed run has left
  if (stale.length === 0 && !(await lstatIfExists(join(prefix, layout.pruneDue)))) return;
  const now = await volumeTime(prefix);
  if (now === undefined) return;
  let due = Number.POSITIVE_INFINITY;
  for (const { path, graceMs } of stale) {
    const found = await lstatIfExists(join(prefix, path));
    if (!found) continue;
    if (now - found.mtimeMs >= graceMs) await discard(prefix, path);
    else due = Math.min(due, found.mtimeMs + graceMs);
  }
  if (early) return;
  await removeEmpty(prefix);
  await writeDue(prefix, due);
}

/**
 * Everything in the volume that neither this manifest nor the one on disk lists. Throws a UserError
 * if the disk cannot be read: unreadable files are never stale. `withPrevious`: trees that are kept
 * for `rollback` are stale, too.
 */
export async function findStaleFiles(
  prefix: string,
  manifest: Manifest,
  withPrevious = false,
): Promise<StaleFile[]> {
  const stale = await findUnlisted(prefix, [manifest], withPrevious);
  if (stale.length === 0) return stale;
  // Another run may have changed it; files that either of the two lists stay.
  const current = await findManifest(prefix);
  const isUsable = current !== undefined && "tools" in current;
  return isUsable ? await findUnlisted(prefix, [manifest, current], withPrevious) : stale;
}

async function findUnlisted(
  prefix: string,
  manifests: readonly Manifest[],
  withPrevious: boolean,
): Promise<StaleFile[]> {
  const records = manifests.flatMap(({ tools }) => Object.values(tools));
  const bins = new Set(records.flatMap((record) => Object.keys(record.bins)));
  const listed = new Set(manifests.flatMap((one) => listedPaths(one, withPrevious)));
  const isUnlisted = ({ path }: Found): boolean => !listed.has(path);
  const find = (
    dir: string,
    isStale: (found: Found) => boolean,
    graceMs = stagingGraceMs,
  ): StaleFile[] =>
    foundIn(prefix, dir)
      .filter(isStale)
      .map(({ path }) => ({ path, graceMs }));
  const trees = toolDirectories(prefix).flatMap((dir) => find(dir, isUnlisted, treeGraceMs));
  // The target of a listed program is in use even if it is not listed: a run was killed in between.
  const inUse = trees.length === 0 ? [] : await treesInUse(prefix, bins);
  const links = find(layout.bin, ({ name }) => !bins.has(name));
  const areOurs = await Promise.all(links.map(({ path }) => isOurs(join(prefix, path))));
  return [
    ...find(layout.staging, () => true),
    ...["", layout.share, layout.bin, "etc", "etc/profile.d"].flatMap((dir) =>
      find(dir, ({ name }) => temporary.test(name)),
    ),
    ...find(layout.share, ({ name }) => obsolete.includes(name)),
    ...find(layout.freshness, ({ name }) => name.startsWith(".new-")),
    ...find(layout.catalogues, isUnlisted, treeGraceMs),
    ...trees.filter(({ path }) => !inUse.includes(path)),
    ...find(layout.libraries, ({ path }) => !listed.has(linkOfName(path))),
    ...links.filter((_, i) => areOurs[i]),
    ...(bins.has(commandName) ? [] : await ownCommandLinks(prefix)).map((path) => {
      return { path, graceMs: stagingGraceMs };
    }),
  ];
}

interface Found {
  readonly name: string;
  /** Relative to the volume. */
  readonly path: string;
}

function foundIn(prefix: string, dir: string): Found[] {
  return listNames(join(prefix, dir)).map((name) => {
    return { name, path: dir === "" ? name : `${dir}/${name}` };
  });
}

/** The trees, catalogues and links to libraries that a manifest lists. */
function listedPaths(manifest: Manifest, withPrevious: boolean): string[] {
  const records = Object.values(manifest.tools);
  const previous = withPrevious ? [] : Object.values(manifest.previous ?? {});
  const catalogues = Object.values(manifest.catalogues ?? {});
  return [
    ...[...records, ...previous].map(({ dir }) => dir),
    ...catalogues.map(({ sha256 }) => layout.catalogueFile(sha256)),
    ...records.flatMap((record) => libraryLink(record) ?? []),
  ];
}

/** Relative to the volume. */
function toolDirectories(prefix: string): string[] {
  const found = foundIn(prefix, layout.lib).filter(({ name }) => !name.startsWith("."));
  return found.map(({ path }) => path);
}

/** A tool's directory is removed with its last tree. */
async function removeEmpty(prefix: string): Promise<void> {
  for (const dir of toolDirectories(prefix).map((path) => join(prefix, path))) {
    if (listNames(dir).length === 0) await tolerate(rmdir(dir));
  }
}

/** Renamed in one step, then removed: a partial tree must never look like a complete one. */
export async function discard(prefix: string, path: string): Promise<void> {
  const aside = join(prefix, layout.staging, token());
  try {
    renameSync(join(prefix, path), aside);
  } catch (cause) {
    // Otherwise another run was faster, or this user may not remove it.
    if (isRefusal(cause)) await removeInPlace(join(prefix, path));
    return;
  }
  await tolerate(rm(aside, { recursive: true, force: true }));
}

/** If directories cannot be renamed: a tree without its record is never used. */
async function removeInPlace(dir: string): Promise<void> {
  await tolerate(async () => {
    if (!lstatSync(dir).isDirectory()) return;
    rmSync(join(dir, layout.record), { force: true });
    await rm(dir, { recursive: true, force: true }); // otherwise this user may not remove it
  });
}

/** A file whose modification time is when the next prune is due; removed if nothing is left. */
async function writeDue(prefix: string, due: number): Promise<void> {
  const path = join(prefix, layout.pruneDue);
  await tolerate(rm(path, { force: true }));
  if (due === Number.POSITIVE_INFINITY) return;
  const when = new Date(due);
  const isSet = await tolerate(async () => {
    await writeFile(path, "", { flag: "wx" });
    await utimes(path, when, when);
    return true;
  });
  if (!isSet) await tolerate(rm(path, { force: true })); // otherwise it would be due at once, in each run
}

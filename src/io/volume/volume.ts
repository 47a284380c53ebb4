import {
  accessSync,
  constants,
  mkdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
} from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import { noexecError, noexecMount } from "../exec.ts";
import {
  clockOf,
  ifThere,
  listNames,
  lstatIfExists,
  makeDirectory,
  orNothing,
  token,
  tolerate,
  withContext,
} from "../files.ts";
import { isOurs } from "./bins.ts";
import { openModes, writingGroup } from "./modes.ts";
import { probe } from "./probe.ts";

/** How often a live run renews its staging directory (ms). */
const beatMs = 20_000;
const youngMs = 5 * 60_000;

/**
 * Creates the directories of a volume and checks that its file system is suitable, before anything
 * is fetched. Returns a sentence for each obstacle and where it was moved. Throws `unmet`
 * (read-only, noexec, no links), `permission`, `volume` or `disk`.
 */
export async function openVolume(prefix: string): Promise<readonly string[]> {
  const aside = await openDirectories(prefix);
  const mount = await noexecMount(prefix);
  if (mount !== undefined) throw noexecError(mount);
  await probe(prefix);
  return aside;
}

/** The same for commands that only remove, and do not need to run programs. */
export async function openDirectories(prefix: string): Promise<readonly string[]> {
  openModes(prefix);
  const aside: string[] = [];
  // bin/ is last: it is replaced only by a run that can fill it again.
  for (const dir of ["", layout.lib, layout.staging, "share", layout.share, layout.bin]) {
    aside.push(...(await openDirectory(prefix, dir)));
    const path = join(prefix, dir);
    const check = () => withContext("write to", path, () => accessSync(path, constants.W_OK));
    if (dir === layout.bin) {
      await check().catch(async (error: unknown) => {
        if (!(error instanceof UserError) || error.kind !== "permission") throw error;
        aside.push(...(await replaceBin(prefix)));
      });
    }
    await check();
  }
  return aside;
}

/**
 * Creates one of the volume's directories if it is missing. A link to another place in the volume
 * is removed, any other file is renamed: returns its new name, as a sentence. A link out of the
 * volume would redirect our writes and may be intended: throws `volume`.
 */
export async function openDirectory(prefix: string, dir: string): Promise<readonly string[]> {
  const path = join(prefix, dir);
  const found = dir === "" ? undefined : await lstatIfExists(path);
  const aside: string[] = [];
  if (found?.isSymbolicLink()) {
    refuseLinkOut(prefix, path);
    await withContext("remove", path, () => rmSync(path, { force: true }));
  } else if (found && !found.isDirectory()) aside.push(await setAside(path, "is not a directory"));
  await makeDirectory(path);
  return aside;
}

/** Creates the directory of our own records in the volume, and one in it. */
export async function openShare(prefix: string, inner: string = layout.share): Promise<void> {
  for (const dir of new Set(["share", layout.share, inner])) await openDirectory(prefix, dir);
}

function refuseLinkOut(prefix: string, path: string): void {
  const realOf = (place: string): string | undefined => ifThere(place, () => realpathSync(place));
  const root = realOf(prefix) ?? prefix;
  const target = ifThere(path, () => readlinkSync(path)) ?? "";
  const real = realOf(path) ?? resolve(realOf(dirname(path)) ?? dirname(path), target);
  if (real.startsWith(`${root}/`)) return;
  throw new UserError("E_VOLUME_LINK", `${path} is a link out of the volume, to ${target}`);
}

/** Renames a file beside itself; returns its new name, as a sentence. */
async function setAside(path: string, why: string): Promise<string> {
  const aside = `${path}.broken-${token()}`;
  await withContext("set aside", path, () => renameSync(path, aside));
  return `${path} ${why}; it is kept as ${aside}`;
}

/** `bin/` can be recreated completely, so another user's is replaced. */
async function replaceBin(prefix: string): Promise<readonly string[]> {
  const bin = join(prefix, layout.bin);
  const names = listNames(bin);
  const ours = await Promise.all(names.map((name) => isOurs(join(bin, name))));
  if (!ours.every(Boolean)) return []; // it holds other programs: the error that follows says what to do
  const said = await tolerate(setAside(bin, "cannot be written to by this user"));
  if (said === undefined) return [];
  await makeDirectory(bin);
  return [said];
}

/** True for errors of a volume that is read-only here, or another user's: some other host fills it. */
export function isFilledElsewhere({ kind }: UserError): boolean {
  return kind === "unmet" || kind === "permission";
}

/** The work directory of one run, on the volume itself so that publishing is a rename. */
export interface Staging {
  readonly dir: string;
  /** Creates an empty directory in it. */
  workDir(name: string): Promise<string>;
  /** Removes it with its contents. */
  close(): Promise<void>;
}

/** Creates a staging directory with a unique name, and renews it while the run lives. */
export async function openStaging(prefix: string): Promise<Staging> {
  const dir = join(prefix, layout.staging, token());
  // Only accessible for users who may repair the volume: they prune what a dead run leaves.
  const mode = writingGroup(prefix) === undefined ? 0o700 : 0o770;
  await withContext("create", dir, () => mkdirSync(dir, { mode }));
  const heartbeat = setInterval(() => {
    void tolerate(touch(dir));
  }, beatMs);
  heartbeat.unref();
  let rooms = 0;
  return {
    dir,
    async workDir(name) {
      rooms += 1;
      const workDir = join(dir, `${rooms}-${name}`);
      await withContext("create", workDir, () => mkdirSync(workDir, { mode }));
      return workDir;
    },
    async close() {
      clearInterval(heartbeat);
      await tolerate(rm(dir, { recursive: true, force: true }));
    },
  };
}

/** Renews a directory's time by the volume's clock, because the clocks of containers can differ. */
async function touch(dir: string): Promise<void> {
  const mark = join(dir, `.${token()}.tmp`);
  await writeFile(mark, "", { flag: "wx" });
  await rm(mark, { force: true });
}

/** The volume's current time, in ms; undefined if it cannot be written to. */
export async function volumeTime(prefix: string): Promise<number | undefined> {
  return clockOf(join(prefix, layout.share));
}

/** Resets a tree's age, so that it is not stale for another hour. Changes nothing in it. */
export async function renew(prefix: string, dir: string): Promise<void> {
  const now = await volumeTime(prefix);
  if (now === undefined) return;
  // If another user owns it, that user renews it.
  orNothing(() => utimesSync(join(prefix, dir), now / 1000, now / 1000));
}

/** True if it was created or renewed in the last minutes and needs no `renew`. */
export async function isYoung(prefix: string, dir: string): Promise<boolean> {
  const now = await volumeTime(prefix);
  const found = await lstatIfExists(join(prefix, dir));
  return now !== undefined && found !== undefined && now - found.mtimeMs < youngMs;
}

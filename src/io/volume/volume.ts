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
  doing,
  ifThere,
  listNames,
  lstatIfExists,
  makeDirectory,
  orNothing,
  token,
  tolerate,
} from "../files.ts";
import { isOurs } from "./bins.ts";
import { openModes, writingGroup } from "./modes.ts";
import { probe } from "./probe.ts";

/** How often a live run shows that its staging place has an owner (ms). */
const beatMs = 20_000;
const youngMs = 5 * 60_000;

/**
 * Makes the directories of a volume, and looks whether its file system is fit for one, before anything
 * is fetched. Gives what was in the way and where it is kept, a sentence each. Throws `unmet` (read-only,
 * no exec, no links), `permission`, `volume` or `disk`.
 */
export async function openVolume(prefix: string): Promise<readonly string[]> {
  const aside = await openDirectories(prefix);
  const mount = await noexecMount(prefix);
  if (mount !== undefined) throw noexecError(mount);
  await probe(prefix);
  return aside;
}

/** The same for who only takes away, and need not be able to run what is there. */
export async function openDirectories(prefix: string): Promise<readonly string[]> {
  openModes(prefix);
  const aside: string[] = [];
  // bin/ comes last: it is replaced only by who can fill it again.
  for (const dir of ["", layout.lib, layout.staging, "share", layout.share, layout.bin]) {
    aside.push(...(await openDirectory(prefix, dir)));
    const path = join(prefix, dir);
    const check = () => doing("write to", path, () => accessSync(path, constants.W_OK));
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
 * Makes one of the volume's own directories where it is missing. A link to another place of the volume
 * goes, any other thing of its name is kept aside: gives where, as a sentence. A link that leads out of
 * the volume would lead our writes there and may be somebody's will: throws `volume`.
 */
export async function openDirectory(prefix: string, dir: string): Promise<readonly string[]> {
  const path = join(prefix, dir);
  const found = dir === "" ? undefined : await lstatIfExists(path);
  const aside: string[] = [];
  if (found?.isSymbolicLink()) {
    refuseLinkOut(prefix, path);
    await doing("remove", path, () => rmSync(path, { force: true }));
  } else if (found && !found.isDirectory()) aside.push(await setAside(path, "is not a directory"));
  await makeDirectory(path);
  return aside;
}

function refuseLinkOut(prefix: string, path: string): void {
  const realOf = (place: string): string | undefined => ifThere(place, () => realpathSync(place));
  const root = realOf(prefix) ?? prefix;
  const target = ifThere(path, () => readlinkSync(path)) ?? "";
  const real = realOf(path) ?? resolve(realOf(dirname(path)) ?? dirname(path), target);
  if (real.startsWith(`${root}/`)) return;
  throw new UserError(
    "E_VOLUME_LINK",
    `${path} is a link that leads out of the volume, to ${target}`,
  );
}

/** Keeps something under another name beside it; gives where, as a sentence. */
async function setAside(path: string, why: string): Promise<string> {
  const aside = `${path}.broken-${token()}`;
  await doing("set aside", path, () => renameSync(path, aside));
  return `${path} ${why}; it is kept as ${aside}`;
}

/** `bin/` holds nothing but what can be made again, so that one that is another user's is no loss. */
async function replaceBin(prefix: string): Promise<readonly string[]> {
  const bin = join(prefix, layout.bin);
  const names = listNames(bin);
  const ours = await Promise.all(names.map((name) => isOurs(join(bin, name))));
  if (!ours.every(Boolean)) return []; // somebody else's programs: the error that follows says what helps
  const said = await tolerate(setAside(bin, "cannot be written to by this user"));
  if (said === undefined) return [];
  await makeDirectory(bin);
  return [said];
}

/** One run's place to prepare trees in, on the volume itself so that publishing is a rename. */
export interface Staging {
  readonly dir: string;
  /** An empty directory below it. */
  room(name: string): Promise<string>;
  /** Removes it with all that is in it. */
  close(): Promise<void>;
}

/** Opens a staging place whose name no other run has, and shows from time to time that it is owned. */
export async function openStaging(prefix: string): Promise<Staging> {
  const dir = join(prefix, layout.staging, token());
  // Closed to all but those who may mend the volume anyway: they sweep what a dead run leaves.
  const mode = writingGroup(prefix) === undefined ? 0o700 : 0o770;
  await doing("create", dir, () => mkdirSync(dir, { mode }));
  const heartbeat = setInterval(() => {
    void tolerate(touch(dir));
  }, beatMs);
  heartbeat.unref();
  let rooms = 0;
  return {
    dir,
    async room(name) {
      rooms += 1;
      const workDir = join(dir, `${rooms}-${name}`);
      await doing("create", workDir, () => mkdirSync(workDir, { mode }));
      return workDir;
    },
    async close() {
      clearInterval(heartbeat);
      await tolerate(rm(dir, { recursive: true, force: true }));
    },
  };
}

/** Renews a staging place's time by the volume's own clock: the clocks of containers can be apart. */
async function touch(dir: string): Promise<void> {
  const mark = join(dir, `.${token()}.tmp`);
  await writeFile(mark, "", { flag: "wx" });
  await rm(mark, { force: true });
}

/** The volume's clock now, in ms; undefined where it cannot be written to. */
export async function volumeTime(prefix: string): Promise<number | undefined> {
  return clockOf(join(prefix, layout.share));
}

/** Begins a tree's time anew, so that it is not stale for another hour. Changes nothing in it. */
export async function renew(prefix: string, dir: string): Promise<void> {
  const now = await volumeTime(prefix);
  if (now === undefined) return;
  // Another's is renewed by that one.
  orNothing(() => utimesSync(join(prefix, dir), now / 1000, now / 1000));
}

/** True for what was made or renewed in the last minutes: it needs no `renew`. */
export async function isYoung(prefix: string, dir: string): Promise<boolean> {
  const now = await volumeTime(prefix);
  const found = await lstatIfExists(join(prefix, dir));
  return now !== undefined && found !== undefined && now - found.mtimeMs < youngMs;
}

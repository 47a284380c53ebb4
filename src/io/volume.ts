import { chmodSync, constants, lstatSync, mkdirSync, utimesSync } from "node:fs";
import { access, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { noexecError, noexecMount } from "./exec.ts";
import { doing, look, makeDirectory, token } from "./files.ts";

/** How often a live run shows that its staging place has an owner (ms). */
const beatMs = 20_000;
const youngMs = 5 * 60_000;

/** Makes the directories of a volume. Throws `unmet` (read-only, no exec), `permission` or `disk`. */
export async function openVolume(prefix: string): Promise<void> {
  await openDirectories(prefix);
  const mount = await noexecMount(prefix);
  if (mount !== undefined) throw noexecError(mount);
}

/** The same for who only takes away, and need not be able to run what is there. */
export async function openDirectories(prefix: string): Promise<void> {
  for (const dir of ["", layout.bin, layout.lib, layout.staging, "share", layout.share]) {
    await refuseLink(prefix, dir);
    await makeDirectory(join(prefix, dir));
    await doing("write to", join(prefix, dir), access(join(prefix, dir), constants.W_OK));
  }
}

/** A link in place of one of our directories would lead our writes elsewhere. */
export async function refuseLink(prefix: string, dir: string): Promise<void> {
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

/** Opens a staging place whose name no other run has, and shows from time to time that it is owned. */
export async function openStaging(prefix: string): Promise<Staging> {
  const dir = join(prefix, layout.staging, token());
  await doing("create", dir, () => mkdirSync(dir, { mode: 0o700 }));
  const heartbeat = setInterval(() => {
    touch(dir).catch(() => undefined);
  }, beatMs);
  heartbeat.unref();
  let rooms = 0;
  return {
    dir,
    async room(name) {
      rooms += 1;
      const room = join(dir, `${rooms}-${name}`);
      await doing("create", room, () => mkdirSync(room, { mode: 0o700 }));
      return room;
    },
    async close() {
      clearInterval(heartbeat);
      await rm(dir, { recursive: true, force: true }).catch(() => undefined);
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
  const share = join(prefix, layout.share);
  try {
    chmodSync(share, 0o755); // its ctime is the volume's clock; takes no room on a full disk
    return lstatSync(share).ctimeMs;
  } catch {
    return undefined;
  }
}

/** Begins a tree's time anew, so that it is no litter for another hour. Changes nothing in it. */
export async function renew(prefix: string, dir: string): Promise<void> {
  const now = await volumeTime(prefix);
  if (now === undefined) return;
  try {
    utimesSync(join(prefix, dir), now / 1000, now / 1000);
  } catch {
    // it is another's, and renewed by that one
  }
}

/** True for what was made or renewed in the last minutes: it needs no `renew`. */
export async function isYoung(prefix: string, dir: string): Promise<boolean> {
  const now = await volumeTime(prefix);
  const found = await look(join(prefix, dir));
  return now !== undefined && found !== undefined && now - found.mtimeMs < youngMs;
}

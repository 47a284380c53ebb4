import { constants } from "node:fs";
import { access, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { noexecError, noexecMount } from "./exec.ts";
import { doing, look, makeDirectory, token } from "./files.ts";

/** How often a live run shows that its staging place has an owner (ms). */
const beatMs = 20_000;

/** Makes the directories of a volume. Throws `unmet` (read-only), `permission` or `disk`. */
export async function openVolume(prefix: string): Promise<void> {
  for (const dir of ["", layout.bin, layout.lib, layout.staging, "share", layout.share]) {
    await refuseLink(prefix, dir);
    await makeDirectory(join(prefix, dir));
    await doing("write to", join(prefix, dir), access(join(prefix, dir), constants.W_OK));
  }
  const mount = await noexecMount(prefix);
  if (mount !== undefined) throw noexecError(mount);
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
  await doing("create", dir, mkdir(dir, { mode: 0o700 }));
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
      await doing("create", room, mkdir(room, { mode: 0o700 }));
      return room;
    },
    async close() {
      clearInterval(heartbeat);
      await rm(dir, { recursive: true, force: true }).catch(() => undefined);
    },
  };
}

/** Renews a directory's time by the volume's own clock: the clocks of containers can be apart. */
export async function touch(dir: string): Promise<void> {
  const mark = join(dir, `.${token()}.tmp`);
  await writeFile(mark, "", { flag: "wx" });
  await rm(mark, { force: true });
}

import { lstat, mkdir, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { Manifest } from "../core/manifest.ts";
import { doing, listNames, look, makeDirectory, token } from "./files.ts";

/** A tree that the manifest does not list is litter when nobody has touched it for this long (ms). */
const graceMs = 60 * 60 * 1000;

/** Makes the directories of a volume. Throws `unmet` (read-only), `permission` or `disk`. */
export async function openVolume(prefix: string): Promise<void> {
  for (const dir of ["", layout.bin, layout.lib, layout.staging, layout.share]) {
    await refuseLink(prefix, dir);
    await makeDirectory(join(prefix, dir));
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

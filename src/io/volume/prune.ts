import type { Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { layout } from "../../core/layout.ts";
import type { Manifest } from "../../core/manifest.ts";
import { listNames, lstatIfExists, tolerate } from "../files.ts";
import { discard, findStaleFiles, removeStaleFiles } from "./stale-files.ts";

/** A live run renews its staging directory or its lease more often than this (ms). */
const aliveMs = 60_000;

interface Freed {
  /** Relative to the volume. */
  readonly path: string;
  readonly bytes: number;
}

interface PruneOptions {
  readonly dryRun?: boolean;
  readonly within?: readonly string[];
  readonly withPrevious?: boolean;
}

export interface Pruned {
  readonly freed: readonly Freed[];
  /** Left by a run that died minutes ago: a later prune removes it. */
  readonly later: readonly string[];
}

/**
 * True while another run works, which may have published trees that it has not listed yet. Call
 * this before acquiring a lease. `now` in ms of the volume's clock.
 */
export async function isBusy(prefix: string, now: number): Promise<boolean> {
  const staging = join(prefix, layout.staging);
  const found = await Promise.all(
    listNames(staging).map((name) => lstatIfExists(join(staging, name))),
  );
  return found.some((stats) => stats !== undefined && now - changedMs(stats) < aliveMs);
}

/**
 * Removes what the manifest does not list, as `removeStaleFiles` does, but without waiting for
 * trees that programs might still run from. It keeps the staging of runs that may be alive, and
 * what has changed since `began` (ms of the volume's clock), when no other run was active.
 * `within`: only these directories, relative to the volume. `dryRun`: removes nothing. `withPrevious`: also trees
 * that are kept for `rollback`.
 */
export async function prune(
  prefix: string,
  manifest: Manifest,
  began: number,
  { dryRun = false, within = [""], withPrevious = false }: PruneOptions = {},
): Promise<Pruned> {
  const [freed, later]: [Freed[], string[]] = [[], []];
  for (const { path, graceMs } of await findStaleFiles(prefix, manifest, withPrevious)) {
    if (!within.some((dir) => dir === "" || path.startsWith(`${dir}/`))) continue;
    const found = await lstatIfExists(join(prefix, path));
    if (!found || changedMs(found) >= began) continue;
    const isStaging = path.startsWith(layout.staging);
    if (isStaging && began - found.mtimeMs < graceMs) {
      later.push(path);
      continue;
    }
    const bytes = await bytesOf(join(prefix, path));
    if (!dryRun) await discard(prefix, path);
    if (dryRun || !(await lstatIfExists(join(prefix, path)))) freed.push({ path, bytes });
  }
  if (!dryRun) await removeStaleFiles(prefix, manifest);
  return { freed, later };
}

/** On some file systems change times are not updated. */
function changedMs({ ctimeMs, mtimeMs }: Stats): number {
  return Math.max(ctimeMs, mtimeMs);
}

/**
 * Bytes of the files below a path; 0 if it cannot be read, because the number is only for messages.
 */
export async function bytesOf(path: string): Promise<number> {
  const size = async (): Promise<number> => {
    const stats = await lstat(path);
    if (!stats.isDirectory()) return stats.isFile() ? stats.size / stats.nlink : 0;
    let bytes = 0;
    for (const name of await readdir(path)) bytes += await bytesOf(join(path, name));
    return Math.round(bytes);
  };
  return (await tolerate(size)) ?? 0;
}

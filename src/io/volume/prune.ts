import type { Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { layout } from "../../core/layout.ts";
import type { Manifest } from "../../core/manifest.ts";
import { listNames, lstatIfExists, tolerate } from "../files.ts";
import { discard, findStaleFiles, removeStaleFiles } from "./stale-files.ts";

/** A run that is alive renews its staging place or its lease more often (ms). */
const aliveMs = 60_000;

interface Freed {
  /** Relative to the volume. */
  readonly path: string;
  readonly bytes: number;
}

export interface Pruned {
  readonly freed: readonly Freed[];
  /** What a run that died minutes ago has left: a later sweep removes it. */
  readonly later: readonly string[];
}

/**
 * True while another run is at work, which may have published trees that it has not listed yet. Ask
 * before you take a lease yourself. `now` in ms of the volume's clock.
 */
export async function isBusy(prefix: string, now: number): Promise<boolean> {
  const staging = join(prefix, layout.staging);
  const found = await Promise.all(
    listNames(staging).map((name) => lstatIfExists(join(staging, name))),
  );
  return found.some((stats) => stats !== undefined && now - changedMs(stats) < aliveMs);
}

/**
 * Removes what the manifest does not account for, as `sweep` does, and does not wait for trees that
 * programs might still run from. Left are staging of runs that may be alive, and what has changed
 * since `began` (ms of the volume's clock), when no other run was at work. `within`: only what lies in
 * these directories, relative to the volume. `dryRun`: only looks.
 */
export async function prune(
  prefix: string,
  manifest: Manifest,
  began: number,
  { dryRun = false, within = [""] }: { dryRun?: boolean; within?: readonly string[] } = {},
): Promise<Pruned> {
  const [freed, later]: [Freed[], string[]] = [[], []];
  for (const { path, graceMs } of await findStaleFiles(prefix, manifest)) {
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

/** Some file systems' change times do not move. */
function changedMs({ ctimeMs, mtimeMs }: Stats): number {
  return Math.max(ctimeMs, mtimeMs);
}

/** Bytes of the files below a path; 0 where it cannot be read, as they are only told. */
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

import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  lstatSync,
  openSync,
  unlinkSync,
} from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { layout } from "../../core/layout.ts";
import { clockOf, fileError, ifThere, orNothing, token, tolerate } from "../files.ts";

/** How leases are timed, in milliseconds. */
const beatMs = 1000;
const pollMs = 100;
/** A lease that was not renewed for this long belongs to a dead or stopped run. */
const deadMs = 10_000;
/** The longest wait: after that the work is done twice rather than never. */
const maxWaitMs = 120_000;

export interface Lease {
  release(): Promise<void>;
}

export interface LeaseRequest {
  readonly prefix: string;
  /** Identifies the work: a plain file name. */
  readonly name: string;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
  /** Called while waiting; true ends the wait, because the other run has done the work. */
  readonly isDone?: () => Promise<boolean>;
  /** Called once when waiting begins. */
  readonly onWait: () => void;
}

/**
 * Marks in the volume that this run works on something, so that other runs wait instead of doing it
 * too. Resolves to undefined if the other run has done it. A failed lease (lost, removed, taken
 * from a stopped run, not granted in time) is harmless: the work is done twice, and publishing
 * resolves the conflict. Process ids and container clocks are not compared: a waiter checks whether
 * the holder still renews the lease, by its own stopwatch and the volume's clock.
 */
export async function acquireLease(request: LeaseRequest): Promise<Lease | undefined> {
  const path = join(request.prefix, layout.staging, `${request.name}.lease`);
  const began = performance.now();
  let seen: { beat: string; since: number } | undefined;
  let told = false;
  for (;;) {
    request.signal?.throwIfAborted();
    const lease = await create(path);
    if (lease) return lease;
    if (!told) request.onWait();
    told = true;
    if (await request.isDone?.()) return undefined;
    const now = performance.now();
    if (now - began > maxWaitMs) return { release: async () => undefined };
    const beat = await beatOf(path);
    if (beat !== undefined && seen === undefined && (await isOld(path))) await discard(path, beat);
    else if (beat === undefined || seen?.beat !== beat) seen = { beat: beat ?? "", since: now };
    else if (now - seen.since > deadMs) await discard(path, beat);
    await tolerate(sleep(pollMs, undefined, { signal: request.signal }));
  }
}

/** Does work under a lease that no other run can do in this one's place. */
export async function withLease<T>(
  request: Omit<LeaseRequest, "isDone">,
  work: () => Promise<T>,
): Promise<T> {
  const lease = await acquireLease(request);
  try {
    return await work();
  } finally {
    await lease?.release();
  }
}

/** Creates the lease's file; undefined if another run holds it. */
async function create(path: string): Promise<Lease | undefined> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  let file: number;
  try {
    file = openSync(path, flags, 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw fileError("create", path, cause);
  }
  // By the open file, not by its name: if another run has taken the lease, its file is not renewed.
  const heartbeat = setInterval(() => {
    // Both set the change time by the volume's own clock and need no space on a full disk; the
    // second is for pruning. Some mounts refuse one of them.
    orNothing(() => fchmodSync(file, 0o600));
    const now = new Date();
    orNothing(() => futimesSync(file, now, now));
  }, beatMs);
  heartbeat.unref();
  return {
    async release() {
      clearInterval(heartbeat);
      orNothing(() => {
        const [ours, there] = [fstatSync(file, exact), lstatSync(path, exact)];
        if (ours.nlink > 0n && timesOf(ours) === timesOf(there)) unlinkSync(path);
      });
      orNothing(() => closeSync(file));
    },
  };
}

/** A value that changes with every renewal; undefined if the lease is gone. */
async function beatOf(path: string): Promise<string | undefined> {
  const found = ifThere(path, () => lstatSync(path, exact));
  return found && timesOf(found);
}

const exact = { bigint: true } as const;

/**
 * Without the inode: many file systems return another one at each call, or the same for all files.
 */
function timesOf({ ctimeNs, mtimeNs }: BigIntStats): string {
  return `${ctimeNs} ${mtimeNs}`;
}

/** True if a lease was already old when first seen: its holder is dead. */
async function isOld(path: string): Promise<boolean> {
  const now = clockOf(dirname(path));
  const found = orNothing(() => lstatSync(path));
  return now !== undefined && found !== undefined && now - found.ctimeMs > deadMs;
}

/** Removes a dead lease, unless another waiter has just taken it over. */
async function discard(path: string, beat: string): Promise<void> {
  if ((await beatOf(path)) !== beat) return;
  const aside = `${path}.${token()}`;
  await tolerate(rename(path, aside));
  await tolerate(rm(aside, { recursive: true, force: true }));
}

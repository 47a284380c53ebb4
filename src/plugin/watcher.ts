import { uptime } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type LongRun, startLongRun } from "./child.ts";
import type { Guard } from "./guard.ts";
import { messageOf } from "./guard.ts";
import { failureOf, readBeat } from "./health.ts";
import { logLines } from "./lines.ts";
import { findCommand, type Location } from "./location.ts";
import type { ServiceContext } from "./openclaw.ts";

/** Milliseconds. */
const [firstPause, longestPause, steadyTime, checkEvery] = [1000, 300_000, 60_000, 5000];

export interface WatcherOptions extends ServiceContext {
  readonly location: Location;
  /** Words after `watch`. */
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly guard: Guard;
  /** What ends before this one starts. */
  readonly after: Promise<void>;
}

/** What `skilldeps.status` tells of the watcher. */
export interface WatcherState {
  readonly pid: number | null;
  readonly starts: number;
  /** Why it is not healthy. */
  readonly failure: string | null;
}

export interface Watcher {
  state(): WatcherState;
  /** Ends the watcher, what it has started and all timers. Resolves when all is gone; may be called twice. */
  stop(): Promise<void>;
}

interface Run extends LongRun {
  readonly began: number;
}

/** Keeps one `watch` running: what ends is started again after growing pauses. */
export function startWatcher(given: WatcherOptions): Watcher {
  const { guard, logger, serviceHealth } = given;
  const stopped = new AbortController();
  let run: Run | undefined;
  let starts = 0;
  let failure: string | null = null;

  const report = (why: string | undefined): void => {
    if (stopped.signal.aborted || (why ?? null) === failure) return;
    failure = why ?? null;
    if (why === undefined) serviceHealth?.clearFailure();
    else serviceHealth?.reportFailure(new Error(`skill-deps: ${why}`));
  };
  const check = async (): Promise<void> => {
    const checked = run;
    if (checked?.pid === undefined) return;
    const beat = await readBeat(checked.pid, given.env, given.uid);
    if (run !== checked) return;
    if (beat) report(failureOf(beat, Math.floor(uptime())));
    else if (performance.now() - checked.began > steadyTime) report(undefined);
  };
  const once = async (): Promise<string> => {
    const command = await findCommand(given.location);
    if (stopped.signal.aborted) return "";
    const log = logLines(logger, () => performance.now());
    const words = [command, "watch", ...given.options];
    const started = startLongRun(words, given.env, guard("log", log.write));
    run = { ...started, began: performance.now() };
    starts++;
    const how = await run.ended;
    run = undefined;
    log.end();
    return `watch ended (${how})`;
  };
  const keepRunning = async (): Promise<void> => {
    await given.after;
    let pause = firstPause;
    while (!stopped.signal.aborted) {
      const began = performance.now();
      const why = await once().catch(messageOf);
      if (stopped.signal.aborted) return;
      if (performance.now() - began > steadyTime) pause = firstPause;
      const wait = pause * (1 + Math.random() / 4);
      logger.warn(`skill-deps: ${why}; trying again in ${Math.round(wait / 1000)} s`);
      report(why);
      await sleep(wait, undefined, { signal: stopped.signal, ref: false }).catch(() => {});
      pause = Math.min(pause * 2, longestPause);
    }
  };

  const timer = setInterval(guard("health", check), checkEvery).unref();
  const done = guard("watch", keepRunning)();
  return {
    state: () => ({ pid: run?.pid ?? null, starts, failure }),
    async stop() {
      clearInterval(timer);
      stopped.abort();
      await run?.end();
      await done;
    },
  };
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Env } from "../core/platform.ts";

/** What a watcher says of itself: see `report_health` of entrypoint/watch.sh. */
export interface Beat {
  readonly pid: number;
  /** Seconds since the machine started. */
  readonly at: number;
  /** A run is at work. */
  readonly busy: boolean;
  /** `ok`, `pending` before the first run has ended, or how the last one failed. */
  readonly result: string;
}

/** Seconds after which a watcher that does not look, or a run, is taken to hang. */
const [longestPause, longestRun] = [60, 3600];

/** Reads the first line that a watcher writes; undefined for any other text. */
export function parseBeat(text: string): Beat | undefined {
  const found = /^(\d+) (\d+) (idle|busy) (.{1,200})\n/.exec(text);
  if (!found) return undefined;
  const [, pid, at, state, result = ""] = found;
  return { pid: Number(pid), at: Number(at), busy: state === "busy", result };
}

/** Why a watcher is not healthy; undefined if it is, or if it is too early to say. */
export function failureOf({ at, busy, result }: Beat, now: number): string | undefined {
  if (now - at > (busy ? longestRun : longestPause))
    return `watch has not looked for ${now - at} s`;
  return result === "ok" || result === "pending" ? undefined : `the last run ${result}`;
}

/** What the watcher with this process id said last. */
export async function readBeat(pid: number, env: Env, uid: number): Promise<Beat | undefined> {
  const read = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");
  const stat = await read(`/proc/${pid}/stat`);
  // When it was started: another process may have had this number. The name, in parentheses, may contain anything.
  const born = stat.slice(stat.lastIndexOf(") ") + 2).split(" ")[19];
  const dir = join(env.XDG_RUNTIME_DIR || "/tmp", `openclaw-skill-deps-${uid}`);
  const beat = parseBeat(await read(join(dir, `watch-${pid}-${born}`)));
  return beat?.pid === pid ? beat : undefined;
}

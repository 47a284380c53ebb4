import { renderDebLock } from "../core/locks/deb-lock.ts";
import { once } from "../core/once.ts";
import { readAptConfig } from "../net/apt-config.ts";
import type { Http } from "../net/http.ts";
import { releaseOf } from "./deb-index.ts";
import { makeLock, type SeenContents } from "./deb-packages.ts";
import type { DebWanted } from "./deb-wanted.ts";

export interface DebLockContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly http: Http;
  readonly clock: () => Date;
  /** Absolute; a directory for files of this run. */
  readonly dir: string;
}

/**
 * Creates locks for Debian programs from the signed index of this machine's apt. The index is read
 * once, for the first lock, and every package is inspected once.
 */
export function debLocker(place: DebLockContext): (wanted: DebWanted) => Promise<string> {
  const open = once(async () => {
    const { env, http, clock, dir } = place;
    return { http, apt: await readAptConfig(env), dir, clock };
  });
  const seen: SeenContents = new Map();
  return async (wanted) => {
    const release = await releaseOf(place, wanted.release);
    return renderDebLock(await makeLock(wanted, release, await open(), seen));
  };
}

/** `watch` beside a gateway, and when what it does can be seen. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { entrypoint } from "../support/workplace.ts";
import type { Gateway } from "./gateway.ts";

export interface Sidecar {
  /** Everything that it printed so far. */
  said(): string;
  /** The status skill. */
  readonly file: string;
  /** Its text; empty while there is none. */
  told(): string;
  /** Waits until something holds; gives the time of that (ms). */
  until(what: string, holds: () => boolean): Promise<number>;
  close(): Promise<void>;
}

export function startSidecar(gateway: Gateway, ...words: string[]): Sidecar {
  const child = spawn("sh", [entrypoint, "watch", "--interval", "1", "--ignore-system", ...words], {
    cwd: gateway.place.home,
    env: {
      ...gateway.env(),
      OPENCLAW_SKILL_PREFIX: gateway.volume,
      XDG_RUNTIME_DIR: gateway.place.dir,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece) => {
      text += piece;
    });
  const file = join(gateway.place.home, ".openclaw/skills/skill-deps-status/SKILL.md");
  return {
    file,
    said: () => text,
    told: () => (isThere(file) ? readFileSync(file, "utf8") : ""),
    async until(what, holds) {
      for (let tries = 0; tries < 2400; tries++) {
        if (holds()) return Date.now();
        await sleep(25);
      }
      throw new Error(`${what}: not within a minute; the watcher said: ${text}`);
    },
    async close() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

export function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

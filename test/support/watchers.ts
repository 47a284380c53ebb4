/** The sh script's `watch` and `health`, as processes of a workplace. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { entrypoint, type Workplace } from "./workplace.ts";

export interface Watcher {
  readonly child: ChildProcess;
  /** Everything that it printed so far. */
  readonly said: () => string;
  /** Waits until it printed this, after the `from`th character. */
  readonly says: (what: string | RegExp, from?: number) => Promise<void>;
  /** Ends it; its exit status, or the signal that ended it. */
  readonly end: (signal?: NodeJS.Signals) => Promise<number | string | null>;
}

export interface Watchers {
  /** Runs the script with these words, in this shell and environment; without a shell the words are a command. */
  start(words: readonly string[], shell?: readonly string[], more?: NodeJS.ProcessEnv): Watcher;
  health(
    words?: readonly string[],
    shell?: readonly string[],
  ): Promise<{ status: number; stderr: string }>;
  /** Names of the files by which watchers tell of themselves, and what these say. */
  healthFiles(): string[];
  beats(): string[];
  /** Kills all that still run. */
  end(): Promise<void>;
}

/** Watchers of the workplace's volume, whose health is told in a directory of their own. */
export function openWatchers(place: Workplace): Watchers {
  const run = join(place.dir, "run");
  mkdirSync(run, { recursive: true, mode: 0o700 });
  const env = {
    ...place.env,
    OPENCLAW_SKILL_DEPS_NODE: process.execPath,
    XDG_RUNTIME_DIR: run,
  };
  const dir = join(run, `openclaw-skill-deps-${process.getuid?.()}`);
  const started: Watcher[] = [];
  return {
    start(words, shell = ["sh"], more = {}) {
      const [command = "", ...flags] = shell;
      const script = command === "" ? [] : [command, ...flags, entrypoint];
      const [program = "", ...rest] = [...script, ...words];
      const child = spawn(program, rest, {
        env: { ...env, ...more },
        cwd: place.home,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const watcher = watcherOf(child);
      started.push(watcher);
      return watcher;
    },
    async health(words = [], shell = ["sh"]) {
      const [command = "", ...flags] = shell;
      const child = spawn(command, [...flags, entrypoint, "health", ...words], {
        env,
        stdio: ["ignore", "ignore", "pipe"],
      });
      const ended = once(child, "exit");
      const stderr = await textOf(child.stderr);
      const [status] = await ended;
      return { status, stderr };
    },
    healthFiles: () => readdirSync(dir),
    beats: () => readdirSync(dir).map((name) => readFileSync(join(dir, name), "utf8")),
    async end() {
      for (const watcher of started.splice(0)) await watcher.end("SIGKILL");
    },
  };
}

function watcherOf(child: ChildProcess): Watcher {
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (piece) => {
      text += piece;
    });
  const ended = once(child, "exit");
  return {
    child,
    said: () => text,
    async says(what, from = 0) {
      const isSaid = (): boolean => {
        const news = text.slice(from);
        return typeof what === "string" ? news.includes(what) : what.test(news);
      };
      const began = Date.now();
      while (!isSaid()) {
        if (Date.now() - began > 40_000) throw new Error(`not said: ${what}\n${text}`);
        if (child.exitCode !== null) throw new Error(`it ended, and had said: ${text}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async end(signal = "SIGTERM") {
      child.kill(signal);
      const [code, by] = await ended;
      return by ?? code;
    },
  };
}

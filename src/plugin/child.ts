import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { kill } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Env } from "../core/platform.ts";

/**
 * Becomes the command. A second process waits for the end of standard input, and then ends the command: the
 * gateway may be killed without a chance to do so. The command's words are no part of this text.
 */
const beside = `exec 3<&0 </dev/null
(read -r _ <&3; kill -TERM $$) >/dev/null 2>&1 &
exec 3<&-
exec "$@"`;

/** A program that runs until it is told to end. */
export interface LongRun {
  readonly pid: number | undefined;
  /** How it ended, in words. Never rejected. */
  readonly ended: Promise<string>;
  /** Ends it and all that it has started. Resolves when it is gone. */
  end(): Promise<void>;
}

/** Milliseconds after which what does not end is killed; OpenClaw waits for five seconds. */
const killDelay = 3500;

/** Starts a program in a process group of its own, with its output line by line in `write`. */
export function startLongRun(
  argv: readonly string[],
  env: Env,
  write: (chunk: string) => void,
): LongRun {
  const child: ChildProcess = spawn("/bin/sh", ["-c", beside, "sh", ...argv], {
    env,
    detached: true,
  });
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => {
      signalGroup(child, "SIGTERM"); // what it has left behind
      child.stdin?.destroy();
      resolve(signal === null ? `status ${code}` : `signal ${signal}`);
    });
  });
  // There are no streams where this process may open no more files.
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", write).on("error", ignore);
  }
  child.stdin?.on("error", ignore);
  return {
    pid: child.pid,
    ended,
    async end() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => signalGroup(child, "SIGKILL"), killDelay);
      await ended;
      // What it has started ends a moment later.
      for (let tries = 0; tries < 50 && signalGroup(child, 0); tries++) await sleep(10);
      signalGroup(child, "SIGKILL");
      clearTimeout(timer);
    },
  };
}

/** The process itself also tells how it ended. */
function ignore(): void {}

/** False if nothing is left of what a process has started. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false;
  try {
    return kill(-pid, signal);
  } catch {
    return false;
  }
}

/** Characters of output that are kept in memory. */
const maxOutput = 8 * 1024 ** 2;

/**
 * Runs a program to its end and gives what it printed. Throws if it is aborted, after `timeout` (ms), or if a
 * signal ends it; then all that it has started is ended too, and killed where it does not end.
 */
export async function outputOf(
  [file = "", ...args]: readonly string[],
  env: Env,
  { timeout, signal }: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  signal.throwIfAborted();
  const child = spawn(file, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  return await new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      child.kill("SIGTERM");
      const killing = setTimeout(() => signalGroup(child, "SIGKILL"), killDelay).unref();
      child.on("exit", () => {
        clearTimeout(killing);
        signalGroup(child, "SIGKILL");
      });
      reject(error);
    };
    const abort = (): void => fail(signal.reason);
    signal.addEventListener("abort", abort);
    const late = new Error(`${file} has not ended after ${timeout / 1000} s`);
    const timer = setTimeout(fail, timeout, late).unref();
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("error", ignore);
      child[name]?.on("data", (chunk: string) => {
        if (output[name].length < maxOutput) output[name] += chunk;
      });
    }
    child.on("error", reject);
    child.on("close", (_, by) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      if (by === null) resolve(output);
      else reject(new Error(`${file} was ended by ${by}`));
    });
  });
}

/** This process, as the receiver of signals. */
export type SignalSource = Pick<NodeJS.Process, "on" | "off">;

/** Runs a program with this process's streams. Gives its exit status; 128 + signal if one ended it. */
export async function runHere(
  argv: readonly string[],
  env: Env,
  signals: SignalSource,
): Promise<number> {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { env, stdio: "inherit" });
  // A terminal sends its signals to the child too; others are passed on. This process waits for its end.
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const pass = (signal: NodeJS.Signals): void => {
    if (signal !== "SIGINT") child.kill(signal);
  };
  for (const name of names) signals.on(name, pass);
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code, signal) =>
        resolve(code ?? 128 + (constants.signals[signal ?? "SIGTERM"] ?? 15)),
      );
    });
  } finally {
    for (const name of names) signals.off(name, pass);
  }
}

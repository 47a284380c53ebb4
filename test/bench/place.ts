import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type FixtureSet, manyFilesSet, numberedSet, realSet, smallSet } from "./fixtures.ts";
import type { Command } from "./measure.ts";
import { fetchPeers, type Peers } from "./peers.ts";

/** Everything that a benchmark makes, below one directory. */
export interface Place {
  readonly dir: string;
  /** Minutes instead of a quarter of an hour. */
  readonly quick: boolean;
  readonly aptUpdate: boolean;
  readonly peers: Peers;
  /** `set8`, `set40`, `many files`, or a number of small programs. */
  set(name: "set8" | "set40" | "many files" | number): FixtureSet;
  /** A new directory. */
  fresh(name: string): string;
  /** Starts a server of all sets that were asked for before. */
  serve(...options: string[]): Promise<Server>;
  /** Tells what is being done, on stderr. */
  say(text: string): void;
}

interface Server {
  readonly origin: string;
  close(): Promise<void>;
}

/** Opens a place below `parent` and calls `work`; whatever happens, nothing of it stays. */
export async function inPlace(
  { parent, quick, aptUpdate }: { parent: string; quick: boolean; aptUpdate: boolean },
  work: (place: Place) => Promise<void>,
): Promise<void> {
  const dir = realpathSync(mkdtempSync(join(parent, "bench-")));
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  const stop = (): never => {
    remove();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, stop);
  try {
    await work(openPlace(dir, quick, aptUpdate));
  } finally {
    remove();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, stop);
  }
}

function openPlace(dir: string, quick: boolean, aptUpdate: boolean): Place {
  const served = join(dir, "served");
  mkdirSync(served);
  const sets = new Map<string | number, FixtureSet>();
  let made = 0;
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const fresh = (name: string): string => {
    made += 1;
    const path = join(dir, `${name}-${made}`);
    mkdirSync(path);
    return path;
  };
  const make = (name: string | number): FixtureSet => {
    say(`making ${name}`);
    if (name === "set8") return realSet(fresh("packages"), served);
    if (name === "many files") return manyFilesSet(served);
    return name === "set40" ? smallSet(served) : numberedSet(served, Number(name));
  };
  say("fetching the peers");
  return {
    dir,
    quick,
    aptUpdate,
    peers: fetchPeers(join(dir, "peers")),
    say,
    fresh,
    serve: (...options) => startServer(served, options),
    set(name) {
      const set = sets.get(name) ?? make(name);
      sets.set(name, set);
      return set;
    },
  };
}

async function startServer(served: string, options: readonly string[]): Promise<Server> {
  const script = join(import.meta.dirname, "server.ts");
  const child = spawn(process.execPath, [script, served, ...options], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const origin = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (text: Buffer) => resolve(text.toString().trim()));
    child.once("exit", (status) => reject(new Error(`the server ended with ${status}`)));
  });
  return {
    origin,
    close: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.stdin.end();
      }),
  };
}

/** The same command, and Node is out of the question: it fails where sh does not answer alone. */
export function withoutNode({ env, ...command }: Command): Command {
  return { ...command, env: { ...env, OPENCLAW_SKILL_DEPS_NODE: "/bin/false" } };
}

/** Ours without the shell in front of it, started as that starts it. */
export function throughNode(packageDir: string, { env, cwd }: Command): Command {
  const bundle = join(packageDir, "dist", "openclaw-install-skill-deps.cjs");
  const lean = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072" };
  const argv = [process.execPath, "--max-semi-space-size=1", bundle] as const;
  return { argv: [...argv], env: { ...env, ...lean }, cwd };
}

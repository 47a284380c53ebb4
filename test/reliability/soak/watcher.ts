/** The watcher under test: what it says and when, its health, its memory, and the processes that it leaves. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { orNothing } from "../../../src/core/or-nothing.ts";
import { builtCopy } from "../support/trial.ts";
import { soakMark, type World } from "./world.ts";

export interface Line {
  /** Of performance.now(). */
  readonly at: number;
  readonly text: string;
}

export interface Watcher {
  readonly child: ChildProcess;
  /** Ends it, and waits until it has ended: its status, or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | string | null>;
}

/** Starts one; what it says is added to `lines`. */
export function startWatcher({ env, room, place }: World, lines: Line[]): Watcher {
  const script = join(builtCopy(), "entrypoint/openclaw-install-skill-deps");
  const words = [...(room?.through ?? []), "sh", script, "watch", "--interval", "1"];
  const child = spawn(words[0] ?? "sh", words.slice(1), {
    cwd: place.home,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream?.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) lines.push({ at: performance.now(), text: part });
    });
  }
  const ended = once(child, "exit");
  return {
    child,
    async end(signal) {
      child.kill(signal);
      const [code, by] = await ended;
      return by ?? code;
    },
  };
}

/** Where watchers tell of themselves. */
export function healthFiles(place: World["place"]): string[] {
  const dir = join(place.dir, "run", `openclaw-skill-deps-${process.getuid?.()}`);
  return (orNothing(() => readdirSync(dir)) ?? []).map((name) => join(dir, name));
}

/** When it looked (seconds since the machine started), and whether it waits; undefined without a file. */
export function healthOf(
  { place }: World,
  { child }: Watcher,
): { beat: number; isIdle: boolean } | undefined {
  const file = healthFiles(place).find((path) => path.includes(`/watch-${child.pid}-`));
  const text = file && orNothing(() => readFileSync(file, "utf8"));
  const [, beat, state] = (text ?? "").split(" ");
  return beat === undefined ? undefined : { beat: Number(beat), isIdle: state === "idle" };
}

export function uptime(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
}

/** Resident memory (kB) and open descriptors of a process. */
export function useOf(pid: number): { memory: number; descriptors: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    memory: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** Names of a process's children. */
export function childrenOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  const children = text.split(" ").filter((it) => it !== "");
  return children.map((it) => readFileSync(`/proc/${it}/comm`, "utf8").trim());
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

/** Every process that the soak's watchers have started, and these themselves. */
export function processesOf(mark: string): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    const environment = orNothing(() => readFileSync(`/proc/${pid}/environ`, "latin1")) ?? "";
    if (!environment.split("\0").includes(`${soakMark}=${mark}`)) return [];
    const stat = orNothing(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
    const [, command, parent] = /\((.*)\) \S (\d+)/s.exec(stat ?? "") ?? [];
    return command === undefined ? [] : [{ pid, parent: Number(parent), name: command }];
  });
}

/** Node runs of the watchers. */
export function nodesOf(mark: string): Process[] {
  const isNode = ({ pid }: Process): boolean =>
    orNothing(() => readlinkSync(`/proc/${pid}/exe`)) === realpathSync(process.execPath);
  return processesOf(mark).filter(isNode);
}

/** Runs the built command and watches how much memory it takes and how much disk. */
import { spawn } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Measured {
  /** Null where it was killed, by us or for want of memory. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  /** Bytes of memory at the most. */
  readonly memory: number;
  /** Bytes of files below `watch` at the most. */
  readonly disk: number;
}

export interface Run {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Milliseconds; it is killed then. */
  readonly limit: number;
  readonly watch?: string;
}

export async function runMeasured({ argv, env, cwd, limit, watch }: Run): Promise<Measured> {
  const began = performance.now();
  const [file, ...args] = argv;
  const child = spawn(file, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let [stdout, stderr, memory, disk] = ["", "", 0, 0];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const looking = setInterval(() => {
    memory = Math.max(memory, peakOf(child.pid));
    if (watch !== undefined) disk = Math.max(disk, sizeOf(watch));
  }, 50);
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, limit);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  clearInterval(looking);
  clearTimeout(timer);
  return { status, stdout, stderr, memory, disk, seconds: (performance.now() - began) / 1000 };
}

function peakOf(pid: number | undefined): number {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it has just ended
  }
}

function sizeOf(path: string): number {
  try {
    const stats = lstatSync(path);
    if (!stats.isDirectory()) return stats.size;
    return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
  } catch {
    return 0; // it was removed meanwhile
  }
}

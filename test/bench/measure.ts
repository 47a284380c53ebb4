/** How long a command takes, on how much CPU, and how much memory its processes have at the most. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Words that make the place, such as a mount, and start what follows them; not measured. */
  readonly behind?: readonly string[];
}

/** Seconds: by the clock, and user and system time of the whole process tree. */
export interface Sample {
  readonly wall: number;
  readonly cpu: number;
}

/** True where hyperfine, which has the finer hand with commands of few milliseconds, is installed. */
export const hasHyperfine = spawnSync("hyperfine", ["--version"]).status === 0;

/** Runs once; the clock is bash's own, so that starting it counts for nobody. Throws where it fails. */
export function timeOnce({ argv, env, cwd }: Command): Sample {
  const scratch = mkdtempSync(join(tmpdir(), "bench-time-"));
  const script = 'TIMEFORMAT="%3R %3U %3S"; time "$@" >"$0/out" 2>"$0/err" </dev/null';
  try {
    const { status, stderr } = spawnSync("bash", ["-c", script, scratch, ...argv], {
      env,
      cwd,
      encoding: "utf8",
    });
    if (status !== 0) throw failed(argv, status, readFileSync(join(scratch, "err"), "utf8"));
    const [wall = 0, user = 0, sys = 0] = stderr.trim().split(" ").map(Number);
    return { wall, cpu: user + sys };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Many runs of something short, after a few that do not count. */
export function timeOften(command: Command, runs: number, prepare?: Command): Sample[] {
  return hasHyperfine ? hyperfine(command, runs, prepare) : ownLoop(command, runs, prepare);
}

function hyperfine(
  { argv, env, cwd, behind = [] }: Command,
  runs: number,
  prepare?: Command,
): Sample[] {
  const scratch = mkdtempSync(join(tmpdir(), "bench-time-"));
  const file = join(scratch, "times.json");
  const before = prepare === undefined ? [] : ["--prepare", quoted(prepare.argv)];
  const few = ["--warmup", "3", "--runs", `${runs}`, "--style", "none", "--export-json", file];
  const [program = "", ...args] = [...behind, "hyperfine", "-N", ...few, ...before, quoted(argv)];
  try {
    execFileSync(program, args, { env, cwd, stdio: ["ignore", "ignore", "pipe"] });
    const { times, user, system } = JSON.parse(readFileSync(file, "utf8")).results[0];
    return times.map((wall: number) => ({ wall, cpu: user + system }));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function ownLoop({ argv, env, cwd, behind }: Command, runs: number, prepare?: Command): Sample[] {
  const samples: Sample[] = [];
  if (behind !== undefined) throw new Error("install hyperfine, which can measure behind a mount");
  const [program, ...args] = argv;
  for (let i = -3; i < runs; i += 1) {
    if (prepare) spawnSync(prepare.argv[0], prepare.argv.slice(1), { env, cwd });
    const began = performance.now();
    const { status } = spawnSync(program, args, { env, cwd, stdio: "ignore" });
    const wall = (performance.now() - began) / 1000;
    if (status !== 0) throw failed(argv, status, "");
    if (i >= 0) samples.push({ wall, cpu: Number.NaN });
  }
  return samples;
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/**
 * Bytes that the command and its descendants have in memory together at the most: the sum of their
 * proportional set sizes (a page that two share counts half for each) every few milliseconds, or the
 * largest one's own high-water mark where that is more.
 */
export async function peakOf({ argv, env, cwd }: Command): Promise<number> {
  const [program, ...args] = argv;
  const child = spawn(program, args, { env, cwd, stdio: "ignore" });
  let peak = 0;
  const looking = setInterval(() => {
    const tree = child.pid === undefined ? [] : treeOf(child.pid);
    const sizes = tree.map(residentOf);
    const sum = sizes.reduce((total, { now }) => total + now, 0);
    peak = Math.max(peak, sum, ...sizes.map(({ high }) => high));
  }, 4);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  clearInterval(looking);
  if (status !== 0) throw failed(argv, status, "");
  return peak;
}

function treeOf(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean),
    );
    return [pid, ...children.flatMap((child) => treeOf(Number(child)))];
  } catch {
    return []; // it has just ended
  }
}

/** Bytes in memory: the proportional set size now, and the resident high-water mark. */
export function residentOf(pid: number): { now: number; high: number } {
  const of = (file: string, key: string): number => {
    const text = readFileSync(`/proc/${pid}/${file}`, "utf8");
    return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  };
  try {
    return { now: of("smaps_rollup", "Pss"), high: of("status", "VmHWM") };
  } catch {
    return { now: 0, high: 0 };
  }
}

function failed(argv: readonly string[], status: number | null, said: string): Error {
  return new Error(`${argv.join(" ").slice(0, 300)} ended with ${status}: ${said.slice(-2000)}`);
}

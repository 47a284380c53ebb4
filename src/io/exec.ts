import { execFile } from "node:child_process";
import { readFile, realpath } from "node:fs/promises";
import { constants } from "node:os";
import { UserError } from "../core/errors.ts";

/** A program that was run: its exit status (128 + signal where it was killed) and its output. */
export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Command {
  /** The program's path and its arguments. No shell sees them. */
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Milliseconds; the program is killed then. */
  readonly timeout: number;
  /** Bytes of output; the program is killed beyond. Default: 1 MiB. */
  readonly maxOutput?: number;
  /** Kills the program too. */
  readonly signal?: AbortSignal;
}

/** Runs a program to its end with nothing on its stdin. Rejects only where it cannot be started. */
export function run(command: Command): Promise<Finished> {
  const { argv, env, cwd, timeout, maxOutput = 1 << 20, signal: stop } = command;
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      {
        env,
        cwd,
        timeout,
        killSignal: "SIGKILL",
        maxBuffer: maxOutput,
        encoding: "utf8",
        ...(stop && { signal: stop }),
      },
      (error, stdout, stderr) => {
        if (error && typeof error.code === "string") return reject(error);
        const signal = error?.signal ? (constants.signals[error.signal] ?? 0) + 128 : undefined;
        const status = signal ?? (typeof error?.code === "number" ? error.code : 0);
        resolve({ status, stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}

/**
 * Runs a recipe's smoke test. A program that does not run here (too old a libc, a missing library)
 * is `unmet`: a retry cannot mend it.
 */
export async function smokeTest(tool: string, command: Command): Promise<void> {
  const shown = command.argv.join(" ");
  const hint = `The program was not installed. See whether this image lacks a library that ${tool} needs, or write a recipe for another build of it.`;
  const began = performance.now();
  let finished: Finished;
  try {
    finished = await run(command);
  } catch (cause) {
    const mount = await noexecMount(command.argv[0]);
    if (mount !== undefined) throw noexecError(mount);
    throw new UserError("unmet", `${tool} does not start here (${shown})`, { cause, hint });
  }
  if (finished.status === 0) return;
  const seconds = command.timeout / 1000;
  const ended =
    performance.now() - began < command.timeout
      ? `exit status ${finished.status}`
      : `it had not ended after ${seconds} s`;
  const said = (finished.stderr || finished.stdout).trim().split("\n").slice(0, 3).join(" | ");
  throw new UserError(
    "unmet",
    `${tool} fails its smoke test (${shown}): ${ended}${said ? `: ${said}` : ""}`,
    { hint },
  );
}

/** Programs below this place cannot be started, by anybody. */
export function noexecError(mount: string): UserError {
  return new UserError("unmet", `${mount} is mounted noexec: no program in it can be started`, {
    hint: `Mount it without that option, as root: mount -o remount,exec ${mount} (docker run: --tmpfs ${mount}:exec).`,
  });
}

/** The mount point that a path is on, where it is mounted noexec; else undefined. */
export async function noexecMount(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(() => path);
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  let found = { point: "", noexec: false };
  for (const line of text.split("\n")) {
    const [, , , , escaped = "", options = ""] = line.split(" ");
    const point = escaped.replace(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const holds = real === point || real.startsWith(point.endsWith("/") ? point : `${point}/`);
    // Of two mounts on one point the later one is in sight.
    if (!holds || point.length < found.point.length) continue;
    found = { point, noexec: options.split(",").includes("noexec") };
  }
  return found.noexec ? found.point : undefined;
}

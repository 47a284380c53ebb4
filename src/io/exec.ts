import { execFile } from "node:child_process";
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
}

/** Runs a program to its end with nothing on its stdin. Rejects only where it cannot be started. */
export function run({ argv, env, cwd, timeout }: Command): Promise<Finished> {
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { env, cwd, timeout, killSignal: "SIGKILL", maxBuffer: 1 << 20, encoding: "utf8" },
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
  let finished: Finished;
  try {
    finished = await run(command);
  } catch (cause) {
    const noexec = (cause as NodeJS.ErrnoException).code === "EACCES";
    throw new UserError("unmet", `${tool} does not start here (${shown})`, {
      cause,
      hint: noexec
        ? "The volume may be mounted noexec: mount it without that option (docker run --tmpfs needs :exec)."
        : hint,
    });
  }
  if (finished.status === 0) return;
  const said = (finished.stderr || finished.stdout).trim().split("\n").slice(0, 3).join(" | ");
  throw new UserError(
    "unmet",
    `${tool} fails its smoke test (${shown}): exit status ${finished.status}${said ? `: ${said}` : ""}`,
    { hint },
  );
}

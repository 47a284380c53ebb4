import type { ChildProcess } from "node:child_process";
import { execFile } from "node:child_process";
import { constants } from "node:os";
import { kill } from "node:process";
import { UserError } from "../core/errors.ts";
import { shortageError, shortageSaid } from "../core/system-error.ts";
import { listNames, orNothing } from "./files.ts";
import { readSettingsFile } from "./input.ts";
import { mountOf } from "./mounts.ts";

/** A program that was run: how it ended, and its output. */
export interface Finished {
  /** Its exit status; 128 + signal where one ended it. */
  readonly status: number;
  /** The signal that ended it, if one did. */
  readonly signal?: NodeJS.Signals;
  /** True where its time was up. */
  readonly timedOut?: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Command {
  /** The program's path and its arguments. No shell sees them. */
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Milliseconds; the program and what it has started are killed then. */
  readonly timeout: number;
  /** Bytes of output; the program is killed beyond. Default: 1 MiB. */
  readonly maxOutput?: number;
  /** Kills the program too, and what it has started. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program to its end with nothing on its stdin. Rejects with what `cannotStart` makes of it where
 * it cannot be started or prints too much; with a UserError (`busy`) where that is for want of processes,
 * files or memory, or where somebody else killed it; with the signal's reason where it is to stop.
 */
export async function run(
  command: Command,
  cannotStart: (cause: unknown) => unknown = (cause) => cause,
): Promise<Finished> {
  const { argv, timeout, signal: stop } = command;
  stop?.throwIfAborted();
  let child: ChildProcess | undefined;
  let timedOut = false;
  const end = (): void => child && endTree(child);
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeout);
  stop?.addEventListener("abort", end);
  const shown = argv.join(" ");
  try {
    const ended = await new Promise<Finished>((resolve, reject) => {
      child = start(command, resolve, reject);
    });
    stop?.throwIfAborted();
    const killer = timedOut ? undefined : killers[ended.signal ?? ""];
    if (killer === undefined) return { ...ended, timedOut };
    throw new UserError("E_KILLED", `${shown} was killed by ${killer}`);
  } catch (cause) {
    stop?.throwIfAborted();
    if (cause instanceof UserError) throw cause;
    throw shortageError(`cannot start ${shown}`, cause) ?? (await cannotStart(cause));
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener("abort", end);
  }
}

function start(
  { argv: [file, ...args], env, cwd, maxOutput = 1 << 20 }: Command,
  resolve: (finished: Finished) => void,
  reject: (error: unknown) => void,
): ChildProcess {
  const options = { env, cwd, maxBuffer: maxOutput, encoding: "utf8" } as const;
  const child = execFile(file, args, options, (error, stdout, stderr) => {
    if (error && typeof error.code === "string") return reject(error);
    const signal = error?.signal ?? undefined;
    const status = signal ? 128 + constants.signals[signal] : (error?.code ?? 0);
    resolve({ status: Number(status), ...(signal && { signal }), stdout, stderr });
  });
  child.stdin?.on("error", () => {}); // it may have ended before
  child.stdin?.end();
  return child;
}

/** Signals that a program gets from this machine or its people, and not for what it does. */
const killers: Readonly<Record<string, string>> = {
  SIGKILL: "SIGKILL, as where memory runs out (the container's limit; see dmesg)",
  SIGTERM: "SIGTERM",
  SIGINT: "SIGINT",
  SIGHUP: "SIGHUP",
  SIGXCPU: "SIGXCPU: its processor time was used up (ulimit -t)",
  SIGXFSZ: "SIGXFSZ: a file became larger than is allowed (ulimit -f)",
};

/** Also what it has started, which would go on without it and hold its output open. */
function endTree(child: ChildProcess): void {
  if (child.pid !== undefined) killTree(child.pid);
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function killTree(pid: number): void {
  orNothing(() => kill(pid, "SIGSTOP")); // it starts no more of them meanwhile
  for (const thread of listNames(`/proc/${pid}/task`)) {
    const children = readSettingsFile(`/proc/${pid}/task/${thread}/children`);
    for (const each of children.split(" ").filter(Boolean)) killTree(Number(each));
  }
  orNothing(() => kill(pid, "SIGKILL"));
}

/**
 * Runs a recipe's smoke test. A program that does not run here (too old a libc, a missing library)
 * is `unmet`: a retry cannot mend it. What this machine is short of for a while is not the program's
 * fault: `busy`.
 */
export async function smokeTest(tool: string, command: Command): Promise<void> {
  const shown = command.argv.join(" ");
  const hint = `The program was not installed. See whether this image lacks a library that ${tool} needs, or write a recipe for another build of it.`;
  const finished = await run(command, async (cause) => {
    const mount = await noexecMount(command.argv[0]);
    if (mount !== undefined) return noexecError(mount);
    return new UserError("E_DOES_NOT_RUN", `${tool} does not start here (${shown})`, {
      cause,
      hint,
    });
  });
  if (finished.status === 0) return;
  const failed = `${tool} fails its smoke test (${shown})`;
  const output = (finished.stderr || finished.stdout).trim();
  const short = finished.timedOut ? undefined : shortageSaid(failed, output);
  if (short) throw short;
  const said = output.split("\n").slice(0, 3).join(" | ");
  const end = describeEnd(finished, command);
  throw new UserError("E_DOES_NOT_RUN", `${failed}: ${end}${said ? `: ${said}` : ""}`, { hint });
}

/** What a crash means. */
const ownFaults: Readonly<Record<string, string>> = {
  SIGILL: "SIGILL: it needs instructions that this processor lacks",
  SIGSYS: "SIGSYS: the container's seccomp profile forbids a system call that it makes",
};

function describeEnd({ status, signal, timedOut }: Finished, { timeout }: Command): string {
  if (timedOut) return `it had not ended after ${timeout / 1000} s`;
  if (signal === undefined) return `exit status ${status}`;
  return `it crashed with ${ownFaults[signal] ?? signal}`;
}

/** Programs below this place cannot be started, by anybody. */
export function noexecError(mount: string): UserError {
  return new UserError("E_NOEXEC", `${mount} is mounted noexec: no program in it can be started`, {
    hint: `Mount it without that option, as root: mount -o remount,exec ${mount} (docker run: --tmpfs ${mount}:exec).`,
  });
}

/** The mount point that a path is on, where it is mounted noexec; else undefined. */
export async function noexecMount(path: string): Promise<string | undefined> {
  const { options, point } = mountOf(path);
  return options.includes("noexec") ? point : undefined;
}

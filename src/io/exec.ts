import type { ChildProcess } from "node:child_process";
import { execFile } from "node:child_process";
import { constants } from "node:os";
import { kill } from "node:process";
import { UserError } from "../core/errors.ts";
import { shortageError, shortageSaid } from "../core/system-error.ts";
import { listNames, orNothing } from "./files.ts";
import { readSettingsFile } from "./input.ts";
import { mountOf } from "./mounts.ts";

/** The result of a program: how it ended, and its output. */
export interface Finished {
  /** Its exit status; 128 + signal if one ended it. */
  readonly status: number;
  /** The signal that ended it, if one did. */
  readonly signal?: NodeJS.Signals;
  /** True if it was killed at its timeout. */
  readonly timedOut?: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Command {
  /** The program's path and its arguments. No shell interprets them. */
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Milliseconds, after which the program and its children are killed. */
  readonly timeout: number;
  /** Bytes of output, beyond which the program is killed. Default: 1 MiB. */
  readonly maxOutput?: number;
  /** Kills the program and its children. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program to its end with an empty stdin. Rejects with the error of `cannotStart` if it
 * cannot be started or prints too much; with a UserError (`busy`) if the machine lacks processes,
 * files or memory, or if another process killed it; with the signal's reason if it was aborted.
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
  child.stdin?.on("error", () => {}); // it may have ended already
  child.stdin?.end();
  return child;
}

/** Signals that come from this machine or its operator, not from the program's own faults. */
const killers: Readonly<Record<string, string>> = {
  SIGKILL: "SIGKILL: probably out of memory (the container's limit; see dmesg)",
  SIGTERM: "SIGTERM",
  SIGINT: "SIGINT",
  SIGHUP: "SIGHUP",
  SIGXCPU: "SIGXCPU: its CPU time limit was reached (ulimit -t)",
  SIGXFSZ: "SIGXFSZ: a file exceeded the size limit (ulimit -f)",
};

/** Also kills its children, which would continue and keep its output open. */
export function endTree(child: ChildProcess): void {
  if (child.pid !== undefined) killTree(child.pid);
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function killTree(pid: number): void {
  orNothing(() => kill(pid, "SIGSTOP")); // so that it starts no more of them in the meantime
  for (const thread of listNames(`/proc/${pid}/task`)) {
    const children = readSettingsFile(`/proc/${pid}/task/${thread}/children`);
    for (const each of children.split(" ").filter(Boolean)) killTree(Number(each));
  }
  orNothing(() => kill(pid, "SIGKILL"));
}

/**
 * Runs a recipe's smoke test, whose stdout must contain `output`. A program that cannot run here (libc
 * too old, a missing library) is `unmet`: a retry does not help. A temporary shortage of this machine is
 * not the program's fault: `busy`.
 */
export async function smokeTest(tool: string, command: Command, output = ""): Promise<void> {
  const shown = command.argv.join(" ");
  const hint = `The program was not installed. Check whether this image lacks a library that ${tool} needs, or write a recipe for another build.`;
  const finished = await run(command, async (cause) => {
    const mount = await noexecMount(command.argv[0]);
    if (mount !== undefined) return noexecError(mount);
    return new UserError("E_DOES_NOT_RUN", `${tool} does not start here (${shown})`, {
      cause,
      hint,
    });
  });
  if (finished.status === 0 && finished.stdout.includes(output)) return;
  const failed = `${tool} fails its smoke test (${shown})`;
  const [first, second] =
    finished.status === 0 ? (["stdout", "stderr"] as const) : (["stderr", "stdout"] as const);
  const printed = (finished[first] || finished[second]).trim();
  const short = finished.timedOut ? undefined : shortageSaid(failed, printed);
  if (short) throw short;
  const said = printed.split("\n").slice(0, 3).join(" | ");
  const end =
    finished.status === 0 ? `it does not print "${output}"` : describeEnd(finished, command);
  throw new UserError("E_DOES_NOT_RUN", `${failed}: ${end}${said ? `: ${said}` : ""}`, { hint });
}

/** The meaning of a crash. */
const ownFaults: Readonly<Record<string, string>> = {
  SIGILL: "SIGILL: it needs instructions that this processor lacks",
  SIGSYS: "SIGSYS: the container's seccomp profile forbids a system call that it makes",
};

function describeEnd({ status, signal, timedOut }: Finished, { timeout }: Command): string {
  if (timedOut) return `it timed out after ${timeout / 1000} s`;
  if (signal === undefined) return `exit status ${status}`;
  return `it crashed with ${ownFaults[signal] ?? signal}`;
}

/** No user can start programs below this mount point. */
export function noexecError(mount: string): UserError {
  return new UserError("E_NOEXEC", `${mount} is mounted noexec: its programs cannot be started`, {
    hint: `Mount it without noexec, as root: mount -o remount,exec ${mount} (docker run: --tmpfs ${mount}:exec).`,
  });
}

/** The mount point of a path, if it is mounted noexec; else undefined. */
export async function noexecMount(path: string): Promise<string | undefined> {
  const { options, point } = mountOf(path);
  return options.includes("noexec") ? point : undefined;
}

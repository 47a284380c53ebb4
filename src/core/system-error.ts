import { describeError, type ErrorCode, UserError } from "./errors.ts";
import { problems } from "./problems/table.ts";

/**
 * The meaning of a system call's error, for any action: its code, whose remedy is the hint, and a clause such
 * as `too many files are open`.
 */
type Meaning = readonly [problem: ErrorCode, what: string];

/** Temporary shortages of this machine: never a reason to call a program unsuitable for it. */
const shortages: Readonly<Record<string, Meaning>> = {
  EAGAIN: ["E_PROCESS_LIMIT", "no more processes or threads can be started"],
  EMFILE: ["E_OPEN_FILES", "too many files are open"],
  ENFILE: ["E_OPEN_FILES", "too many files are open on this machine"],
  ENOMEM: ["E_MEMORY", "there is not enough memory"],
  ETXTBSY: ["E_PROGRAM_BUSY", "another process is writing to the program"],
};

const failing = [
  "E_DISK_FAILING",
  "the disk, or the connection to it, reports errors",
] as const satisfies Meaning;

const others: Readonly<Record<string, Meaning>> = {
  EACCES: ["E_PERMISSION", "permission denied"],
  EROFS: ["E_PERMISSION", "the file system is read-only"],
  ENOSPC: ["E_DISK_FULL", "the disk is full (space or inodes)"],
  EDQUOT: ["E_DISK_QUOTA", "the disk quota is used up"],
  EIO: failing,
  ESTALE: failing,
  EREMOTEIO: failing,
  EUCLEAN: failing,
  ENOMEDIUM: failing,
};

/** Linux errors that Node has no name for. */
const unnamed: Readonly<Record<number, string>> = {
  112: "EHOSTDOWN",
  116: "ESTALE",
  117: "EUCLEAN",
  121: "EREMOTEIO",
  122: "EDQUOT",
  123: "ENOMEDIUM",
};

/** The name of a system error: `EIO`; empty for anything else that was thrown. */
export function errnoName(thrown: unknown): string {
  const { code, errno } = (thrown ?? {}) as NodeJS.ErrnoException;
  return unnamed[-(errno ?? 0)] ?? (typeof code === "string" ? code : "");
}

/**
 * What a file operation's error says about its disk: full, over quota, failing, or unreachable.
 * Undefined if the error is about the file, permissions or this machine.
 */
export function diskMeaning(thrown: unknown): Meaning | undefined {
  const name = errnoName(thrown);
  const meaning = others[name];
  if (meaning && problems[meaning[0]].kind === "disk") return meaning;
  return unreachable.has(name) ? failing : undefined;
}

/**
 * Errors of network disks and dead FUSE servers; on a network connection the same codes mean
 * something else.
 */
const unreachable = new Set([
  ...["ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN"],
  ...["ENETUNREACH", "ENODEV", "ENOTCONN", "EPROTO", "ESHUTDOWN", "ETIMEDOUT"],
]);

/** Failed allocations of V8 and WebAssembly, which have no errno. */
const noMemory = /allocation failed|could not allocate|out of memory/i;

/** The error for a shortage of this machine; undefined for any other error. */
export function shortageError(action: string, cause: unknown): UserError | undefined {
  const { code = "" } = cause as NodeJS.ErrnoException;
  const isMemory =
    code === "ERR_MEMORY_ALLOCATION_FAILED" ||
    (cause instanceof RangeError && noMemory.test(cause.message));
  const meaning = shortages[isMemory ? "ENOMEM" : code];
  return meaning && toError(action, meaning, cause);
}

/** Messages by which programs report a shortage. */
const sayings: readonly (readonly [RegExp, string])[] = [
  [/resource temporarily unavailable|cannot fork|can't start new thread|new OS thread/i, "EAGAIN"],
  [/too many open files/i, "EMFILE"],
  [/cannot allocate memory|out of memory|signal: killed/i, "ENOMEM"],
  [/no space left on device/i, "ENOSPC"],
  [/disk quota exceeded/i, "EDQUOT"],
  [/text file busy/i, "ETXTBSY"],
];

/** The error for a shortage that a failed program reported; undefined for any other failure. */
export function shortageSaid(action: string, output: string): UserError | undefined {
  const [said = "", code = ""] = sayings.flatMap(([pattern, errno]) => {
    const found = output.split("\n").find((line) => pattern.test(line));
    return found === undefined ? [] : [found, errno];
  });
  const meaning = shortages[code] ?? others[code];
  return meaning && toError(`${action}: ${said.trim().slice(0, 200)}`, meaning, undefined);
}

/**
 * Turns failures of the environment (system calls, memory, connections) into a UserError. Returns
 * anything else unchanged: a bug in this program.
 */
export function asUserError(thrown: unknown): unknown {
  if (thrown instanceof UserError || !(thrown instanceof Error)) return thrown;
  const { errno, syscall, path } = thrown as NodeJS.ErrnoException;
  const code = errnoName(thrown);
  const action = `${syscall ?? "the work"}${path === undefined ? "" : ` ${path}`} failed`;
  const short = shortageError(action, thrown);
  if (short) return short;
  if (syscall === "uv_cwd") {
    const message = "the working directory was removed or cannot be read";
    return new UserError("E_WORKING_DIRECTORY", message, { cause: thrown });
  }
  if (code.startsWith("UND_ERR_")) {
    return new UserError("E_CONNECTION", "a connection failed", { cause: thrown });
  }
  if (typeof errno !== "number" || syscall === undefined) return thrown;
  return toError(action, others[code] ?? ["E_SYSTEM_CALL", describeError(thrown)], thrown);
}

function toError(action: string, [problem, what]: Meaning, cause: unknown): UserError {
  const shared = { key: what, message: what };
  return new UserError(problem, `${action}: ${what}`, { cause, shared });
}

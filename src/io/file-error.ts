/**
 * The meaning of file errors. Only ENOENT and similar errors mean that a file does not exist; any
 * other error says nothing about what is on the disk. Code that continues after an error says so,
 * with `orNothing` or `tolerate`.
 */
import { lstatSync } from "node:fs";
import { type SharedCause, UserError } from "../core/errors.ts";
import { orNothing } from "../core/or-nothing.ts";
import { diskMeaning, errnoName, shortageError } from "../core/system-error.ts";
import { mountOf } from "./mounts.ts";
import { placeOf, rightsHint, spaceHint } from "./rights.ts";

/** The error for a failed system call: the action, the path, and what to do. */
export function fileError(action: string, path: string, cause: unknown): UserError {
  if (cause instanceof UserError) return cause;
  const message = `cannot ${action} ${path}`;
  const shared = (why: string): SharedCause => ({ key: why, message: `${placeOf(path)}: ${why}` });
  const disk = diskMeaning(cause);
  if (disk !== undefined) {
    const [problem, failing] = disk;
    const { type, point } = mountOf(path);
    return new UserError(problem, `${message}: ${failing} (${type}, mounted at ${point})`, {
      shared: shared(failing),
      ...(isFull(cause) ? {} : { cause }),
      hint: diskHint(errnoName(cause), path),
    });
  }
  switch (errnoName(cause)) {
    case "EROFS":
      return new UserError("E_VOLUME_READ_ONLY", `${message}: it is read-only here`, {
        shared: shared("it is read-only here"),
      });
    case "EACCES":
    case "EPERM":
      return new UserError("E_PERMISSION", `${message}: permission denied`, {
        shared: shared("permission denied"),
        hint: rightsHint(path, { isFile: action === "write" }),
      });
    case "ENOTDIR":
    case "EEXIST":
      // A disk may succeed although it reports a failure: then the path exists because of our own
      // call.
      if (!isInTheWay(path, cause)) return otherError(message, cause);
      return new UserError(
        "E_NOT_A_DIRECTORY",
        `${message}: a file is in the place of a directory`,
        {
          cause,
        },
      );
    default:
      return otherError(message, cause);
  }
}

function otherError(message: string, cause: unknown): UserError {
  return shortageError(message, cause) ?? new UserError("E_FILE_OPERATION", message, { cause });
}

function isInTheWay(path: string, cause: unknown): boolean {
  if (errnoName(cause) === "ENOTDIR") return true;
  const isMkdir = (cause as NodeJS.ErrnoException).syscall === "mkdir";
  return isMkdir && orNothing(() => lstatSync(path).isDirectory()) !== true;
}

/** The system's own message adds nothing. */
const isFull = (cause: unknown): boolean => ["ENOSPC", "EDQUOT"].includes(errnoName(cause));

function diskHint(name: string, path: string): string {
  if (name === "ENOSPC") return spaceHint(path);
  return name === "EDQUOT"
    ? "Free some space or raise the quota, and run again; existing installations are unchanged."
    : "Check the host's kernel log (dmesg); existing installations are unchanged.";
}

/** The original system error, also if `fileError` has wrapped it. */
function systemErrorOf(thrown: unknown): unknown {
  return thrown instanceof UserError ? thrown.cause : thrown;
}

/**
 * True if nothing exists at the path: no such name, a parent that is a file, or a loop of links.
 */
function isAbsent(thrown: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes(errnoName(systemErrorOf(thrown)));
}

/** True if there is no such name, or a parent of it is a file. */
export function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(errnoName(error));
}

/** True if the error is about the file at the path, and stays until somebody changes it. */
export function isLasting(thrown: unknown): boolean {
  if (thrown instanceof UserError && thrown.kind === "permission") return true;
  const name = errnoName(systemErrorOf(thrown));
  return isAbsent(thrown) || ["EACCES", "EPERM", "EISDIR", "ENXIO"].includes(name);
}

/** Runs a file operation; its error names the action and the path. */
export async function withContext<T>(
  action: string,
  path: string,
  work: Promise<T> | (() => T),
): Promise<T> {
  try {
    return await (typeof work === "function" ? work() : work);
  } catch (cause) {
    throw fileError(action, path, cause);
  }
}

/** The synchronous variant. */
export function saying<T>(action: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw fileError(action, path, cause);
  }
}

/**
 * What `work` resolves to, or undefined if a system call fails: for optional steps. Bugs are still
 * thrown.
 */
export async function tolerate<T>(work: Promise<T> | (() => T)): Promise<T | undefined> {
  try {
    return await (typeof work === "function" ? work() : work);
  } catch (error) {
    if (error instanceof UserError || errnoName(error) !== "") return undefined;
    throw error;
  }
}

/**
 * What `work` returns, or undefined if nothing exists at the path. Throws a UserError if that is
 * not certain.
 */
export function ifThere<T>(path: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw fileError("read", path, cause);
  }
}

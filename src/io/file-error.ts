/**
 * What the errors of files mean. A failing call says nothing of what is on the disk: only ENOENT and its
 * kin mean that something is not there. Whoever goes on all the same says so, with `orNothing` or
 * `tolerate`.
 */
import { lstatSync } from "node:fs";
import { type SharedCause, UserError } from "../core/errors.ts";
import { orNothing } from "../core/or-nothing.ts";
import { diskMeaning, errnoName, shortageError } from "../core/system-error.ts";
import { mountOf } from "./mounts.ts";
import { placeOf, rightsHint, spaceHint } from "./rights.ts";

/** What a failed system call means to a person: the action, the path, and what repairs it. */
export function fileError(action: string, path: string, cause: unknown): UserError {
  if (cause instanceof UserError) return cause;
  const message = `cannot ${action} ${path}`;
  const shared = (why: string): SharedCause => ({ key: why, message: `${placeOf(path)}: ${why}` });
  const disk = diskMeaning(cause);
  if (disk !== undefined) {
    const { problem, what: failing } = disk;
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
        hint: rightsHint(path),
      });
    case "ENOTDIR":
    case "EEXIST":
      // A disk may do what it says has failed: then it is what was made that is in the way.
      if (!isInTheWay(path, cause)) return otherError(message, cause);
      return new UserError(
        "E_NOT_A_DIRECTORY",
        `${message}: something that is not a directory is in the way`,
        {
          cause,
        },
      );
    default:
      return otherError(message, cause);
  }
}

function otherError(message: string, cause: unknown): UserError {
  const hint = "See the file system's own message.";
  return (
    shortageError(message, cause) ?? new UserError("E_FILE_OPERATION", message, { cause, hint })
  );
}

function isInTheWay(path: string, cause: unknown): boolean {
  if (errnoName(cause) === "ENOTDIR") return true;
  const isMkdir = (cause as NodeJS.ErrnoException).syscall === "mkdir";
  return isMkdir && orNothing(() => lstatSync(path).isDirectory()) !== true;
}

/** Nothing that the system adds says more. */
const isFull = (cause: unknown): boolean => ["ENOSPC", "EDQUOT"].includes(errnoName(cause));

function diskHint(name: string, path: string): string {
  if (name === "ENOSPC") return spaceHint(path);
  return name === "EDQUOT"
    ? "Make room or have the quota raised, and run again; what was installed before is untouched."
    : "Look at the host's kernel log (dmesg); what was installed before is untouched.";
}

/** What was thrown for a system call, also where `fileError` has made it a UserError. */
function systemErrorOf(thrown: unknown): unknown {
  return thrown instanceof UserError ? thrown.cause : thrown;
}

/** True where a path leads to nothing: no such name, below a file, or links without an end. */
function isAbsent(thrown: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes(errnoName(systemErrorOf(thrown)));
}

/** True where the error says something of what lies at the path, which stays until somebody changes it. */
export function isLasting(thrown: unknown): boolean {
  if (thrown instanceof UserError && thrown.kind === "permission") return true;
  const name = errnoName(systemErrorOf(thrown));
  return isAbsent(thrown) || ["EACCES", "EPERM", "EISDIR", "ENXIO"].includes(name);
}

/** Does a file operation, and says what it was in the error. */
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

/** The same for what is done at once. */
export function saying<T>(action: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw fileError(action, path, cause);
  }
}

/**
 * What `work` resolves to, or undefined where the system refuses it: for what is only good to have. A bug
 * is thrown all the same.
 */
export async function tolerate<T>(work: Promise<T> | (() => T)): Promise<T | undefined> {
  try {
    return await (typeof work === "function" ? work() : work);
  } catch (error) {
    if (error instanceof UserError || errnoName(error) !== "") return undefined;
    throw error;
  }
}

/** What `work` returns, or undefined where nothing is there. Throws a UserError where that cannot be told. */
export function ifThere<T>(path: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw fileError("read", path, cause);
  }
}

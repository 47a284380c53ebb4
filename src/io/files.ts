import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fsync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type SharedCause, UserError } from "../core/errors.ts";
import { shortageError } from "../core/system-error.ts";
import { placeOf, rightsHint, spaceHint } from "./rights.ts";

/** Linux's errors that Node has no name for. */
const namesOfErrno: Readonly<Record<number, string>> = { 116: "ESTALE", 122: "EDQUOT" };

/** What a failed system call means to a person: the action, the path, and what mends it. */
export function fileError(action: string, path: string, cause: unknown): UserError {
  const { code, errno = 0 } = cause as NodeJS.ErrnoException;
  const message = `cannot ${action} ${path}`;
  const shared = (why: string): SharedCause => ({ key: why, message: `${placeOf(path)}: ${why}` });
  switch (namesOfErrno[-errno] ?? code) {
    case "EROFS":
      return new UserError("unmet", `${message}: it is read-only here`, {
        shared: shared("it is read-only here"),
        hint: "Fill the volume where it is writable (gateway or provisioner), or mount it read-write.",
      });
    case "EACCES":
    case "EPERM":
      return new UserError("permission", `${message}: permission denied`, {
        shared: shared("permission denied"),
        hint: rightsHint(path),
      });
    case "EDQUOT":
      return new UserError("disk", `${message}: the disk quota is used up`, {
        shared: shared("the disk quota is used up"),
        hint: "Make room or have the quota raised, and run again; what was installed before is untouched.",
      });
    case "EIO":
    case "ESTALE":
      return new UserError("disk", `${message}: the disk or its connection fails`, {
        shared: shared("the disk or its connection fails"),
        cause,
        hint: "Look at the host's kernel log (dmesg); what was installed before is untouched.",
      });
    case "ENOSPC":
      return new UserError("disk", `${message}: the disk is full (space or inodes)`, {
        shared: shared("the disk is full (space or inodes)"),
        hint: spaceHint(path),
      });
    case "ENOTDIR":
    case "EEXIST":
      return new UserError(
        "config",
        `${message}: something that is not a directory is in the way`,
        {
          cause,
          hint: "Move it aside, or choose another --prefix.",
        },
      );
    default:
      return (
        shortageError(message, cause) ??
        new UserError("disk", message, { cause, hint: "See the file system's own message." })
      );
  }
}

/*
 * What only looks at or changes names is called synchronously: it takes microseconds, and to have Node's
 * pool of threads do it takes ten times as long. What waits for the disk (fsync) is left to the pool.
 */

/** Does a file operation, and says what it was in the error. */
export async function doing<T>(
  action: string,
  path: string,
  work: Promise<T> | (() => T),
): Promise<T> {
  try {
    return await (typeof work === "function" ? work() : work);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw fileError(action, path, cause);
  }
}

/** What `work` returns, or undefined where it throws. */
export function orNothing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** lstat, or undefined where there is nothing. */
export async function look(path: string): Promise<Stats | undefined> {
  return orNothing(() => lstatSync(path));
}

/** stat, or undefined where there is nothing or a link dangles. */
export async function follow(path: string): Promise<Stats | undefined> {
  return orNothing(() => statSync(path));
}

/** Where a symbolic link leads, as it is written; undefined where there is none. */
export async function linkTarget(path: string): Promise<string | undefined> {
  return orNothing(() => readlinkSync(path));
}

/** The names in a directory; none where it cannot be read. */
export function listNames(dir: string): string[] {
  return orNothing(() => readdirSync(dir)) ?? [];
}

/** Twelve random hexadecimal digits: a name that no other run has. */
export function token(): string {
  return randomBytes(6).toString("hex");
}

/**
 * Replaces a file in one step: a reader sees the old text or the new one. On disk when it returns,
 * unless it is not to be `durable`: a crash may then leave anything in its place.
 */
export async function writeAtomically(
  path: string,
  text: string,
  { mode = 0o644, durable = true }: { mode?: number; durable?: boolean } = {},
): Promise<void> {
  const temporary = join(dirname(path), `.${token()}.tmp`);
  try {
    await onOpen(temporary, "wx", async (file) => {
      writeFileSync(file, text);
      fchmodSync(file, mode); // whatever the umask is
      if (durable) await sync(file);
    });
    renameSync(temporary, path);
    if (durable) await syncDirectory(dirname(path));
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fileError("write", path, cause);
  }
}

/** Replaces a link, or whatever has its name, in one step. Its directory is not put on disk. */
export async function linkAtomically(target: string, path: string): Promise<void> {
  const temporary = join(dirname(path), `.${token()}.tmp`);
  try {
    symlinkSync(target, temporary);
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fileError("link", path, cause);
  }
}

/**
 * Makes a directory and its parents: whatever the umask, all can read and its owner can write. By
 * hand, because Node's recursive mkdir says ENOENT where a file system is read-only.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    mkdirSync(path);
    chmodSync(path, 0o755);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await follow(path))?.isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw fileError("create", path, cause);
    await makeDirectory(parent);
    await makeDirectory(path);
  }
}

/** A name is on disk only when its directory is. */
export async function syncDirectory(path: string): Promise<void> {
  await onOpen(path, constants.O_RDONLY | constants.O_DIRECTORY, async (directory) => {
    // Some network file systems cannot sync a directory; they order renames themselves.
    await sync(directory).catch(() => undefined);
  });
}

/** Puts every file and directory of a tree on disk, so that a published tree is whole after a crash. */
export async function syncTree(root: string): Promise<void> {
  const entries = readdirSync(root, { withFileTypes: true });
  for (let i = 0; i < entries.length; i += 16) {
    await Promise.all(
      entries.slice(i, i + 16).map(async (entry) => {
        const path = join(root, entry.name);
        if (entry.isDirectory()) return syncTree(path);
        if (entry.isFile()) return onOpen(path, constants.O_RDONLY | constants.O_NOFOLLOW, sync);
      }),
    );
  }
  await syncDirectory(root);
}

const sync = promisify(fsync);

async function onOpen(
  path: string,
  flags: number | string,
  work: (descriptor: number) => Promise<void>,
): Promise<void> {
  const descriptor = openSync(path, flags, 0o600);
  try {
    await work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

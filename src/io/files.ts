import { randomBytes } from "node:crypto";
import { constants, readdirSync, type Stats } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { rightsHint, spaceHint } from "./rights.ts";

/** Linux's errors that Node has no name for. */
const namesOfErrno: Readonly<Record<number, string>> = { 116: "ESTALE", 122: "EDQUOT" };

/** What a failed system call means to a person: the action, the path, and what mends it. */
export function fileError(action: string, path: string, cause: unknown): UserError {
  const { code, errno = 0 } = cause as NodeJS.ErrnoException;
  const message = `cannot ${action} ${path}`;
  switch (namesOfErrno[-errno] ?? code) {
    case "EROFS":
      return new UserError("unmet", `${message}: it is read-only here`, {
        hint: "Fill the volume where it is writable (gateway or provisioner), or mount it read-write.",
      });
    case "EACCES":
    case "EPERM":
      return new UserError("permission", `${message}: permission denied`, {
        hint: rightsHint(path),
      });
    case "EDQUOT":
      return new UserError("disk", `${message}: the disk quota is used up`, {
        hint: "Make room or have the quota raised, and run again; what was installed before is untouched.",
      });
    case "EIO":
    case "ESTALE":
      return new UserError("disk", `${message}: the disk or its connection fails`, {
        cause,
        hint: "Look at the host's kernel log (dmesg); what was installed before is untouched.",
      });
    case "EMFILE":
    case "ENFILE":
      return new UserError("busy", `${message}: too many files are open`, {
        hint: "Run with --jobs 1, or raise the limit (ulimit -n).",
      });
    case "ENOSPC":
      return new UserError("disk", `${message}: the disk is full (space or inodes)`, {
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
      return new UserError("disk", message, { cause, hint: "See the file system's own message." });
  }
}

/** Does a file operation, and says what it was in the error. */
export async function doing<T>(action: string, path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw fileError(action, path, cause);
  }
}

/** lstat, or undefined where there is nothing. */
export async function look(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch(() => undefined);
}

/** stat, or undefined where there is nothing or a link dangles. */
export async function follow(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined);
}

/** The names in a directory; none where it cannot be read. */
export function listNames(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/**
 * The text of a file that a neighbour may have planted; undefined where it is a link, a pipe, larger
 * than `maxBytes` or not to be read. Never waits.
 */
export async function readPlain(path: string, maxBytes: number): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => undefined);
  if (!file) return undefined;
  try {
    const stats = await file.stat();
    return stats.isFile() && stats.size <= maxBytes ? await file.readFile("utf8") : undefined;
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

/** Twelve random hexadecimal digits: a name that no other run has. */
export function token(): string {
  return randomBytes(6).toString("hex");
}

/** Replaces a file in one step: a reader sees the old text or the new one. On disk when it returns. */
export async function writeAtomically(path: string, text: string, mode = 0o644): Promise<void> {
  const temporary = join(dirname(path), `.${token()}.tmp`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    const file = await open(temporary, flags, mode);
    try {
      await file.writeFile(text);
      await file.chmod(mode); // whatever the umask is
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw fileError("write", path, cause);
  }
}

/** Replaces a link, or whatever has its name, in one step. */
export async function linkAtomically(target: string, path: string): Promise<void> {
  const temporary = join(dirname(path), `.${token()}.tmp`);
  try {
    await symlink(target, temporary);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw fileError("link", path, cause);
  }
}

/**
 * Makes a directory and its parents: whatever the umask, all can read and its owner can write. By
 * hand, because Node's recursive mkdir says ENOENT where a file system is read-only.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
    await chmod(path, 0o755);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await follow(path))?.isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw fileError("create", path, cause);
    await makeDirectory(parent);
    await makeDirectory(path);
  }
}

/** A rename is on disk only when its directory is. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } catch {
    // Some network file systems cannot sync a directory; they order renames themselves.
  } finally {
    await directory.close();
  }
}

/** Puts every file and directory of a tree on disk, so that a published tree is whole after a crash. */
export async function syncTree(root: string): Promise<void> {
  const entries = await readdir(root, { withFileTypes: true });
  for (let i = 0; i < entries.length; i += 16) {
    await Promise.all(
      entries.slice(i, i + 16).map(async (entry) => {
        const path = join(root, entry.name);
        if (entry.isDirectory()) return syncTree(path);
        if (entry.isFile()) return syncFile(path);
      }),
    );
  }
  await syncDirectory(root);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

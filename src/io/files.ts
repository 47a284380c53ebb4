import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  fsync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { orNothing } from "../core/or-nothing.ts";
import { errnoName } from "../core/system-error.ts";
import { entriesIn } from "./entries.ts";
import { fileError, ifThere, saying, withContext } from "./file-error.ts";

export { orNothing } from "../core/or-nothing.ts";
export {
  fileError,
  ifThere,
  isLasting,
  saying,
  tolerate,
  withContext as doing,
} from "./file-error.ts";

/*
 * What only looks at or changes names is called synchronously: it takes microseconds, and to have Node's
 * pool of threads do it takes ten times as long. What waits for the disk (fsync) is left to the pool.
 */

/** lstat, or undefined where there is nothing. */
export async function lstatIfExists(path: string): Promise<Stats | undefined> {
  return ifThere(path, () => lstatSync(path));
}

/** stat, or undefined where there is nothing or a link dangles. */
export async function statIfExists(path: string): Promise<Stats | undefined> {
  return ifThere(path, () => statSync(path));
}

/** Where a symbolic link leads, as it is written; undefined where there is none. */
export async function linkTarget(path: string): Promise<string | undefined> {
  return ifThere(path, () => {
    try {
      return readlinkSync(path);
    } catch (cause) {
      if (errnoName(cause) === "EINVAL") return undefined; // no link
      throw cause;
    }
  });
}

/** The names in a directory; none where there is no directory. */
export function listNames(dir: string): string[] {
  return ifThere(dir, () => readdirSync(dir)) ?? [];
}

/** The text of a file; empty where there is none. */
export async function textOf(path: string): Promise<string> {
  return ifThere(path, () => readFileSync(path, "utf8")) ?? "";
}

/** True where something is there, after links. */
export function isThere(path: string): boolean {
  return ifThere(path, () => statSync(path)) !== undefined;
}

/** Twelve random hexadecimal digits: a name that no other run has. */
export function token(): string {
  return randomBytes(6).toString("hex");
}

/**
 * The time now by the clock of a directory's file system, in ms: the clocks of containers can be apart.
 * Undefined where it cannot be told.
 */
export function clockOf(dir: string): number | undefined {
  // A directory's own change time takes no room on a full disk. But another user's directory and some
  // mounts refuse, some change nothing, and who is not of its group could lose its set-group-id bit.
  const renewed = (): number | undefined =>
    orNothing(() => {
      const before = statSync(dir);
      chmodSync(dir, before.mode);
      const { ctimeMs } = statSync(dir);
      return ctimeMs === before.ctimeMs ? undefined : ctimeMs;
    });
  const mark = join(dir, `.${token()}.tmp`);
  const made = (): number | undefined => {
    const time = orNothing(() => {
      writeFileSync(mark, "", { flag: "wx" });
      return lstatSync(mark).mtimeMs;
    });
    orNothing(() => rmSync(mark, { force: true }));
    return time;
  };
  const hasGroup = ((orNothing(() => statSync(dir))?.mode ?? 0) & 0o2000) !== 0;
  return hasGroup ? (made() ?? renewed()) : (renewed() ?? made());
}

/*
 * Names are changed in one step wherever the file system can. Some move no directories (mergerfs, overlay),
 * some nothing onto what is there (SMB servers). Only trying tells: one directory may be of an image's
 * layer and the next not.
 */

/** How file systems say that they do not do something; a disk that fails says something else. */
const refusals = [
  "EINVAL",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EPERM",
  "EACCES",
  "EXDEV",
  "EBUSY",
  "EEXIST",
];

/** True of the error of a call that will fail each time, and is to be done in another way. */
export function isRefusal(cause: unknown): boolean {
  return refusals.includes((cause as NodeJS.ErrnoException).code ?? "");
}

/**
 * Moves a file or link onto a name, whether there is one of that name or not: in one step, or with a gap
 * as small as can be. Where it fails, what was there is there again. Throws the system's own error.
 */
export function moveOnto(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (cause) {
    const found = isRefusal(cause) ? lstatSync(to, { throwIfNoEntry: false }) : undefined;
    if (found === undefined || found.isDirectory()) throw cause;
    const aside = join(dirname(to), `.${token()}.tmp`);
    renameSync(to, aside);
    try {
      renameSync(from, to);
    } catch (second) {
      orNothing(() => renameSync(aside, to));
      throw second;
    }
    orNothing(() => rmSync(aside, { force: true }));
  }
}

/**
 * Replaces a file in one step: a reader sees the old text or the new one. On disk when it returns,
 * unless it is not to be `durable`: a crash may then leave anything in its place. `mode` is less what
 * the umask takes from it, which `umaskFor` decides for a whole run.
 */
export async function writeAtomically(
  path: string,
  text: string,
  { mode = 0o666, durable = true }: { mode?: number; durable?: boolean } = {},
): Promise<void> {
  const temporary = join(dirname(path), `.${token()}.tmp`);
  try {
    const work = async (file: number): Promise<void> => {
      writeFileSync(file, text);
      if (durable) await sync(file);
    };
    await onOpen(temporary, "wx", work, mode);
    moveOnto(temporary, path);
    if (durable) await syncDirectory(dirname(path));
  } catch (cause) {
    orNothing(() => rmSync(temporary, { force: true }));
    throw fileError("write", path, cause);
  }
}

/** Replaces a link, or whatever has its name, in one step. Its directory is not put on disk. */
export async function linkAtomically(target: string, path: string): Promise<void> {
  const temporary = join(dirname(path), `.${token()}.tmp`);
  try {
    symlinkSync(target, temporary);
    moveOnto(temporary, path);
  } catch (cause) {
    orNothing(() => rmSync(temporary, { force: true }));
    throw fileError("link", path, cause);
  }
}

/**
 * Makes a directory and its parents. By hand, because Node's recursive mkdir says ENOENT where a file
 * system is read-only.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    mkdirSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await statIfExists(path))?.isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw fileError("create", path, cause);
    await makeDirectory(parent);
    await makeDirectory(path);
  }
}

/** A name is on disk only when its directory is. */
export async function syncDirectory(path: string): Promise<void> {
  await withContext("sync", path, onOpen(path, constants.O_RDONLY | constants.O_DIRECTORY, sync));
}

/** Puts what was written to a file on disk. No link is followed. */
export async function syncFile(path: string): Promise<void> {
  await withContext("sync", path, onOpen(path, constants.O_RDONLY | constants.O_NOFOLLOW, sync));
}

/** Puts every file and directory of a tree on disk, so that a published tree is whole after a crash. */
export async function syncTree(root: string): Promise<void> {
  const entries = await withContext("read", root, () => entriesIn(root));
  for (let i = 0; i < entries.length; i += 16) {
    await Promise.all(
      entries.slice(i, i + 16).map(async ({ path, stats }) => {
        if (stats.isDirectory()) return syncTree(path);
        if (stats.isFile()) return syncFile(path);
      }),
    );
  }
  await syncDirectory(root);
}

async function sync(descriptor: number): Promise<void> {
  await promisify(fsync)(descriptor).catch((cause: NodeJS.ErrnoException) => {
    // One that has no such operation orders what is written itself.
    if (!isRefusal(cause) && cause.code !== "EBADF") throw cause;
  });
}

async function onOpen(
  path: string,
  flags: number | string,
  work: (descriptor: number) => Promise<void>,
  mode?: number,
): Promise<void> {
  const descriptor = openSync(path, flags, mode);
  try {
    await work(descriptor);
  } catch (cause) {
    orNothing(() => closeSync(descriptor)); // the first error is the one to tell
    throw cause;
  }
  closeSync(descriptor); // a network file system may say only now that the disk is full
}

/**
 * Copies a regular file to a new one of a mode that the umask then narrows. Not with copyFile, which
 * sets the mode afterwards and fails where a file system refuses that. Throws a UserError that names the
 * file that is to blame.
 */
export function copyFile(from: string, to: string, mode: number): void {
  const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
  const buffer = Buffer.allocUnsafe(1 << 20);
  const reading = <T>(work: () => T): T => saying("read", from, work);
  const writing = <T>(work: () => T): T => saying("write", to, work);
  const source = reading(() => openSync(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  try {
    const target = writing(() => openSync(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    try {
      const next = (): number => reading(() => readSync(source, buffer));
      for (let count = next(); count > 0; count = next()) {
        for (let done = 0; done < count; ) {
          done += writing(() => writeSync(target, buffer, done, count - done));
        }
      }
    } finally {
      writing(() => closeSync(target));
    }
  } finally {
    orNothing(() => closeSync(source)); // what was read is read
  }
}

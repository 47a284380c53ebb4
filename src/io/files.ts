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
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { once } from "../core/once.ts";
import { orNothing } from "../core/or-nothing.ts";
import { errnoName } from "../core/system-error.ts";
import { entriesIn } from "./entries.ts";
import { fileError, ifThere, saying, withContext } from "./file-error.ts";
import { writeAll } from "./write.ts";

export { orNothing } from "../core/or-nothing.ts";
export {
  fileError,
  ifThere,
  isLasting,
  isMissing,
  saying,
  tolerate,
  withContext,
} from "./file-error.ts";

/*
 * Functions that only read metadata or change names are synchronous: they take microseconds, and
 * Node's thread pool takes ten times as long. Functions that wait for the disk (fsync) use the
 * pool.
 */

/** lstat, or undefined if nothing exists. */
export async function lstatIfExists(path: string): Promise<Stats | undefined> {
  return ifThere(path, () => lstatSync(path));
}

/** stat, or undefined if nothing exists or a link dangles. */
export async function statIfExists(path: string): Promise<Stats | undefined> {
  return ifThere(path, () => statSync(path));
}

/** The target of a symbolic link, as written; undefined if nothing exists or it is no link. */
export async function linkTarget(path: string): Promise<string | undefined> {
  return ifThere(path, () => {
    try {
      return readlinkSync(path);
    } catch (cause) {
      if (errnoName(cause) === "EINVAL") return undefined; // not a link
      throw cause;
    }
  });
}

/** The names in a directory; empty if there is no directory. */
export function listNames(dir: string): string[] {
  return ifThere(dir, () => readdirSync(dir)) ?? [];
}

/** The text of a file; empty if it does not exist. */
export async function textOf(path: string): Promise<string> {
  return ifThere(path, () => readFileSync(path, "utf8")) ?? "";
}

/** True if something exists at the path, after links. */
export function isThere(path: string): boolean {
  return ifThere(path, () => statSync(path)) !== undefined;
}

/** True for a directory, also behind links. */
export function isDirectory(path: string): boolean {
  return ifThere(path, () => statSync(path))?.isDirectory() === true;
}

/** Twelve random hexadecimal digits: a unique name. */
export function token(): string {
  return randomBytes(6).toString("hex");
}

/**
 * The current time of a directory's file system, in ms, because the clocks of containers can
 * differ. Undefined if it cannot be read.
 */
export function clockOf(dir: string): number | undefined {
  // A directory's own change time needs no space on a full disk. But it may fail in another user's
  // directory and on some mounts, some mounts change nothing, and a user outside its group could
  // clear its set-group-id bit.
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
 * Names are changed in one step if the file system supports it. Some cannot rename directories
 * (mergerfs, overlay), some cannot rename onto an existing file (SMB servers). Only an attempt
 * shows it: one directory may be in an image's layer and the next one not.
 */

/** Errors for unsupported operations; a failing disk returns others. */
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

/** True if the error means that the operation is not supported and another way is needed. */
export function isRefusal(cause: unknown): boolean {
  return refusals.includes((cause as NodeJS.ErrnoException).code ?? "");
}

/**
 * Renames a file or link onto a name that may exist: in one step, or with a gap as short as
 * possible. If it fails, the old file is restored. Throws the original system error.
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
 * Replaces a file in one step: readers see the old text or the new one. With `durable` it is on
 * disk when this returns; without, a crash may lose it. The umask reduces `mode`; `umaskFor` sets
 * it for the run.
 */
export async function writeAtomically(
  path: string,
  text: string | Uint8Array,
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

/** Replaces a link, or a file of that name, in one step. Does not sync its directory. */
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
 * Creates a directory and its parents. Node's recursive mkdir is not used, because it reports
 * ENOENT on a read-only file system.
 */
export async function makeDirectory(path: string): Promise<void> {
  await tryDirectory(path, 10);
}

/**
 * Another run may remove a parent at the same time. If it is gone each time, this file system (proc, autofs)
 * accepts no new directory.
 */
async function tryDirectory(path: string, tries: number): Promise<void> {
  try {
    mkdirSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST" && isDirectory(path)) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || tries === 0) throw fileError("create", path, cause);
    await makeDirectory(parent);
    await tryDirectory(path, tries - 1);
  }
}

/** A new name is durable only after its directory is synced. */
export async function syncDirectory(path: string): Promise<void> {
  await withContext("sync", path, onOpen(path, constants.O_RDONLY | constants.O_DIRECTORY, sync));
}

/** Syncs a file to disk. Follows no link. */
export async function syncFile(path: string): Promise<void> {
  await withContext("sync", path, onOpen(path, constants.O_RDONLY | constants.O_NOFOLLOW, sync));
}

/**
 * Syncs every file and directory of a tree to disk, so that a published tree is complete after a
 * crash.
 */
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
    // A file system without this operation orders its writes itself.
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
    orNothing(() => closeSync(descriptor)); // the first error is the one to report
    throw cause;
  }
  closeSync(descriptor); // a network file system may report only now that the disk is full
}

/** One for all copies, which are synchronous: new memory of this size costs more than copying a small file. */
const copyBuffer = once(() => Buffer.allocUnsafeSlow(1 << 20));

/**
 * Copies a regular file to a new one with a mode, which the umask reduces. copyFile is not used,
 * because it sets the mode afterwards and fails if a file system refuses that. Throws a UserError
 * that names the failing file.
 */
export function copyFile(from: string, to: string, mode: number): void {
  const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
  const buffer = copyBuffer();
  const reading = <T>(work: () => T): T => saying("read", from, work);
  const writing = <T>(work: () => T): T => saying("write", to, work);
  const source = reading(() => openSync(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  try {
    const target = writing(() => openSync(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    try {
      const next = (): number => reading(() => readSync(source, buffer));
      for (let [count, at] = [next(), 0]; count > 0; [count, at] = [next(), at + count]) {
        writing(() => writeAll(target, [buffer.subarray(0, count)], at));
      }
    } finally {
      writing(() => closeSync(target));
    }
  } finally {
    orNothing(() => closeSync(source)); // reading has ended, so an error does not matter
  }
}

/**
 * Reads files by other authors: settings, recipes, locks, manifests. Instead of a file there may be
 * a pipe, a device or an endless file; none of them may block a run or fill its memory.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { describeError, UserError } from "../core/errors.ts";
import { fileError, isLasting, isMissing, orNothing } from "./files.ts";

/** A file that was read. */
export interface ReadFile {
  readonly path: string;
  /** Of its bytes; empty if it could not be read. */
  readonly sha256: string;
}

export interface ReadOptions {
  /** A larger file is not read (bytes). */
  readonly maxBytes?: number;
  /** Do not follow a symbolic link: other users can write to the directory. */
  readonly noLink?: boolean;
  /** The caller's own reason not to read the file, such as `it is empty`; undefined: read it. */
  readonly refuse?: (stats: Stats) => string | undefined;
}

/**
 * Why a file was not read: a clause that begins with `it`, and the system error if there is one.
 */
interface Unread {
  readonly bytes?: never;
  readonly why: string;
  readonly cause?: NodeJS.ErrnoException;
}

/** Far more than a hand-written file. */
const usualMax = 16 * 1024 * 1024;

/**
 * The bytes of a regular file, or why they were not read. Never throws, never waits for a writer.
 */
export function tryRead(
  path: string,
  options: ReadOptions = {},
): { readonly bytes: Buffer; readonly why?: never } | Unread {
  const { maxBytes = usualMax, noLink = false, refuse } = options;
  // O_NONBLOCK opens a pipe at once; O_NOCTTY keeps a terminal from becoming the controlling one.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  let file: number | undefined;
  try {
    // stat before open: opening some devices has side effects.
    const before = noLink ? undefined : whyNotRead(statSync(path), maxBytes, refuse);
    if (before !== undefined) return { why: before };
    file = openSync(path, noLink ? flags | constants.O_NOFOLLOW : flags);
    const stats = fstatSync(file);
    const why = whyNotRead(stats, maxBytes, refuse);
    if (why !== undefined) return { why };
    const bytes = readAll(file, stats.size, maxBytes);
    return bytes ? { bytes } : { why: tooLarge(maxBytes) };
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    return { why: `it cannot be read (${describeError(error, path)})`, cause };
  } finally {
    const opened = file;
    if (opened !== undefined) orNothing(() => closeSync(opened)); // reading has ended, so an error does not matter
  }
}

function whyNotRead(
  stats: Stats,
  maxBytes: number,
  refuse: ReadOptions["refuse"],
): string | undefined {
  if (!stats.isFile()) return `it is ${kindOf(stats)}, not a regular file`;
  return refuse?.(stats) ?? (stats.size > maxBytes ? tooLarge(maxBytes) : undefined);
}

const tooLarge = (maxBytes: number): string => `it is larger than ${maxBytes} bytes`;

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a pipe";
  return stats.isSocket() ? "a socket" : "a device";
}

/** Files of /proc have no size, and some have no end; undefined beyond `maxBytes`. */
function readAll(file: number, size: number, maxBytes: number): Buffer | undefined {
  const pieces: Buffer[] = [];
  let held = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(Math.max(size - held + 1, 4096));
    const count = readSync(file, piece);
    if (count === 0) return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
    pieces.push(piece.subarray(0, count));
    held += count;
    if (held > maxBytes) return undefined;
  }
}

/**
 * The bytes of a file that was named or must exist. Throws a UserError: `config`, or the kind of a
 * temporary system error (too many open files, a failing disk).
 */
export function readInput(path: string, options: ReadOptions = {}): Buffer {
  const read = tryRead(path, options);
  if (read.bytes) return read.bytes;
  throw inputError(path, read);
}

/** The same; undefined if there is no such file. */
export function readInputIfThere(path: string, options: ReadOptions = {}): Buffer | undefined {
  const read = tryRead(path, options);
  if (read.bytes) return read.bytes;
  if (isMissing(read.cause)) return undefined;
  throw inputError(path, read);
}

function inputError(path: string, { why, cause }: Unread): UserError {
  if (cause?.code !== undefined && !isLasting(cause)) return fileError("read", path, cause);
  const message = cause ? `cannot read ${path}` : `cannot read ${path}: ${why}`;
  return new UserError("E_INPUT", message, { cause });
}

/**
 * The text of another tool's settings file; empty if it is absent or cannot be read: the file is
 * not ours, and its own tool ignores that as well.
 */
export function readSettingsFile(path: string): string {
  return tryRead(path).bytes?.toString("utf8") ?? "";
}

/**
 * The text of a file in a directory that other users can write to; undefined if it is a link, a
 * pipe, larger than `maxBytes` or not readable for this user. Throws a UserError if that is not
 * certain.
 */
export function readPlain(path: string, maxBytes: number): string | undefined {
  const { bytes, cause } = { cause: undefined, ...tryRead(path, { maxBytes, noLink: true }) };
  if (cause !== undefined && !isLasting(cause)) throw fileError("read", path, cause);
  return bytes?.toString("utf8");
}

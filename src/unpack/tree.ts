import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { fileError } from "../io/files.ts";
import { stampOf, type WrittenDigests } from "../io/tree-list.ts";
import { checkLinks, resolveInside } from "./links.ts";

/** What an archive may unpack to at most. */
export interface Limits {
  readonly bytes: number;
  /** Files, links and directories, also those that only a path names. */
  readonly entries: number;
  /** What archives that share the limits (those of one closure) have taken so far; counted here. */
  readonly taken?: { bytes: number; entries: number };
}

/**
 * Writes the entries of an archive of any kind below one directory. It is synchronous: entries come
 * one after the other, nothing can be swapped between a check and its use, and many small files cost
 * no turns of the event loop. Everything that it refuses is a UserError (`integrity`).
 */
export interface TreeWriter {
  directory(path: string): void;
  /** Opens a file; undefined where `strip` leaves nothing of its path. Only one is open at a time. */
  file(path: string, mode: number): OpenFile | undefined;
  symlink(path: string, target: string): void;
  /** `target` is a path of the archive, as `path` is. */
  hardlink(path: string, target: string): void;
  refuse(path: string, why: string): never;
  /** Makes the symbolic links, which are held back until nothing can be written through them. */
  finish(): void;
  readonly limits: Limits;
  /** Closes what an error left open. */
  close(): void;
}

export interface OpenFile {
  write(chunk: Uint8Array): void;
  close(): void;
}

interface State {
  readonly into: string;
  readonly strip: number;
  readonly limits: Limits;
  readonly written: WrittenDigests | undefined;
  readonly directories: Set<string>;
  readonly files: Set<string>;
  /** Path to target, of symbolic links. */
  readonly links: Map<string, string>;
  readonly taken: { bytes: number; entries: number };
  /** Characters of all names and link targets, which are kept in memory. */
  names: number;
  open: number | undefined;
}

/** `written` learns the digest of each file. */
export function treeWriter(
  into: string,
  strip: number,
  limits: Limits,
  written?: WrittenDigests,
): TreeWriter {
  const state: State = {
    into,
    strip,
    limits,
    written,
    directories: new Set([""]),
    files: new Set(),
    links: new Map(),
    taken: limits.taken ?? { bytes: 0, entries: 0 },
    names: 0,
    open: undefined,
  };
  return {
    directory(path) {
      const place = placeOf(state.strip, path);
      if (place === undefined || state.directories.has(place)) count(state, path);
      else makeDirectories(state, place, path);
    },
    file: (path, mode) => openFile(state, path, mode),
    symlink: (path, target) => recordLink(state, path, target),
    hardlink: (path, target) => makeHardlink(state, path, target),
    refuse,
    limits,
    finish() {
      checkLinks(state.links, refuse);
      for (const [place, target] of state.links) {
        doing(state, place, (absolute) => symlinkSync(target, absolute));
      }
    },
    close: () => closeOpen(state),
  };
}

function refuse(path: string, why: string): never {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
  throw new UserError("integrity", `the archive's entry ${shown} ${why}`, {
    hint: "Nothing of it was installed. An honest release has no such entry: do not use this file.",
  });
}

/** Longer names, with those of the directories above, no system call takes. */
const maxPath = 4095;
/** Components of a path. Each makes the next system call slower; nested packages have some 40. */
const maxDepth = 200;
/** Characters per entry that names and targets may have on average; real trees have some 60. */
const averageName = 256;

/** Counts an entry that will be made, and what is kept of it. */
function count(state: State, path: string, kept = path): void {
  const { entries } = state.limits;
  state.taken.entries += 1;
  state.names += kept.length;
  if (state.taken.entries > entries) refuse(path, `is one too many: at most ${entries} are taken`);
  if (state.names > entries * averageName) refuse(path, "is too much: the names are too long");
}

/** Counts a file or link and finds its place in the tree; undefined where `strip` drops it. */
function enter(state: State, path: string): string | undefined {
  count(state, path);
  if (placeOf(0, path) === undefined) refuse(path, "has no name");
  return placeOf(state.strip, path);
}

function placeOf(strip: number, path: string): string | undefined {
  if (path.length > maxPath) refuse(path, "has too long a path");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(path)) refuse(path, "has a control character in its name");
  if (path.includes("\ufffd")) refuse(path, "has a name that is not UTF-8");
  if (path.startsWith("/")) refuse(path, "has an absolute path");
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) refuse(path, "leads out of the tree (..)");
  if (parts.length > maxDepth) refuse(path, "has too deep a path");
  const rest = parts.slice(strip);
  return rest.length === 0 ? undefined : rest.join("/");
}

/** Makes a directory and those above it, never through a link. */
function makeDirectories(state: State, place: string, path: string): void {
  if (state.directories.has(place)) return;
  const slash = place.lastIndexOf("/");
  if (slash > 0) makeDirectories(state, place.slice(0, slash), path);
  if (state.links.has(place)) refuse(path, `would be written through the link ${place}`);
  if (state.files.has(place)) refuse(path, `lies below the file ${place}`);
  count(state, path, place);
  doing(state, place, (absolute) => {
    try {
      mkdirSync(absolute, 0o755);
      chmodSync(absolute, 0o755); // whatever the umask is
    } catch (error) {
      // Another package of a closure may have made it.
      if (!lstatSync(absolute, { throwIfNoEntry: false })?.isDirectory()) throw error;
    }
  });
  state.directories.add(place);
}

function makeParents(state: State, place: string, path: string): void {
  const slash = place.lastIndexOf("/");
  if (slash > 0) makeDirectories(state, place.slice(0, slash), path);
}

/** Prepares the place of a file. A file that comes twice replaces itself, as tar does it. */
function clear(state: State, place: string, path: string): void {
  makeParents(state, place, path);
  if (state.links.has(place)) refuse(path, "would replace a link");
  if (state.directories.has(place)) refuse(path, "would replace a directory");
  if (state.files.has(place)) doing(state, place, unlinkSync);
}

function openFile(state: State, path: string, mode: number): OpenFile | undefined {
  const place = enter(state, path);
  if (place === undefined) return undefined;
  clear(state, place, path);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const descriptor = doing(state, place, (absolute) => openSync(absolute, flags, 0o600));
  state.open = descriptor;
  state.files.add(place);
  const hash = createHash("sha256");
  return {
    write(chunk) {
      countBytes(state, path, chunk.length);
      hash.update(chunk);
      doing(state, place, () => {
        for (let done = 0; done < chunk.length; ) done += writeSync(descriptor, chunk, done);
      });
    },
    close() {
      doing(state, place, () => fchmodSync(descriptor, (mode & 0o111) === 0 ? 0o644 : 0o755));
      // Last: whatever happens to the file from here on changes its stamp.
      state.written?.set(stampOf(fstatSync(descriptor, { bigint: true })), hash.digest("hex"));
      closeOpen(state);
    },
  };
}

function countBytes(state: State, path: string, bytes: number): void {
  state.taken.bytes += bytes;
  if (state.taken.bytes <= state.limits.bytes) return;
  refuse(path, `is too much: the archive unpacks to more than ${state.limits.bytes} bytes`);
}

function closeOpen(state: State): void {
  if (state.open !== undefined) closeSync(state.open);
  state.open = undefined;
}

function recordLink(state: State, path: string, target: string): void {
  const place = enter(state, path);
  if (place === undefined) return;
  if (state.links.get(place) === target) return;
  if (target === "" || target.includes("\0")) refuse(path, "is a link to nothing");
  if (target.length > maxPath) refuse(path, "is a link with too long a target");
  state.names += target.length;
  if (target.startsWith("/")) refuse(path, `links to the absolute path ${target}`);
  if (resolveInside(place, target) === undefined) refuse(path, `links out of the tree: ${target}`);
  clear(state, place, path);
  state.files.delete(place);
  state.links.set(place, target);
}

function makeHardlink(state: State, path: string, target: string): void {
  const place = enter(state, path);
  const from = placeOf(state.strip, target);
  if (place === undefined || place === from) return;
  const link = from === undefined ? undefined : state.links.get(from);
  if (link !== undefined) {
    recordLink(state, path, link);
    return;
  }
  if (from === undefined || !state.files.has(from)) {
    refuse(path, `is a hard link to ${target}, which is no file that came before it`);
  }
  clear(state, place, path);
  const source = join(state.into, from);
  doing(state, place, (absolute) => {
    try {
      linkSync(source, absolute);
    } catch {
      countBytes(state, path, lstatSync(source).size);
      copyFileSync(source, absolute, constants.COPYFILE_EXCL); // file systems without hard links
      chmodSync(absolute, lstatSync(source).mode & 0o777);
    }
  });
  state.files.add(place);
}

const impossible = ["ENAMETOOLONG", "ELOOP", "EEXIST", "EISDIR", "ENOTDIR", "EILSEQ"];

function doing<T>(state: State, place: string, work: (absolute: string) => T): T {
  const absolute = join(state.into, place);
  try {
    return work(absolute);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (impossible.includes(code)) return refuse(place, `cannot be made (${code})`);
    throw fileError("write", absolute, cause);
  }
}

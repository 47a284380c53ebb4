import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { fileError, listNames } from "../io/files.ts";
import { foldedNames, foldedTwin } from "../io/folded-names.ts";
import type { WrittenDigests } from "../io/volume/tree-list.ts";
import { hasControl, placeOf } from "./paths.ts";
import { refuseEntry, showPath } from "./refusals.ts";

/** The maximum that an archive may unpack to. */
export interface Limits {
  readonly bytes: number;
  /** Files, links and directories, including those that only a path names. */
  readonly entries: number;
  /** The totals of archives that share the limits (those of one closure); updated here. */
  readonly taken?: { bytes: number; entries: number };
}

/** The state of a tree's writer. */
export interface State {
  readonly into: string;
  readonly strip: number;
  readonly limits: Limits;
  readonly written: WrittenDigests | undefined;
  readonly directories: Set<string>;
  readonly files: Set<string>;
  /** Path to target of symbolic links. */
  readonly links: Map<string, string>;
  /** Paths of skipped links: no entry may be below them. */
  readonly absent: Set<string>;
  /** Path to the target's path, for hard links to entries that come later. */
  readonly pending: Map<string, string>;
  readonly skipped: string[];
  readonly taken: { bytes: number; entries: number };
  /** Characters of all names and link targets, which are kept in memory. */
  names: number;
  open: number | undefined;
}

/** Maximum average characters of names and targets per entry; real trees have some 60. */
const averageName = 256;

/** Counts an entry before it is created, and the memory for its name. */
export function count(state: State, path: string, kept = path): void {
  const { entries } = state.limits;
  state.taken.entries += 1;
  state.names += kept.length;
  if (state.taken.entries > entries) {
    refuseEntry("too large", path, `exceeds the limit of ${entries} entries`);
  }
  if (state.names > entries * averageName) {
    refuseEntry("too large", path, "is too much: the names are too long");
  }
}

/** Leaves an entry out, with the reason, and counts it. Throws `integrity` if there are too many. */
export function skip(state: State, path: string, why: string): void {
  count(state, path);
  state.skipped.push(`${showPath(path)} ${why}`);
}

export const controlled = "has a control character in its name";

/** Counts a file or link and returns its path in the tree; undefined if it is skipped. */
export function enter(state: State, path: string): string | undefined {
  if (placeOf(0, path) === undefined) refuseEntry("damaged", path, "has no name");
  const place = placeOf(state.strip, path);
  if (place !== undefined && hasControl(place)) {
    state.absent.add(place);
    skip(state, path, controlled);
    return undefined;
  }
  count(state, path);
  return place;
}

/** Throws `integrity` if the archive unpacks to more than the limit. */
export function countBytes(state: State, path: string, bytes: number): void {
  state.taken.bytes += bytes;
  if (state.taken.bytes <= state.limits.bytes) return;
  const most = `the archive unpacks to more than ${state.limits.bytes} bytes`;
  refuseEntry("too large", path, `exceeds the limit: ${most}`);
}

function isLink(state: State, place: string): boolean {
  return state.links.has(place) || state.absent.has(place);
}

function isFile(state: State, place: string): boolean {
  return state.files.has(place) || state.pending.has(place);
}

const impossible = ["ENAMETOOLONG", "ELOOP", "EEXIST", "EISDIR", "ENOTDIR", "EILSEQ"];

/** Runs a file operation at a path of the tree; its error names the path and the cause. */
export function withContext<T>(state: State, place: string, work: (absolute: string) => T): T {
  const absolute = join(state.into, place);
  try {
    return work(absolute);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    const known = [...state.files, ...state.directories, ...state.links.keys()];
    const twin = impossible.includes(code) ? foldedTwin(absolute, known, place) : undefined;
    if (twin !== undefined) throw foldedNames(absolute, twin);
    if (code === "EEXIST" && !known.includes(place) && isListed(absolute)) {
      throw madeAlready(absolute, cause);
    }
    if (impossible.includes(code)) {
      return refuseEntry("unsupported", place, `cannot be created here (${code})`);
    }
    throw fileError("write", absolute, cause);
  }
}

const isListed = (path: string): boolean => listNames(dirname(path)).includes(basename(path));

/** Linux retries a call after ESTALE from a network disk, even if it had succeeded. */
function madeAlready(path: string, cause: unknown): UserError {
  const message = `cannot write ${path}: the disk says that it already exists`;
  return new UserError("E_DISK_FAILING", message, {
    cause,
    hint: "The disk reported an error for a call that succeeded. Run the command again; existing installations are unchanged.",
  });
}

/** Creates a directory and its parents, never through a link. */
export function makeDirectories(state: State, place: string, path: string): void {
  if (state.directories.has(place)) return;
  makeParents(state, place, path);
  if (isLink(state, place)) {
    refuseEntry("hostile", path, `would be written through the link ${place}`);
  }
  if (isFile(state, place)) refuseEntry("damaged", path, `is below the file ${place}`);
  count(state, path, place);
  withContext(state, place, (absolute) => {
    try {
      mkdirSync(absolute);
    } catch (error) {
      // Another package of a closure may have created it.
      if (!lstatSync(absolute, { throwIfNoEntry: false })?.isDirectory()) throw error;
    }
  });
  state.directories.add(place);
}

function makeParents(state: State, place: string, path: string): void {
  const slash = place.lastIndexOf("/");
  if (slash > 0) makeDirectories(state, place.slice(0, slash), path);
}

/** Prepares the path of a file. As in tar, a repeated file replaces the first one. */
export function clear(state: State, place: string, path: string): void {
  makeParents(state, place, path);
  if (isLink(state, place)) refuseEntry("hostile", path, "would replace a link");
  if (state.directories.has(place)) refuseEntry("damaged", path, "would replace a directory");
  state.pending.delete(place);
  if (state.files.delete(place)) withContext(state, place, unlinkSync);
}

import { basename, dirname, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { fileError, listNames } from "../io/files.ts";
import { foldedNames, foldedTwin } from "../io/folded-names.ts";
import type { WrittenDigests } from "../io/volume/tree-list.ts";
import { hasControl, placeOf } from "./paths.ts";
import { refuseEntry, showPath } from "./refusals.ts";

/** What an archive may unpack to at most. */
export interface Limits {
  readonly bytes: number;
  /** Files, links and directories, also those that only a path names. */
  readonly entries: number;
  /** What archives that share the limits (those of one closure) have taken so far; counted here. */
  readonly taken?: { bytes: number; entries: number };
}

/** What a tree's writer knows of what it has written. */
export interface State {
  readonly into: string;
  readonly strip: number;
  readonly limits: Limits;
  readonly written: WrittenDigests | undefined;
  readonly directories: Set<string>;
  readonly files: Set<string>;
  /** Path to target, of symbolic links. */
  readonly links: Map<string, string>;
  /** Paths of links that were left out: nothing may lie below them, as if they were there. */
  readonly absent: Set<string>;
  /** Path to the place of the target, of hard links to what has not come yet. */
  readonly pending: Map<string, string>;
  readonly skipped: string[];
  readonly taken: { bytes: number; entries: number };
  /** Characters of all names and link targets, which are kept in memory. */
  names: number;
  open: number | undefined;
}

/** Characters per entry that names and targets may have on average; real trees have some 60. */
const averageName = 256;

/** Counts an entry that will be made, and what is kept of it. */
export function count(state: State, path: string, kept = path): void {
  const { entries } = state.limits;
  state.taken.entries += 1;
  state.names += kept.length;
  if (state.taken.entries > entries) {
    refuseEntry("too large", path, `is one too many: at most ${entries} are taken`);
  }
  if (state.names > entries * averageName) {
    refuseEntry("too large", path, "is too much: the names are too long");
  }
}

export function skip(state: State, path: string, why: string): void {
  count(state, path);
  state.skipped.push(`${showPath(path)} ${why}`);
}

export const controlled = "has a control character in its name";

/** Counts a file or link and finds its place in the tree; undefined where it is left out. */
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

export function countBytes(state: State, path: string, bytes: number): void {
  state.taken.bytes += bytes;
  if (state.taken.bytes <= state.limits.bytes) return;
  const most = `the archive unpacks to more than ${state.limits.bytes} bytes`;
  refuseEntry("too large", path, `is too much: ${most}`);
}

export function isLink(state: State, place: string): boolean {
  return state.links.has(place) || state.absent.has(place);
}

export function isFile(state: State, place: string): boolean {
  return state.files.has(place) || state.pending.has(place);
}

const impossible = ["ENAMETOOLONG", "ELOOP", "EEXIST", "EISDIR", "ENOTDIR", "EILSEQ"];

/** Does something with the file system at a place of the tree; says of errors where and whose they are. */
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
      return refuseEntry("unsupported", place, `cannot be made here (${code})`);
    }
    throw fileError("write", absolute, cause);
  }
}

const isListed = (path: string): boolean => listNames(dirname(path)).includes(basename(path));

/** Linux makes a call again that a network disk has answered with ESTALE, done or not. */
function madeAlready(path: string, cause: unknown): UserError {
  const message = `cannot write ${path}: the disk says that it is there already`;
  return new UserError("E_DISK_FAILING", message, {
    cause,
    hint: "A call of the disk failed and was done all the same. Run it again; what was installed before is untouched.",
  });
}

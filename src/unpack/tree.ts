import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, symlinkSync } from "node:fs";
import { orNothing } from "../io/files.ts";
import { stampOf, type WrittenDigests } from "../io/volume/tree-list.ts";
import { worthAThread, writeAll, writeInPool } from "../io/write.ts";
import { checkLinks } from "./links.ts";
import { hasControl, placeOf } from "./paths.ts";
import { refuseEntry } from "./refusals.ts";
import { finishHardlinks, makeHardlink, recordLink } from "./tree-links.ts";
import {
  clear,
  controlled,
  count,
  countBytes,
  enter,
  type Limits,
  makeDirectories,
  type State,
  skip,
  withContext,
} from "./tree-state.ts";

export type { Limits } from "./tree-state.ts";

/**
 * Writes the entries of any archive below one directory. It is synchronous: entries are written one
 * after the other, nothing can be swapped between a check and its use, and small files cost no
 * turns of the event loop. Rejections are UserErrors of ./refusals.ts.
 */
export interface TreeWriter {
  directory(path: string): void;
  /** Opens a file; undefined if it is skipped. Only one is open at a time. */
  file(path: string, mode: number): OpenFile | undefined;
  symlink(path: string, target: string): void;
  /** `target` is a path in the archive, like `path`; it may come later. */
  hardlink(path: string, target: string): void;
  /** Skips an entry and reports it at the end. */
  skip(path: string, why: string): void;
  /** Skipped paths with the reason. */
  readonly skipped: readonly string[];
  /** Creates the symbolic links, which are delayed so that nothing can be written through them. */
  finish(): void;
  readonly limits: Limits;
  /** Closes files that are still open after an error. */
  close(): void;
}

export interface OpenFile {
  write(chunk: Uint8Array): void;
  /**
   * Like `write`, but a large chunk is written in Node's thread pool while it is hashed. Until that ends, the chunk
   * must not change, and the file must be left alone.
   */
  writeAside(chunk: Uint8Array): Promise<void> | undefined;
  close(): void;
}

/** `written` collects the digest of each file. */
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
    absent: new Set(),
    pending: new Map(),
    skipped: [],
    taken: limits.taken ?? { bytes: 0, entries: 0 },
    names: 0,
    open: undefined,
  };
  return {
    directory(path) {
      const place = placeOf(strip, path);
      if (place === undefined || state.directories.has(place)) count(state, path);
      else if (hasControl(place)) skip(state, path, controlled);
      else makeDirectories(state, place, path);
    },
    file: (path, mode) => openFile(state, path, mode),
    symlink: (path, target) => recordLink(state, path, target),
    hardlink: (path, target) => makeHardlink(state, path, target),
    skip: (path, why) => skip(state, path, why),
    skipped: state.skipped,
    limits,
    finish() {
      finishHardlinks(state);
      checkLinks(state.links, (place, why) => refuseEntry("hostile", place, why));
      for (const [place, target] of state.links) {
        withContext(state, place, (absolute) => symlinkSync(target, absolute));
      }
    },
    close: () => orNothing(() => closeOpen(state)), // after an error, which is the one to report
  };
}

function openFile(state: State, path: string, mode: number): OpenFile | undefined {
  const place = enter(state, path);
  if (place === undefined) return undefined;
  clear(state, place, path);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const executes = (mode & 0o111) !== 0;
  // Set at creation: not every file system allows changing a mode later.
  const created = executes ? 0o777 : 0o666;
  const descriptor = withContext(state, place, (absolute) => openSync(absolute, flags, created));
  state.open = descriptor;
  state.files.add(place);
  const hash = createHash("sha256");
  let size = 0;
  /** Returns the chunk's position in the file. */
  const append = ({ length }: Uint8Array): number => {
    countBytes(state, path, length);
    size += length;
    return size - length;
  };
  const write = (chunk: Uint8Array): void => {
    const position = append(chunk);
    hash.update(chunk);
    withContext(state, place, () => writeAll(descriptor, [chunk], position));
  };
  return {
    write,
    writeAside(chunk) {
      if (chunk.length < worthAThread) {
        write(chunk);
        return undefined;
      }
      const written = writeInPool(descriptor, [chunk], append(chunk)).catch((cause: unknown) =>
        withContext(state, place, () => {
          throw cause;
        }),
      );
      hash.update(chunk);
      return written;
    },
    close() {
      // Last, because any later change of the file changes its stamp.
      const stamp = withContext(state, place, () =>
        stampOf(fstatSync(descriptor, { bigint: true })),
      );
      state.written?.set(stamp, `${executes ? "755" : "644"} ${hash.digest("hex")}`);
      withContext(state, place, () => closeOpen(state));
    },
  };
}

function closeOpen(state: State): void {
  const { open } = state;
  state.open = undefined;
  if (open !== undefined) closeSync(open);
}

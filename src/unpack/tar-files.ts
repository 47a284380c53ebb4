import type { Header } from "tar/header";
import type { ArchiveFormat } from "../core/recipe.ts";
import { refuseEntry } from "./refusals.ts";
import type { Extended } from "./tar-header.ts";
import {
  continueOldSparse,
  isContinued,
  isSound,
  readFirstMap,
  readOldSparse,
  readPaxSparse,
  type SparseFile,
  withHoles,
} from "./tar-sparse.ts";
import type { OpenFile, TreeWriter } from "./tree.ts";

/** Maximum bytes of an extended header, or of a sparse file's map; they are held in memory. */
export const maxMeta = 1024 * 1024;
/** Maximum holes of one sparse file. */
const maxSegments = 100_000;

/** Consumes the bytes after a header: `left` of them, and the rest of their last block. */
export interface Body {
  left: number;
  write(chunk: Buffer): void;
  /** For a chunk that is not the end. */
  readonly writeAside?: OpenFile["writeAside"] | undefined;
  end(): void;
}

/** The state while a tar is read. */
export interface Reader {
  readonly format: ArchiveFormat;
  readonly tree: TreeWriter;
  readonly decode: (block: Buffer) => Header;
  /** For the next entry. */
  extended: Extended | undefined;
  body: Body | undefined;
  /** Consumes the next block instead of a header. */
  more: ((block: Buffer) => void) | undefined;
  isFirst: boolean;
  /** Consecutive blocks of zeros; two are the end. */
  zeros: number;
}

/** A file of a tar; `left` bytes follow its header. */
export interface Entry {
  readonly path: string;
  readonly left: number;
  readonly mode: number;
  readonly extended: Extended | undefined;
}

/** What follows goes to this body; an empty one ends at once. */
export function setBody(reader: Reader, body: Body): void {
  if (body.left === 0) body.end();
  else reader.body = body;
}

/** The body of a regular file, or of a sparse one with a map in pax records. */
export function takeFile(reader: Reader, entry: Entry): void {
  const { extended } = entry;
  const sparse = extended && readPaxSparse(extended);
  if (extended && sparse === "map-first") takeMapFirst(reader, { ...entry, extended });
  else if (sparse && sparse !== "map-first") writeSparse(reader, entry, sparse);
  else writeFile(reader, entry.left, reader.tree.file(entry.path, entry.mode));
}

function writeFile(reader: Reader, left: number, file: OpenFile | undefined): void {
  const write = (chunk: Buffer): void => file?.write(chunk);
  setBody(reader, { left, write, writeAside: file?.writeAside, end: () => file?.close() });
}

function writeSparse(reader: Reader, entry: Entry, sparse: SparseFile): void {
  writeFile(reader, entry.left, openSparse(reader, entry, sparse, entry.left));
}

function openSparse(
  { tree }: Reader,
  entry: Entry,
  sparse: SparseFile,
  stored: number,
): OpenFile | undefined {
  const path = entry.extended?.sparse.get("name")?.[0] ?? entry.path;
  if (!isSound(sparse, stored))
    refuseEntry("damaged", path, "has holes that do not match its size");
  if (sparse.size > tree.limits.bytes) {
    refuseEntry("too large", path, `has ${sparse.size} bytes with its holes`);
  }
  const file = tree.file(path, entry.mode);
  return file && withHoles(file, sparse);
}

/** The body of a sparse file of the old GNU format, whose map begins in its header's `block`. */
export function takeOldSparse(reader: Reader, entry: Entry, block: Buffer): void {
  const sparse = readOldSparse(block);
  const begin = (): void => {
    reader.more = undefined;
    writeSparse(reader, entry, sparse);
  };
  if (!isContinued(block, true)) begin();
  else
    reader.more = (next) => {
      continueOldSparse(sparse, next);
      if (sparse.segments.length > maxSegments) {
        refuseEntry("too large", entry.path, `has more than ${maxSegments} holes`);
      }
      if (!isContinued(next, false)) begin();
    };
}

function takeMapFirst(reader: Reader, entry: Entry & { readonly extended: Extended }): void {
  let held: Buffer = Buffer.alloc(0);
  let isOpen = false;
  let file: OpenFile | undefined;
  const write = (chunk: Buffer): void => {
    if (!isOpen) held = Buffer.concat([held, chunk]);
    const map = isOpen ? undefined : readFirstMap(entry.extended, held);
    if (isOpen) file?.write(chunk);
    else if (map && map.length <= held.length) {
      isOpen = true;
      file = openSparse(reader, entry, map.file, entry.left - map.length);
      file?.write(held.subarray(map.length));
    } else if (held.length > maxMeta) {
      refuseEntry("too large", entry.path, `has a map of holes of ${held.length} bytes`);
    }
  };
  const end = (): void => {
    if (!isOpen) refuseEntry("damaged", entry.path, "has holes that do not match its size");
    file?.close();
  };
  setBody(reader, { left: entry.left, write, end });
}

import { EventEmitter } from "node:events";
import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Entry, RandomAccessReader, ZipFile } from "yauzl";
import { utf8Of } from "./paths.ts";
import { damaged, refuseEntry } from "./refusals.ts";
import type { Limits } from "./tree.ts";
import { entryLength, findFrame, type ZipFrame } from "./zip-end.ts";

/** One entry of a zip on which the directory and the local header agree. */
export interface ZipEntry {
  readonly path: string;
  readonly method: number;
  readonly crc: number;
  readonly isEncrypted: boolean;
  /** The position of the compressed bytes in the file, and their number. */
  readonly content: number;
  readonly packed: number;
  /** Uncompressed bytes. */
  readonly size: number;
  /** Unix mode with type bits; 0 if the zip has none. */
  readonly mode: number;
  /** False for zips from Windows, whose modes do not mark programs. */
  readonly hasUnixModes: boolean;
  /** A directory by its DOS attributes. */
  readonly isDosDirectory: boolean;
}

/** Unix and macOS, as the creating systems of entries. */
const unixSystems = [3, 19];
const flags = { encrypted: 1, utf8: 0x800, masked: 0x2000 } as const;
const dosDirectory = 0x10;

/**
 * The entries in file order. yauzl reads them; what it does not check (overlaps, names and methods
 * that differ from the local headers) is checked here, because an archive may be made ambiguous.
 * Throws a UserError, or one of yauzl's.
 */
export async function* zipEntries(
  handle: FileHandle,
  limits: Limits,
  yauzl: typeof import("yauzl"),
): AsyncGenerator<ZipEntry> {
  const frame = await findFrame(handle, limits);
  const zip = await yauzl.fromRandomAccessReaderPromise(
    readerOf(handle, frame.shift),
    frame.end - frame.shift,
    { autoClose: false, decodeStrings: false, validateEntrySizes: false },
  );
  const entries = await listEntries(zip, frame);
  let end = 0;
  for (const entry of entries) {
    const path = pathOf(entry, yauzl);
    // The classic zip bomb: a thousand entries share the same compressed bytes.
    const offset = entry.relativeOffsetOfLocalHeader;
    if (offset < end) refuseEntry("hostile", path, "overlaps another entry");
    const start = await findContent(zip, entry, path);
    end = start + entry.compressedSize;
    if (end + frame.shift > frame.start) {
      refuseEntry("damaged", path, "extends past the end of the contents");
    }
    yield describe(entry, path, start + frame.shift);
  }
}

/**
 * The reader for yauzl: synchronous, with a buffered page, because it reads few bytes at a time.
 */
function readerOf(handle: FileHandle, shift: number): RandomAccessReader {
  const page = Buffer.alloc(8192);
  let start = 0;
  let end = 0;
  const reader = {
    ref() {},
    unref() {},
    read(
      buffer: Buffer,
      offset: number,
      length: number,
      position: number,
      done: (error: Error | null, count: number) => void,
    ) {
      const at = position + shift;
      const isLarge = length > page.length;
      if (isLarge) done(null, readSync(handle.fd, buffer, offset, length, at));
      else if (at < start || at + length > end) {
        start = at;
        end = at + readSync(handle.fd, page, 0, page.length, at);
      }
      if (!isLarge)
        done(null, page.copy(buffer, offset, at - start, Math.min(at + length, end) - start));
    },
  };
  return Object.assign(new EventEmitter(), reader) as unknown as RandomAccessReader;
}

async function listEntries(zip: ZipFile, frame: ZipFrame): Promise<Entry[]> {
  const entries: Entry[] = [];
  let length = 0;
  for await (const entry of zip.eachEntry()) {
    entries.push(entry);
    const { fileNameLength, extraFieldLength, fileCommentLength } = entry;
    length += entryLength + fileNameLength + extraFieldLength + fileCommentLength;
  }
  if (length !== frame.length)
    throw damaged("zip", "its directory has more entries than it states");
  return entries.sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
}

/**
 * Names from older tools are in code page 437, those of macOS are UTF-8 without the flag, and those
 * of Windows PowerShell have backslashes.
 */
function pathOf(entry: Entry, yauzl: typeof import("yauzl")): string {
  const { generalPurposeBitFlag, fileNameRaw, extraFields } = entry;
  const others = generalPurposeBitFlag & ~flags.utf8;
  const encoding = utf8Of(fileNameRaw) === undefined ? others : others | flags.utf8;
  return yauzl.getFileNameLowLevel(encoding, fileNameRaw, extraFields, false);
}

/**
 * The start of the compressed bytes: after the local header, whose length is not in the directory.
 */
async function findContent(zip: ZipFile, entry: Entry, path: string): Promise<number> {
  const header = await zip.readLocalFileHeaderPromise(entry);
  const isMasked = (entry.generalPurposeBitFlag & flags.masked) !== 0;
  if (!isMasked && withSlashes(header.fileName) !== withSlashes(entry.fileNameRaw)) {
    refuseEntry("hostile", path, "has another name in its local header");
  }
  if (header.compressionMethod !== entry.compressionMethod) {
    refuseEntry("hostile", path, "has another compression method in its local header");
  }
  return header.fileDataStart;
}

function withSlashes(name: Buffer): string {
  return name.toString("latin1").replaceAll("\\", "/");
}

function describe(entry: Entry, path: string, content: number): ZipEntry {
  const { externalFileAttributes: attributes, versionMadeBy } = entry;
  return {
    path,
    method: entry.compressionMethod,
    crc: entry.crc32,
    isEncrypted: (entry.generalPurposeBitFlag & flags.encrypted) !== 0,
    content,
    packed: entry.compressedSize,
    size: entry.uncompressedSize,
    mode: attributes >>> 16,
    hasUnixModes: unixSystems.includes(versionMadeBy >>> 8) && attributes >>> 16 !== 0,
    isDosDirectory: (attributes & dosDirectory) !== 0,
  };
}

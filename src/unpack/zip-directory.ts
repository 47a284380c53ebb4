import type { FileHandle } from "node:fs/promises";
import { broken } from "./broken.ts";
import type { Limits } from "./tree.ts";

/** One entry, as the directory at a zip's end has it. */
export interface ZipEntry {
  readonly path: string;
  /** The same as bytes, for comparison with what stands before the content. */
  readonly name: Buffer;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  /** Bytes in the zip, and unpacked. */
  readonly packed: number;
  readonly size: number;
  /** Unix mode with type bits; 0 where the zip was made without. */
  readonly mode: number;
  /** Where its local header starts. */
  readonly offset: number;
}

export interface ZipDirectory {
  readonly entries: readonly ZipEntry[];
  /** Where the directory starts, and so the last content ends at the latest. */
  readonly start: number;
  /** Bytes from the end record to the end of the file. */
  readonly tail: number;
}

const endSignature = 0x06054b50;
const endLength = 22;
const maxComment = 0xffff;
const locatorSignature = 0x07064b50;
const locatorLength = 20;
const end64Signature = 0x06064b50;
const end64Length = 56;
const entrySignature = 0x02014b50;
const entryLength = 46;
const none16 = 0xffff;
const none32 = 0xffffffff;
/** That of 200,000 entries with long names is smaller; it is read whole. */
const maxDirectory = 64 * 1024 * 1024;

/**
 * Reads the directory, which is what every other program believes too. The sizes that it claims are
 * believed only where they fit into the file: nothing is allocated for a claim.
 */
export async function readDirectory(handle: FileHandle, limits: Limits): Promise<ZipDirectory> {
  const { size } = await handle.stat();
  const { count, length, start, tail } = await findDirectory(handle, size);
  if (count > limits.entries) {
    throw broken("zip", `it has ${count} entries; at most ${limits.entries} are taken`);
  }
  if (length > maxDirectory || length < count * entryLength) {
    throw broken("zip", "its directory has an impossible size");
  }
  const bytes = await readAt(handle, start, length);
  const entries: ZipEntry[] = [];
  let at = 0;
  while (entries.length < count) {
    const { entry, next } = readEntry(bytes, at);
    entries.push(entry);
    at = next;
  }
  if (at !== length) throw broken("zip", "its directory has more than it counts");
  return { entries, start, tail };
}

/** Exactly so many bytes. */
export async function readAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, at);
  if (bytesRead !== length) throw broken("zip", "it is cut short");
  return bytes;
}

interface Place {
  readonly count: number;
  readonly length: number;
  readonly start: number;
}

/** The end record is the last one whose comment reaches exactly to the end of the file. */
async function findDirectory(handle: FileHandle, size: number): Promise<Place & { tail: number }> {
  const tailLength = Math.min(size, endLength + maxComment);
  const tail = await readAt(handle, size - tailLength, tailLength);
  for (let at = tail.length - endLength; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== endSignature) continue;
    if (at + endLength + tail.readUInt16LE(at + 20) !== tail.length) continue;
    const place = await readEnd(handle, tail.subarray(at), size - tail.length + at);
    return { ...place, tail: tail.length - at };
  }
  throw broken(
    "zip",
    "it does not end as a zip does: it is cut short, or something follows its end",
  );
}

async function readEnd(handle: FileHandle, end: Buffer, position: number): Promise<Place> {
  const count = end.readUInt16LE(10);
  const length = end.readUInt32LE(12);
  const start = end.readUInt32LE(16);
  const isLarge = count === none16 || length === none32 || start === none32;
  const large = isLarge ? await readEnd64(handle, position) : undefined;
  if (large) return large;
  if (end.readUInt32LE(4) !== 0) throw broken("zip", "it is one part of several");
  return checkPlace({ count, length, start }, position);
}

/** Undefined where there is none, because 65,535 may also be a true count. */
async function readEnd64(handle: FileHandle, position: number): Promise<Place | undefined> {
  if (position < locatorLength + end64Length) return undefined;
  const locator = await readAt(handle, position - locatorLength, locatorLength);
  if (locator.readUInt32LE(0) !== locatorSignature) return undefined;
  const at = large(locator, 8);
  if (at + end64Length > position - locatorLength) throw broken("zip", "its end lies elsewhere");
  const end = await readAt(handle, at, end64Length);
  if (end.readUInt32LE(0) !== end64Signature) throw broken("zip", "its end lies elsewhere");
  if (end.readUInt32LE(16) !== 0 || end.readUInt32LE(20) !== 0) {
    throw broken("zip", "it is one part of several");
  }
  return checkPlace({ count: large(end, 32), length: large(end, 40), start: large(end, 48) }, at);
}

/** A second directory somewhere else in the file would be another archive to another reader. */
function checkPlace(place: Place, end: number): Place {
  if (place.start + place.length === end) return place;
  throw broken("zip", "its directory does not lie before its end");
}

function large(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw broken("zip", "a number in it is too large");
  return Number(value);
}

function readEntry(bytes: Buffer, at: number): { entry: ZipEntry; next: number } {
  if (at + entryLength > bytes.length || bytes.readUInt32LE(at) !== entrySignature) {
    throw broken("zip", "its directory is damaged");
  }
  const nameEnd = at + entryLength + bytes.readUInt16LE(at + 28);
  const extraEnd = nameEnd + bytes.readUInt16LE(at + 30);
  const next = extraEnd + bytes.readUInt16LE(at + 32);
  if (next > bytes.length) throw broken("zip", "its directory is damaged");
  const name = bytes.subarray(at + entryLength, nameEnd);
  const short = {
    size: bytes.readUInt32LE(at + 24),
    packed: bytes.readUInt32LE(at + 20),
    offset: bytes.readUInt32LE(at + 42),
  };
  const entry = {
    path: name.toString("utf8"),
    name,
    flags: bytes.readUInt16LE(at + 8),
    method: bytes.readUInt16LE(at + 10),
    crc: bytes.readUInt32LE(at + 16),
    mode: bytes.readUInt32LE(at + 38) >>> 16,
    ...withLarge(short, bytes.subarray(nameEnd, extraEnd)),
  };
  return { entry, next };
}

type Numbers = Pick<ZipEntry, "size" | "packed" | "offset">;

/** What does not fit into 32 bits stands in an extra field, in this order. */
function withLarge(short: Numbers, extra: Buffer): Numbers {
  const field = extraField(extra, 1);
  let at = 0;
  const read = (value: number): number => {
    if (value !== none32 || field === undefined) return value;
    if (at + 8 > field.length) throw broken("zip", "its directory is damaged");
    at += 8;
    return large(field, at - 8);
  };
  const size = read(short.size);
  const packed = read(short.packed);
  return { size, packed, offset: read(short.offset) };
}

function extraField(extra: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) return undefined;
    if (extra.readUInt16LE(at) === id) return extra.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}

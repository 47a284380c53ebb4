import type { FileHandle } from "node:fs/promises";
import { cutShort, damaged, otherFormat, refusal, unsupported } from "./refusals.ts";
import type { Limits } from "./tree.ts";

/** The position of a zip in its file, and of its directory. */
export interface ZipFrame {
  /** Bytes before the zip that its offsets do not count: a self-extracting program. */
  readonly shift: number;
  /** The end of its comment; a signature or padding may follow. */
  readonly end: number;
  /** The start of the directory, where the last content must have ended. */
  readonly start: number;
  /** Bytes of the directory. */
  readonly length: number;
  readonly count: number;
}

const endSignature = Buffer.from("PK\x05\x06");
const endLength = 22;
/** The longest comment, and the same number of bytes after it. */
const maxTail = 2 * 0xffff + endLength;
const locatorSignature = 0x07064b50;
const locatorLength = 20;
const end64Signature = 0x06064b50;
const end64Length = 56;
/** An entry of the directory without its name. */
export const entryLength = 46;
/** A directory of 200,000 entries with long names is smaller. */
const maxDirectory = 64 * 1024 * 1024;

/**
 * Finds the directory by the last end record in the file, which every program uses. yauzl requires
 * that nothing is before or after a zip. Claimed sizes are used only if they fit into the file, so
 * that they cannot cause large allocations.
 */
export async function findFrame(handle: FileHandle, limits: Limits): Promise<ZipFrame> {
  const { size } = await handle.stat();
  const from = Math.max(0, size - maxTail);
  const tail = await readAt(handle, from, size - from);
  const at = tail.subarray(0, Math.max(0, tail.length - endLength + 4)).lastIndexOf(endSignature);
  if (at === -1) throw await notFound(handle, size);
  const end = tail.subarray(at);
  const frame = await readFrame(handle, end, from + at);
  if (frame.end > size) throw cutShort("zip");
  if (frame.count > limits.entries) {
    const most = `the limit is ${limits.entries}`;
    throw refusal("too large", `the zip file has ${frame.count} entries; ${most}`);
  }
  if (frame.length > maxDirectory || frame.length < frame.count * entryLength) {
    throw damaged("zip", "its directory has an impossible size");
  }
  return frame;
}

async function notFound(handle: FileHandle, size: number): Promise<Error> {
  const head = await readAt(handle, 0, Math.min(size, 512));
  const isZip = head.toString("latin1", 0, 4) === "PK\x03\x04";
  return isZip ? cutShort("zip") : otherFormat("zip", head);
}

async function readFrame(handle: FileHandle, end: Buffer, at: number): Promise<ZipFrame> {
  const claims = (await readEnd64(handle, at)) ?? {
    count: end.readUInt16LE(10),
    length: end.readUInt32LE(12),
    start: end.readUInt32LE(16),
    disk: end.readUInt16LE(4),
    at,
    claimedAt: undefined,
  };
  if (claims.disk !== 0) throw unsupported("zip", "it is one part of a multi-part archive");
  const start = claims.at - claims.length;
  const shift = start - claims.start;
  // A second directory elsewhere in the file would be another archive to another reader.
  const isElsewhere = claims.claimedAt !== undefined && claims.claimedAt + shift !== claims.at;
  if (shift < 0 || isElsewhere) throw damaged("zip", "its directory is not before its end");
  const { length, count } = claims;
  return { shift, end: at + endLength + end.readUInt16LE(20), start, length, count };
}

type Claims = Record<"count" | "length" | "start" | "disk" | "at" | "claimedAt", number>;

/**
 * The end record of zip64, which wins if it exists; its own offset may not count the bytes before
 * the zip.
 */
async function readEnd64(handle: FileHandle, position: number): Promise<Claims | undefined> {
  const locatorAt = position - locatorLength;
  if (locatorAt < end64Length) return undefined;
  const locator = await readAt(handle, locatorAt, locatorLength);
  if (locator.readUInt32LE(0) !== locatorSignature) return undefined;
  const claimedAt = numberAt(locator, 8);
  for (const at of [claimedAt, locatorAt - end64Length]) {
    if (at + end64Length > locatorAt) continue;
    const end = await readAt(handle, at, end64Length);
    if (end.readUInt32LE(0) !== end64Signature) continue;
    const [count, length, start] = [numberAt(end, 32), numberAt(end, 40), numberAt(end, 48)];
    return { count, length, start, disk: end.readUInt32LE(16), at, claimedAt };
  }
  throw damaged("zip", "its end is elsewhere");
}

function numberAt(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged("zip", "a number in it is too large");
  return Number(value);
}

/** Exactly `length` bytes. */
async function readAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, at);
  if (bytesRead !== length) throw cutShort("zip");
  return bytes;
}

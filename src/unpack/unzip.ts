import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { File } from "unzipper";
import { UserError } from "../core/errors.ts";
import { broken } from "./decompress.ts";
import type { TreeWriter } from "./tree.ts";

const endSignature = Buffer.from([0x50, 0x4b, 0x05, 0x06]);
const endLength = 22;
const maxComment = 0xffff;

/** Unpacks a zip from its directory at the end, which is what every other program believes too. */
export async function unzip(file: string, tree: TreeWriter): Promise<void> {
  const tailSize = await findEnd(file);
  // Its Bluebird, graceful-fs and fs-extra take 40 ms to load.
  const unzipper = await import("unzipper");
  const openFile = (unzipper.default ?? unzipper).Open.file as (
    file: string,
    options: { tailSize: number; padding: number },
  ) => Promise<{ files: File[] }>;
  try {
    // The padding is for a local header whose extra field is longer than the directory's.
    const { files } = await openFile(file, { tailSize, padding: 0x10000 });
    for (const entry of files) await unpackEntry(entry, tree);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const { message } = cause as Error;
    throw broken("zip", message === "FILE_ENDED" ? "it is cut short" : message, cause);
  }
}

/**
 * Bytes from the end record to the end of the file. unzipper looks into the last 80 bytes alone and
 * takes the first signature there, so that a comment hides the record and a stored zip forges it.
 */
async function findEnd(file: string): Promise<number> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    const tail = Buffer.alloc(Math.min(size, endLength + maxComment));
    await handle.read(tail, 0, tail.length, size - tail.length);
    for (let at = tail.length - endLength; at >= 0; at -= 1) {
      if (!tail.subarray(at, at + 4).equals(endSignature)) continue;
      if (at + endLength + tail.readUInt16LE(at + 20) === tail.length) return tail.length - at;
    }
  } finally {
    await handle.close();
  }
  throw broken(
    "zip",
    "it does not end as a zip does: it is cut short, or something follows its end",
  );
}

const kind = { mask: 0o170000, directory: 0o040000, file: 0o100000, link: 0o120000 } as const;
const stored = 0;
const deflated = 8;

async function unpackEntry(entry: File, tree: TreeWriter): Promise<void> {
  const { path, flags, compressionMethod: method } = entry;
  // Made without Unix attributes, the upper half is zero: a plain file, or a directory by its name.
  const mode = entry.externalFileAttributes >>> 16;
  const type = mode & kind.mask;
  if ((flags & 1) !== 0) tree.refuse(path, "is encrypted");
  if (path.includes("\\")) tree.refuse(path, "has a backslash in its path");
  if (method !== stored && method !== deflated) {
    tree.refuse(path, `is packed with method ${method}, which is not supported`);
  }
  if (type === kind.directory || path.endsWith("/")) return tree.directory(path);
  if (type === kind.link) return tree.symlink(path, (await readLink(entry, tree)).toString("utf8"));
  if (type !== 0 && type !== kind.file) tree.refuse(path, "is a device, a pipe or a socket");
  const file = tree.file(path, mode);
  await readEntry(entry, tree, (chunk) => file?.write(chunk));
  file?.close();
}

async function readLink(entry: File, tree: TreeWriter): Promise<Buffer> {
  if (entry.uncompressedSize > 4096) tree.refuse(entry.path, "is a link with too long a target");
  const chunks: Buffer[] = [];
  await readEntry(entry, tree, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

/** unzipper compares neither the size nor the checksum with the directory's. */
async function readEntry(
  entry: File,
  tree: TreeWriter,
  take: (chunk: Buffer) => void,
): Promise<void> {
  let size = 0;
  let sum = 0;
  // For nothing packed, unzipper would believe the local header and search for a signature.
  if (entry.compressedSize > 0) {
    for await (const chunk of entry.stream() as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > entry.uncompressedSize) break;
      sum = crc32(chunk, sum);
      take(chunk);
    }
  }
  if (size !== entry.uncompressedSize) tree.refuse(entry.path, "has not the size that it claims");
  if (sum !== entry.crc32) tree.refuse(entry.path, "has a wrong checksum");
}

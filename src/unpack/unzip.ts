import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { File } from "unzipper";
import { UserError } from "../core/errors.ts";
import { broken } from "./broken.ts";
import { inflate } from "./inflate.ts";
import { readPieces } from "./pieces.ts";
import type { TreeWriter } from "./tree.ts";
import { readAt, readDirectory, type ZipEntry } from "./zip-directory.ts";

const localSignature = 0x04034b50;
const localLength = 30;
const kind = { mask: 0o170000, directory: 0o040000, file: 0o100000, link: 0o120000 } as const;
const stored = 0;
const deflated = 8;

/**
 * Unpacks a zip, entry by entry in the order in which they lie in the file. unzipper opens it; what it
 * takes on trust (the directory, overlaps, sizes, checksums) is looked at here, because an archive may be
 * made to have two readings. Its streams give 16 kB at a time, which would take most of the time here.
 */
export async function unzip(file: string, tree: TreeWriter): Promise<void> {
  const handle = await open(file, "r");
  try {
    const { entries, start, tail } = await readDirectory(handle, tree.limits);
    const contents = await openContents(file, tail);
    const inOrder = [...entries].sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const entry of inOrder) {
      // The classic bomb: a thousand entries of the same packed bytes.
      if (entry.offset < end) tree.refuse(entry.path, "overlaps another entry");
      const content = await findContent(handle, entry, tree);
      end = content + entry.packed;
      if (end > start) tree.refuse(entry.path, "reaches past the end of the contents");
      if (contents.get(entry.offset)?.compressedSize !== entry.packed) {
        throw broken("zip", "it reads two ways");
      }
      await unpackEntry({ ...entry, file, content }, tree);
    }
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const { code = "", message } = cause as NodeJS.ErrnoException;
    const isCut = code === "Z_BUF_ERROR" || message === "FILE_ENDED";
    throw broken("zip", isCut ? "it is cut short" : message, cause);
  } finally {
    await handle.close();
  }
}

/** Where the packed bytes start: behind the entry's own header, whose length the directory has not. */
async function findContent(handle: FileHandle, entry: ZipEntry, tree: TreeWriter): Promise<number> {
  const { path, name, method, offset } = entry;
  const header = await readAt(handle, offset, localLength + name.length);
  if (header.readUInt32LE(0) !== localSignature) throw broken("zip", "its directory is damaged");
  const sameName = header.readUInt16LE(26) === name.length;
  if (!sameName || !header.subarray(localLength).equals(name)) {
    tree.refuse(path, "has another name where its content is");
  }
  if (header.readUInt16LE(8) !== method) tree.refuse(path, "is packed in two ways at once");
  return offset + header.length + header.readUInt16LE(28);
}

/** An entry whose packed bytes start at `content` of the zip `file`. */
type Found = ZipEntry & { readonly file: string; readonly content: number };

/** The entries as unzipper has them, by the place of their local header. */
async function openContents(file: string, tail: number): Promise<Map<number, File>> {
  // Its Bluebird, graceful-fs and fs-extra take 40 ms to load.
  const unzipper = await import("unzipper");
  const open = (unzipper.default ?? unzipper).Open.file as (
    file: string,
    options: { tailSize: number },
  ) => Promise<{ files: File[] }>;
  const { files } = await open(file, { tailSize: tail }); // where alone it looks for the end record
  return new Map(files.map((entry) => [entry.offsetToLocalFileHeader, entry]));
}

async function unpackEntry(entry: Found, tree: TreeWriter): Promise<void> {
  const { path, flags, method, mode, size } = entry;
  const type = mode & kind.mask;
  if ((flags & 1) !== 0) tree.refuse(path, "is encrypted");
  if (path.includes("\\")) tree.refuse(path, "has a backslash in its path");
  if (/^[A-Za-z]:/.test(path)) tree.refuse(path, "has a drive in its path");
  if (method !== stored && method !== deflated) {
    tree.refuse(path, `is packed with method ${method}, which is not supported`);
  }
  // Made without Unix attributes, it is a plain file, or a directory by its name.
  if (type === kind.directory || path.endsWith("/")) {
    if (size > 0) tree.refuse(path, "is a directory with content");
    tree.directory(path);
  } else if (type === kind.link) {
    tree.symlink(path, await readLink(entry, tree));
  } else if (type === 0 || type === kind.file) {
    const file = tree.file(path, mode);
    for await (const piece of readEntry(entry, tree)) file?.write(piece);
    file?.close();
  } else {
    tree.refuse(path, "is a device, a pipe or a socket");
  }
}

async function readLink(entry: Found, tree: TreeWriter): Promise<string> {
  if (entry.size > 4096) tree.refuse(entry.path, "is a link with too long a target");
  let target = "";
  for await (const piece of readEntry(entry, tree)) target += piece.toString("utf8"); // there is one
  return target;
}

/** The content, piece by piece. Refuses it where it is not what the directory says. */
async function* readEntry(entry: Found, tree: TreeWriter): AsyncGenerator<Buffer> {
  const { file, content, packed, path, method } = entry;
  const bytes = readPieces(file, { start: content, end: content + packed });
  const isPlain = method === stored || packed === 0; // some write nothing at all for an empty file
  let size = 0;
  let sum = 0;
  for await (const piece of isPlain ? bytes : inflate("raw", bytes)) {
    size += piece.length;
    if (size > entry.size) break;
    sum = crc32(piece, sum);
    yield piece;
  }
  if (size !== entry.size) tree.refuse(path, "has not the size that it claims");
  if (sum !== entry.crc) tree.refuse(path, "has a wrong checksum");
}

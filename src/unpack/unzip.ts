import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { UserError } from "../core/errors.ts";
import { inflate } from "./inflate.ts";
import { isProgram } from "./looks-like.ts";
import { piecesOf } from "./pieces.ts";
import { cutShort, damaged, refuseEntry, unsupported } from "./refusals.ts";
import type { OpenFile, TreeWriter } from "./tree.ts";
import { type ZipEntry, zipEntries } from "./zip-entries.ts";

const kind = { mask: 0o170000, directory: 0o040000, file: 0o100000, link: 0o120000 } as const;
const stored = 0;
const deflated = 8;
const otherMethods: Readonly<Record<number, string>> = {
  1: "shrink",
  6: "implode",
  9: "Deflate64",
  12: "bzip2",
  14: "LZMA",
  93: "zstd",
  95: "xz",
  98: "PPMd",
  99: "AES encryption",
};

/**
 * Unpacks a zip, entry by entry in file order. Streams of zip libraries return 16 kB at a time,
 * which would take most of the time here, so contents are inflated by ./inflate.ts.
 */
export async function unzip(file: string, tree: TreeWriter): Promise<void> {
  const handle = await open(file, "r");
  try {
    const module = await import("yauzl");
    const yauzl = module.default ?? module; // the import differs between Node and a bundler
    for await (const entry of zipEntries(handle, tree.limits, yauzl)) {
      await unpackEntry(file, entry, tree);
    }
  } catch (cause) {
    throw errorOf(cause);
  } finally {
    await handle.close();
  }
}

function errorOf(cause: unknown): unknown {
  if (cause instanceof UserError || !(cause instanceof Error)) return cause;
  const { message } = cause;
  const { syscall } = cause as NodeJS.ErrnoException;
  if (syscall !== undefined) return cause;
  if (message === "unexpected EOF") return cutShort("zip", cause);
  if (message.includes("encryption")) return unsupported("zip", "it is encrypted", cause);
  return damaged("zip", message, cause);
}

async function unpackEntry(file: string, entry: ZipEntry, tree: TreeWriter): Promise<void> {
  const { path, method, mode, size } = entry;
  const type = mode & kind.mask;
  if (/^[A-Za-z]:/.test(path)) refuseEntry("hostile", path, "has a drive in its path");
  if (entry.isEncrypted) refuseEntry("unsupported", path, "is encrypted");
  if (method !== stored && method !== deflated) {
    const name = otherMethods[method];
    const shown = name === undefined ? `method ${method}` : `${name} (method ${method})`;
    refuseEntry(
      "unsupported",
      path,
      `is compressed with ${shown}, which is not supported in a zip`,
    );
  }
  // Without Unix attributes it is a plain file, or a directory by its name or its DOS attributes.
  const isDosDirectory = type === 0 && entry.isDosDirectory && size === 0;
  if (type === kind.directory || isDosDirectory || path.endsWith("/")) {
    if (size > 0) refuseEntry("damaged", path, "is a directory with content");
    tree.directory(path);
  } else if (type === kind.link) {
    tree.symlink(path, await readLink(file, entry));
  } else if (type === 0 || type === kind.file) {
    await unpackFile(file, entry, tree);
  } else {
    refuseEntry("unsupported", path, "is a device, a pipe or a socket, which is not supported");
  }
}

async function unpackFile(file: string, entry: ZipEntry, tree: TreeWriter): Promise<void> {
  let output: OpenFile | undefined;
  let isOpen = false;
  const begin = (first: Buffer): void => {
    // A zip without Unix modes does not mark programs; their first bytes do.
    const isMade = !entry.hasUnixModes && isProgram(first);
    output = tree.file(entry.path, isMade ? 0o755 : entry.mode);
    isOpen = true;
  };
  for await (const piece of readEntry(file, entry)) {
    if (!isOpen) begin(piece);
    await output?.writeAside(piece);
  }
  if (!isOpen) begin(Buffer.alloc(0));
  output?.close();
}

async function readLink(file: string, entry: ZipEntry): Promise<string> {
  if (entry.size > 4096) {
    refuseEntry("damaged", entry.path, "is a link with too long a target");
  }
  let target = "";
  for await (const piece of readEntry(file, entry)) target += piece.toString("utf8"); // there is exactly one
  return target;
}

/** The content, piece by piece. Throws if it does not match the directory. */
async function* readEntry(file: string, entry: ZipEntry): AsyncGenerator<Buffer> {
  const { content, packed, path, method } = entry;
  const bytes = piecesOf(file, { start: content, end: content + packed });
  const isPlain = method === stored || packed === 0; // some tools write nothing for an empty file
  let size = 0;
  let sum = 0;
  for await (const piece of isPlain ? bytes : inflate("raw", bytes)) {
    size += piece.length;
    if (size > entry.size) break;
    sum = crc32(piece, sum);
    yield piece;
  }
  if (size !== entry.size) refuseEntry("damaged", path, "does not have its stated size");
  if (sum !== entry.crc) refuseEntry("damaged", path, "has a wrong checksum");
}

import { createHash } from "node:crypto";
import { constants, createWriteStream } from "node:fs";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import { UserError } from "../../core/errors.ts";
import { open, rm } from "../../io/disk.ts";
import { fileError, moveOnto, syncFile, token, tolerate } from "../../io/files.ts";

const blockSize = 512;

/** How a bundle is compressed. */
export type BundleFormat = "tar.gz" | "tar.zst";

/** One entry of a bundle; `path` is relative to its root. */
export type BundleEntry =
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "text"; readonly path: string; readonly text: string }
  | {
      readonly kind: "file";
      readonly path: string;
      /** Absolute. */
      readonly from: string;
      readonly mode: number;
      /** The required digest. */
      readonly sha256: string;
    };

/**
 * Writes a bundle in one step. Reproducible: the same entries give the same bytes, without times,
 * owners or this machine's order. Throws `integrity` if a file does not match its digest; the
 * bundle is then removed. Returns the digest of the whole file.
 */
export async function writeBundle(
  file: string,
  format: BundleFormat,
  entries: Iterable<BundleEntry>,
  signal: AbortSignal,
): Promise<{ sha256: string; size: number }> {
  const temporary = join(dirname(file), `.${token()}.tmp`);
  const hash = createHash("sha256");
  let size = 0;
  const count = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  try {
    const target = createWriteStream(temporary, { flags: "wx", mode: 0o644 });
    await pipeline(Readable.from(tarOf(entries)), compressor(format), count, target, { signal });
    await syncFile(temporary);
    moveOnto(temporary, file);
  } catch (cause) {
    await tolerate(rm(temporary, { force: true }));
    signal.throwIfAborted();
    if (cause instanceof UserError) throw cause;
    throw fileError("write", file, cause);
  }
  return { sha256: hash.digest("hex"), size };
}

function compressor(format: BundleFormat): Transform {
  if (format === "tar.gz") return zlib.createGzip();
  if (typeof zlib.createZstdCompress === "function") return zlib.createZstdCompress();
  throw new UserError("E_NODE_TOO_OLD", "this version of Node does not support zstd", {
    hint: "Use Node 22.15 or newer, or name the file .tar.gz.",
  });
}

async function* tarOf(entries: Iterable<BundleEntry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    if (entry.kind === "directory") {
      yield* headerOf({ path: `${entry.path}/`, type: "Directory", mode: 0o755, size: 0 });
    } else if (entry.kind === "link") {
      const { path, target } = entry;
      yield* headerOf({ path, type: "SymbolicLink", linkpath: target, mode: 0o777, size: 0 });
    } else if (entry.kind === "text") {
      const bytes = Buffer.from(entry.text);
      yield* headerOf({ path: entry.path, type: "File", mode: 0o644, size: bytes.length });
      yield bytes;
      yield padding(bytes.length);
    } else yield* fileOf(entry);
  }
  yield Buffer.alloc(2 * blockSize);
}

interface HeaderFields {
  readonly path: string;
  readonly type: "File" | "Directory" | "SymbolicLink";
  readonly linkpath?: string;
  readonly mode: number;
  readonly size: number;
}

function* headerOf(given: HeaderFields): Generator<Buffer> {
  const fields = { ...given, uid: 0, gid: 0, uname: "", gname: "", mtime: new Date(0) };
  const header = new Header(fields);
  const block = Buffer.alloc(blockSize);
  if (header.encode(block)) {
    const { path, linkpath } = given; // too long for a plain header, or not ASCII
    yield new Pax({ path, ...(linkpath === undefined ? {} : { linkpath }) }).encode();
  }
  yield block;
}

/** What fills the last block of a file of this size. */
function padding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

async function* fileOf(entry: Extract<BundleEntry, { kind: "file" }>): AsyncGenerator<Buffer> {
  const { path, from, mode, sha256 } = entry;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(from, flags);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw changed(from);
    yield* headerOf({ path, type: "File", mode, size: stats.size });
    const hash = createHash("sha256");
    let size = 0;
    const stream = handle.createReadStream({ autoClose: false, highWaterMark: 1 << 18 });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hash.update(chunk);
      size += chunk.length;
      if (size > stats.size) throw changed(from);
      yield chunk;
    }
    if (size !== stats.size || hash.digest("hex") !== sha256) throw changed(from);
    yield padding(size);
  } catch (cause) {
    throw fileError("read", from, cause);
  } finally {
    await tolerate(handle.close()); // reading has ended, so an error does not matter
  }
}

function changed(path: string): UserError {
  return new UserError("E_TREE_CHANGED", `${path} was changed after it was installed`, {
    hint: "No bundle was written. Run openclaw-install-skill-deps doctor --repair first.",
  });
}

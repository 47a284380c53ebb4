import { createReadStream } from "node:fs";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { UserError } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { readPieces } from "../io/disk.ts";
import { fileError } from "../io/files.ts";
import type { Sink } from "./sink.ts";

/** The content encodings of a body, in the order in which they were applied: `gzip`. */
export type Encodings = readonly Encoding[];
type Encoding = "gzip" | "deflate" | "br" | "zstd";

const names: Readonly<Record<string, Encoding>> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "br",
  zstd: "zstd",
};

/**
 * Reads Content-Encoding. We request none, but some servers and proxies compress all the same.
 * Unknown values (`utf-8`, `aws-chunked`) are a server's mistake: the body is not encoded.
 */
export function encodingsOf(header: string | string[] | undefined): Encodings {
  const words = String(header ?? "")
    .toLowerCase()
    .split(/[\s,]+/);
  return words.flatMap((word) => names[word] ?? []);
}

/** Decodes a document. Throws a UserError (`network`) if it does not have the declared encoding. */
export async function decodeBytes(
  bytes: Buffer,
  encodings: Encodings,
  limit: number,
  from: URL,
): Promise<Buffer> {
  let decoded = bytes;
  for (const encoding of encodings.toReversed()) {
    try {
      decoded = await decodeOnce(decoded, encoding, { maxOutputLength: limit });
    } catch (cause) {
      throw undecodable(from, encodings, cause);
    }
  }
  return decoded;
}

type Options = { readonly maxOutputLength: number };

async function decodeOnce(bytes: Buffer, encoding: Encoding, options: Options): Promise<Buffer> {
  if (encoding === "gzip") return await promisify(zlib.gunzip)(bytes, options);
  if (encoding === "br") return await promisify(zlib.brotliDecompress)(bytes, options);
  if (encoding === "zstd") return await promisify(zlib.zstdDecompress)(bytes, options);
  // Some servers send deflate without the zlib header that HTTP requires.
  const inflate = isFramed(bytes) ? zlib.inflate : zlib.inflateRaw;
  return await promisify(inflate)(bytes, options);
}

/** The first two bytes of the zlib header. */
function isFramed(bytes: Buffer): boolean {
  const [first = 0, second = 0] = bytes;
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}

/** Decodes a file into a sink. Throws like `decodeBytes`, and what the sink throws. */
export async function decodeFile(
  file: string,
  encodings: Encodings,
  sink: Sink,
  limit: number,
  from: URL,
): Promise<void> {
  const head = await firstBytes(file);
  const into = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (sink.received + chunk.length > limit) done(new Error(`more than ${limit} bytes`));
      else (sink.write(chunk) ?? Promise.resolve()).then(() => done(), done);
    },
    final: (done) => void sink.flush().then(() => done(), done),
  });
  try {
    const decoders = encodings
      .toReversed()
      .map((encoding, i) => decoderOf(encoding, i === 0 ? head : undefined));
    await pipeline([createReadStream(file), ...decoders, into]);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const { syscall } = cause as NodeJS.ErrnoException;
    throw syscall ? fileError("read", file, cause) : undecodable(from, encodings, cause);
  }
}

async function firstBytes(file: string): Promise<Buffer> {
  return readPieces(file, (read) => read(0, 2));
}

function decoderOf(encoding: Encoding, head: Buffer | undefined) {
  if (encoding === "gzip") return zlib.createGunzip();
  if (encoding === "br") return zlib.createBrotliDecompress();
  if (encoding === "zstd") return zlib.createZstdDecompress();
  return head === undefined || isFramed(head) ? zlib.createInflate() : zlib.createInflateRaw();
}

function undecodable(from: URL, encodings: Encodings, cause: unknown): UserError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const what = `${shownUrl(from)} has the Content-Encoding ${encodings.join(", ")}, which was not requested, and cannot be decoded (${why})`;
  return new UserError("E_PROTOCOL", what);
}

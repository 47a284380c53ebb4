import { createReadStream, statSync } from "node:fs";
import { pipeline, Readable } from "node:stream";
import * as zlib from "node:zlib";
import { UserError } from "../core/errors.ts";
import type { ArchiveFormat } from "../core/recipe.ts";
import { broken } from "./broken.ts";
import { bunzip } from "./bunzip.ts";
import { inflate } from "./inflate.ts";
import { type Part, pieceSize, readPieces } from "./pieces.ts";

/**
 * The decompressed bytes of a file or a part of it, piece by piece; each is valid only until the next one
 * is asked for. Throws a UserError (`integrity`) where it is cut short, damaged, or goes on after its
 * end: no format is believed before its last byte.
 */
export async function* decompressed(
  file: string,
  format: ArchiveFormat,
  part: Part = { start: 0 },
): AsyncGenerator<Buffer> {
  try {
    yield* decoderOf(format)(file, part);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw broken(format, reason(cause), cause);
  }
}

type Decoder = (file: string, part: Part) => AsyncIterable<Buffer> | Iterable<Buffer>;

function decoderOf(format: ArchiveFormat): Decoder {
  const decoders: Partial<Record<ArchiveFormat, Decoder>> = {
    "tar.gz": gunzip,
    gz: gunzip,
    "tar.zst": unzstd,
    "tar.xz": unxz,
    "tar.bz2": unbzip,
    bz2: unbzip,
  };
  return decoders[format] ?? readPieces;
}

function gunzip(file: string, part: Part): AsyncIterable<Buffer> {
  return inflate("gzip", readPieces(file, part));
}

/** Nothing where the part is empty; a stream's own `end` is the last byte that it gives. */
function readPart(file: string, { start, end }: Part): Readable {
  if (end !== undefined && end <= start) return Readable.from([]);
  const last = end === undefined ? {} : { end: end - 1 };
  return createReadStream(file, { start, ...last, highWaterMark: pieceSize });
}

function reason(cause: unknown): string {
  const { code = "", message = String(cause) } = cause as { code?: string; message?: string };
  if (code === "Z_BUF_ERROR") return "it is cut short";
  return message;
}

/** node:zlib stops after a frame and calls it the end, so that each further frame is started anew. */
async function* unzstd(file: string, part: Part): AsyncGenerator<Buffer> {
  if (typeof zlib.createZstdDecompress !== "function") {
    throw new UserError("unmet", "this Node cannot unpack zstd", {
      hint: "Run with Node 22.15 or newer.",
    });
  }
  const { start, end = statSync(file).size } = part;
  for (let offset = start; offset < end || end === start; ) {
    const decoder = zlib.createZstdDecompress({ chunkSize: pieceSize });
    yield* through(readPart(file, { start: offset, end }), decoder);
    if (decoder.bytesWritten === 0) throw broken("tar.zst", "it has an empty frame");
    offset += decoder.bytesWritten;
  }
}

async function* through(source: Readable, decoder: zlib.Gunzip): AsyncGenerator<Buffer> {
  // The source's errors arrive through the decoder, which is what the loop listens to.
  pipeline(source, decoder, () => {});
  yield* decoder as AsyncIterable<Buffer>;
}

/** xz-decompress's codes are those of xz-embedded. */
const xzReasons: Record<string, string> = {
  "5": "something in it is not xz",
  "6": "it needs an xz filter or check that is not supported here (BCJ, SHA-256)",
  "8": "it is cut short",
};

async function* unxz(file: string, part: Part): AsyncGenerator<Buffer> {
  if ((part.end ?? statSync(file).size) <= part.start) throw broken("tar.xz", "it is empty");
  const xz = await import("xz-decompress");
  const { XzReadableStream } = xz.default ?? xz; // as Node or as a bundler has it
  const source = Readable.toWeb(readPart(file, part)) as ReadableStream<Uint8Array>;
  try {
    for await (const chunk of new XzReadableStream(
      source,
    ) as unknown as AsyncIterable<Uint8Array>) {
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    }
  } catch (cause) {
    const code = /error code (\d+)/.exec(String(cause))?.[1] ?? "";
    if (code === "") throw cause;
    throw broken("tar.xz", xzReasons[code] ?? "it is damaged", cause);
  }
}

/** Block by block, with turns of the event loop between them: it is all JavaScript. */
async function* unbzip(file: string): AsyncGenerator<Buffer> {
  for (const piece of bunzip(file)) {
    yield piece;
    await new Promise(setImmediate);
  }
}

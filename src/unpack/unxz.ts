import { createReadStream } from "node:fs";
import { crc32 } from "node:zlib";
import { pieceSize, piecesOf, type Span } from "./pieces.ts";
import { cutShort, damaged, type Refusal, tooLittleMemory, unsupported } from "./refusals.ts";

/** The compiled limit of xz-decompress, which is enough for `xz -9`. */
const maxDictionary = "a dictionary of more than 64 MiB";

/** The decompressed bytes of one or more xz streams. */
export async function* unxz(file: string, span: Span): AsyncGenerator<Buffer> {
  const { start, padding } = span;
  const xz = await import("xz-decompress");
  const { XzReadableStream } = xz.default ?? xz; // the import differs between Node and a bundler
  const source = createReadStream(file, { start, end: padding - 1, highWaterMark: pieceSize });
  // The global one: Node loads web streams at its first use, not for archives of other kinds.
  // Not `Readable.toWeb`: if reading ends early, it may throw an uncatchable error.
  const input = ReadableStream.from<Uint8Array>(source);
  const output = new XzReadableStream(input) as unknown as AsyncIterable<Uint8Array>;
  let isBegun = false;
  try {
    for await (const { buffer, byteOffset, byteLength } of output) {
      isBegun ||= byteLength > 0;
      yield Buffer.from(buffer, byteOffset, byteLength);
    }
  } catch (cause) {
    const code = /error code (\d+)/.exec(String(cause))?.[1];
    if (code === undefined) throw cause;
    if (isBegun && isFollowed(file, span)) {
      throw damaged("tar.xz", "other data follows its end", cause);
    }
    throw errorOf(Number(code), cause);
  }
}

/** True if a stream ends before the last bytes and no other one begins after it. */
function isFollowed(file: string, { start, padding }: Span): boolean {
  const [tail = Buffer.alloc(0)] = piecesOf(file, {
    start: Math.max(start, padding - 4096),
    end: padding,
  });
  const at = tail.lastIndexOf("YZ", tail.length - 3);
  if (at < 10 || tail.toString("latin1", at + 2, at + 7) === "\xfd7zXZ") return false;
  return crc32(tail.subarray(at - 6, at)) === tail.readUInt32LE(at - 10);
}

/** By the numbers of xz-embedded. */
function errorOf(code: number, cause: unknown): Refusal {
  switch (code) {
    case 3:
      return tooLittleMemory("tar.xz", "there is not enough memory for its dictionary", cause);
    case 4:
      return unsupported(
        "tar.xz",
        `it needs ${maxDictionary}, which the decoder does not support`,
        cause,
      );
    case 2:
    case 6:
      return unsupported(
        "tar.xz",
        "it needs a filter or a check that the decoder does not support (BCJ, SHA-256)",
        cause,
      );
    case 8:
      return cutShort("tar.xz", cause);
    default:
      return damaged("tar.xz", "its content is inconsistent", cause);
  }
}

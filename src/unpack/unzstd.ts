import { createReadStream } from "node:fs";
import { freemem } from "node:os";
import { availableMemory } from "node:process";
import { pipeline } from "node:stream";
import * as zlib from "node:zlib";
import { UserError } from "../core/errors.ts";
import { pieceSize, type Span } from "./pieces.ts";
import { damaged, tooLittleMemory, unsupported } from "./refusals.ts";

/**
 * zstd itself accepts windows of 128 MiB (`--long=27`, `--ultra`); twice as much is accepted if it
 * is at most a quarter of the free memory, because several archives are unpacked at once.
 */
const [usualWindow, largestWindow] = [27, 28];

/** node:zlib stops after one frame, so each further frame is decoded separately. */
export async function* unzstd(file: string, span: Span): AsyncGenerator<Buffer> {
  if (typeof zlib.createZstdDecompress !== "function") {
    throw new UserError("E_NODE_TOO_OLD", "this version of Node does not support zstd");
  }
  const { start, end, padding } = span;
  const window = windowFor(availableMemory?.() ?? freemem());
  for (let offset = start; offset < padding; ) {
    const decoder = zlib.createZstdDecompress({
      chunkSize: pieceSize,
      params: { [zlib.constants.ZSTD_d_windowLogMax]: window },
    });
    const source = createReadStream(file, {
      start: offset,
      end: end - 1,
      highWaterMark: pieceSize,
    });
    // The source's errors arrive through the decoder, which the loop reads.
    pipeline(source, decoder, () => {});
    try {
      yield* decoder as AsyncIterable<Buffer>;
    } catch (cause) {
      throw errorOf(cause, offset === start, window);
    }
    if (decoder.bytesWritten === 0) throw damaged("tar.zst", "it has an empty frame");
    offset += decoder.bytesWritten;
  }
}

/** The logarithm of the largest accepted window for this much free memory. */
function windowFor(free: number): number {
  const quarter = Math.floor(Math.log2(free / 4));
  return Math.max(usualWindow, Math.min(largestWindow, quarter));
}

function errorOf(cause: unknown, isFirst: boolean, window: number): unknown {
  switch ((cause as NodeJS.ErrnoException).code) {
    case "ZSTD_error_frameParameter_windowTooLarge": {
      const why = `it needs a window of more than ${2 ** (window - 20)} MiB`;
      return window === largestWindow
        ? unsupported("tar.zst", why, cause)
        : tooLittleMemory("tar.zst", why, cause);
    }
    case "ZSTD_error_memory_allocation":
      return tooLittleMemory("tar.zst", "there is not enough memory for its window", cause);
    case "ZSTD_error_dictionary_wrong":
      return unsupported("tar.zst", "it needs an external dictionary", cause);
    case "ZSTD_error_prefix_unknown":
      if (isFirst) return cause;
      return damaged("tar.zst", "other data follows its end", cause);
    default:
      return cause;
  }
}

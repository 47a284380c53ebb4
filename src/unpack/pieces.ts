import { closeSync, openSync, readSync } from "node:fs";

/**
 * Bytes that are read, inflated or written at once: a call costs some microseconds whatever it carries.
 * A multiple of tar's blocks, so that none of them lies in two pieces.
 */
export const pieceSize = 256 * 1024;

/** From `start` up to `end`, which is the file's where there is none. */
export interface Part {
  readonly start: number;
  readonly end?: number;
}

/** The bytes of a part of a file. Each piece is valid only until the next one is asked for. */
export function* readPieces(
  file: string,
  { start, end = Number.POSITIVE_INFINITY }: Part,
): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(pieceSize, end - start)));
  const descriptor = openSync(file, "r");
  try {
    for (let at = start; at < end; ) {
      const length = Math.min(buffer.length, end - at);
      const count = readSync(descriptor, buffer, 0, length, at);
      if (count === 0) return;
      at += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    closeSync(descriptor);
  }
}

import { closeSync, openSync, readSync } from "node:fs";

/**
 * Bytes that are read, inflated or written at once: a call costs some microseconds whatever it carries.
 * A multiple of tar's blocks, so that none of them lies in two pieces.
 */
export const pieceSize = 256 * 1024;

const spare: Buffer[] = [];

/**
 * Lends a buffer of `pieceSize` to `work`. Buffers are kept for the next one: garbage of this size is
 * collected late, and would be most of the memory that a run takes.
 */
export function* withBuffer<T>(work: (buffer: Buffer) => Generator<T>): Generator<T> {
  const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(pieceSize);
  try {
    yield* work(buffer);
  } finally {
    spare.push(buffer);
  }
}

/** From `start` up to `end`, which is the file's where there is none. */
export interface Part {
  readonly start: number;
  readonly end?: number;
}

/** The bytes of a part of a file. Each piece is valid only until the next one is asked for. */
export function readPieces(file: string, part: Part): Generator<Buffer> {
  return withBuffer((buffer) => readInto(buffer, file, part));
}

function* readInto(
  buffer: Buffer,
  file: string,
  { start, end = Number.POSITIVE_INFINITY }: Part,
): Generator<Buffer> {
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

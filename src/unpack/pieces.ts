import { closeSync, openSync, readSync } from "node:fs";

/**
 * Bytes that are read, inflated or written at once: a call costs some microseconds whatever it carries.
 * A multiple of tar's blocks, so that none of them lies in two pieces.
 */
export const pieceSize = 256 * 1024;

const spare: Buffer[] = [];

/**
 * Lends a buffer of `pieceSize`, to be given back. They are kept for the next one: garbage of this size
 * is collected late, and would be most of the memory that a run takes.
 */
export function borrow(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(pieceSize);
}

export function giveBack(...buffers: readonly Buffer[]): void {
  spare.push(...buffers);
}

/** From `start` up to `end`, which is the file's where there is none. */
export interface Part {
  readonly start: number;
  readonly end?: number;
}

/** The bytes of a part of a file. Each piece is valid only until the next one is asked for. */
export function* readPieces(file: string, part: Part): Generator<Buffer> {
  const { start, end = Number.POSITIVE_INFINITY } = part;
  const descriptor = openSync(file, "r");
  const buffer = borrow();
  try {
    for (let at = start; at < end; ) {
      const length = Math.min(buffer.length, end - at);
      const count = readSync(descriptor, buffer, 0, length, at);
      if (count === 0) return;
      at += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    giveBack(buffer);
    closeSync(descriptor);
  }
}

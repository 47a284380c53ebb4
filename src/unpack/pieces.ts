import { closeSync, openSync, readSync } from "node:fs";

/**
 * Bytes that are read, inflated or written at once: a call costs some microseconds for any size. A
 * multiple of tar's block size, so that no block spans two pieces.
 */
export const pieceSize = 256 * 1024;

const spare: Buffer[] = [];

/**
 * Lends a buffer of `pieceSize`, which must be returned. Buffers are reused: garbage of this size
 * is collected late, and would be most of a run's memory.
 */
export function borrow(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(pieceSize);
}

/** Nothing may use the buffers any more. */
export function giveBack(...buffers: readonly Buffer[]): void {
  spare.push(...buffers);
}

/** A part of a file, from `start` to `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** From here on there are only zeros and line ends, which may belong to the data or follow it. */
  readonly padding: number;
}

/** The bytes of a part of a file. Each piece is valid only until the next one is requested. */
export function* piecesOf(
  file: string,
  { start, end }: Pick<Span, "start" | "end">,
): Generator<Buffer> {
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

import { closeSync, openSync, readSync } from "node:fs";
import type { Span } from "./pieces.ts";

/** The bits of a part of a file, most significant bit first. */
export interface Bits {
  /** The next 0 to 24 bits as a number. */
  read(count: number): number;
  /** Skips to the next whole byte. */
  align(): void;
  /** Remaining whole bytes. */
  left(): number;
  close(): void;
}

/** Opens a part of a file; `cut` creates the error for a truncated one. */
export function openBits(file: string, { start, end }: Span, cut: () => Error): Bits {
  const descriptor = openSync(file, "r");
  const buffer = Buffer.alloc(256 * 1024);
  let at = start; // the position after the buffer
  let length = 0;
  let next = 0;
  let held = 0;
  let count = 0;
  const fill = (): boolean => {
    if (next < length) return true;
    length = readSync(descriptor, buffer, 0, Math.min(buffer.length, end - at), at);
    at += length;
    next = 0;
    return length > 0;
  };
  return {
    read(wanted) {
      while (count < wanted) {
        if (next === length && !fill()) throw cut();
        // At most 31 bits are held, so that this stays a 32-bit integer.
        held = ((held << 8) | (buffer[next++] as number)) & 0x7fffffff;
        count += 8;
      }
      count -= wanted;
      return (held >>> count) & ((1 << wanted) - 1);
    },
    align: () => {
      count -= count % 8;
    },
    left: () => end - at + length - next,
    close: () => closeSync(descriptor),
  };
}

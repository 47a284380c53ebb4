import { closeSync, openSync, readSync } from "node:fs";
import type { Span } from "./pieces.ts";

/** The bits of a part of a file, the highest of each byte first. */
export interface Bits {
  /** The next 0 to 24 bits as a number. */
  read(count: number): number;
  /** Skips to the next whole byte. */
  align(): void;
  /** Whole bytes that are left. */
  left(): number;
  close(): void;
}

/** Opens a part of a file; `cut` makes the error for one that ends too early. */
export function openBits(file: string, { start, end }: Span, cut: () => Error): Bits {
  const descriptor = openSync(file, "r");
  const buffer = Buffer.alloc(256 * 1024);
  let at = start; // behind the buffer
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
        // At most 31 bits are ever held, so that this stays a whole number of 32 bits.
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

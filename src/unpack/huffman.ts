import type { Bits } from "./bits.ts";

const maxCodeLength = 20;

/** A canonical Huffman code: codes of the same length are consecutive. */
export interface Table {
  readonly shortest: number;
  /**
   * By length: the last code, or -1 if there is none; and the offset from a code to its position.
   */
  readonly last: Int32Array;
  readonly shift: Int32Array;
  /** Symbols in order of their codes. */
  readonly symbols: Uint16Array;
}

function readLengths(bits: Bits, size: number, damaged: () => Error): Uint8Array {
  const lengths = new Uint8Array(size);
  let length = bits.read(5);
  for (let symbol = 0; symbol < size; symbol += 1) {
    for (;;) {
      if (length < 1 || length > maxCodeLength) throw damaged();
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return lengths;
}

/** Reads the code of `size` symbols; `damaged` creates the error for an invalid code. */
export function readTable(bits: Bits, size: number, damaged: () => Error): Table {
  const lengths = readLengths(bits, size, damaged);
  const last = new Int32Array(maxCodeLength + 1).fill(-1);
  const shift = new Int32Array(maxCodeLength + 1);
  const symbols = new Uint16Array(size);
  let code = 0;
  let position = 0;
  for (let each = 1; each <= maxCodeLength; each += 1) {
    shift[each] = position - code;
    for (let symbol = 0; symbol < size; symbol += 1) {
      if (lengths[symbol] === each) symbols[position++] = symbol;
    }
    code = position - (shift[each] as number);
    if (code > 1 << each) throw damaged(); // more codes than this length allows
    last[each] = code - 1;
    code <<= 1;
  }
  return { shortest: Math.min(...lengths), last, shift, symbols };
}

/** Reads one symbol. Throws `damaged()` for a code that is not in the table. */
export function readSymbol(bits: Bits, table: Table, damaged: () => Error): number {
  const { shortest, last, shift, symbols } = table;
  let code = bits.read(shortest);
  let length = shortest;
  while (code > (last[length] as number)) {
    if (length === maxCodeLength) throw damaged();
    code = (code << 1) | bits.read(1);
    length += 1;
  }
  return symbols[code + (shift[length] as number)] as number;
}

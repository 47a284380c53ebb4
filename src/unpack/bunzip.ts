import { type Bits, openBits } from "./bits.ts";
import { readSymbol, readTable, type Table } from "./huffman.ts";
import type { Span } from "./pieces.ts";
import { cutShort, damaged as damagedFile, unsupported } from "./refusals.ts";

/*
 * bzip2, after https://en.wikipedia.org/wiki/Bzip2 and bzip2's own decompress.c: Huffman codes of
 * move-to-front positions of a Burrows-Wheeler transform of run lengths. Recipes need it (restic
 * has no other format), and the decoders in the npm registry have defects: they hold the whole file
 * or a block of 46 MB as numbers, read truncated data as zeros, or do not limit a run.
 */

const blockMagic = [0x314159, 0x265359] as const;
const endMagic = [0x177245, 0x385090] as const;
/** Bytes of an empty stream. */
const smallest = 14;
/** Symbols per Huffman table before the next selector. */
const groupSize = 50;
/** Bytes per output piece, so that a block of 46 MB of zeros is never in memory at once. */
const pieceSize = 256 * 1024;

/** The decompressed bytes of one or more bzip2 streams in a part of a file, piece by piece. */
export function* bunzip(file: string, span: Span): Generator<Buffer> {
  const bits = openBits(file, span, () => cutShort("tar.bz2"));
  try {
    yield* readStream(bits);
    while (bits.left() > span.end - span.padding) {
      if (bits.left() < smallest) throw followed();
      yield* readStream(bits);
    }
  } finally {
    bits.close();
  }
}

function followed(): Error {
  return wrong("other data follows its end");
}

function damaged(): Error {
  return wrong("its data is inconsistent");
}

function wrong(why: string): Error {
  return damagedFile("tar.bz2", why);
}

function* readStream(bits: Bits): Generator<Buffer> {
  const isBzip = bits.read(24) === 0x425a68; // BZh
  const level = bits.read(8) - 0x30;
  if (!isBzip || level < 1 || level > 9) throw followed();
  const block = new Uint32Array(level * 100_000);
  let streamSum = 0;
  for (;;) {
    const magic = [bits.read(24), bits.read(24)];
    const isEnd = magic[0] === endMagic[0] && magic[1] === endMagic[1];
    if (!isEnd && (magic[0] !== blockMagic[0] || magic[1] !== blockMagic[1])) throw damaged();
    const claimed = ((bits.read(16) << 16) | bits.read(16)) >>> 0;
    if (isEnd) {
      if (claimed !== streamSum) throw wrong("a checksum is wrong");
      bits.align();
      return;
    }
    const sum = yield* readBlock(bits, block);
    if (claimed !== sum) throw wrong("a checksum is wrong");
    streamSum = (((streamSum << 1) | (streamSum >>> 31)) ^ sum) >>> 0;
  }
}

/** Yields one block's bytes and returns their checksum. */
function* readBlock(bits: Bits, block: Uint32Array): Generator<Buffer, number> {
  if (bits.read(1) === 1) throw unsupported("tar.bz2", "it was written by bzip2 before 0.9.5");
  const origin = bits.read(24);
  const symbols = readSymbols(bits);
  const tableCount = bits.read(3);
  if (tableCount < 2 || tableCount > 6) throw damaged();
  const selectors = readSelectors(bits, tableCount);
  const tables = Array.from({ length: tableCount }, () =>
    readTable(bits, symbols.length + 2, damaged),
  );
  const length = readBody(bits, block, symbols, selectors, tables);
  if (origin >= length) throw damaged();
  return yield* undoRuns(block, length, origin);
}

/** The byte values that occur in the block, in order. */
function readSymbols(bits: Bits): number[] {
  const ranges = bits.read(16);
  const symbols: number[] = [];
  for (let range = 0; range < 16; range += 1) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const present = bits.read(16);
    for (let low = 0; low < 16; low += 1) {
      if ((present & (0x8000 >> low)) !== 0) symbols.push(range * 16 + low);
    }
  }
  if (symbols.length === 0) throw damaged();
  return symbols;
}

function readSelectors(bits: Bits, tableCount: number): Uint8Array {
  const selectors = new Uint8Array(bits.read(15));
  const order = Array.from({ length: tableCount }, (_, i) => i);
  for (let i = 0; i < selectors.length; i += 1) {
    let at = 0;
    while (bits.read(1) === 1) {
      at += 1;
      if (at >= tableCount) throw damaged();
    }
    const [chosen = 0] = order.splice(at, 1);
    order.unshift(chosen);
    selectors[i] = chosen;
  }
  return selectors;
}

/** Fills the block with bytes and returns their number. */
function readBody(
  bits: Bits,
  block: Uint32Array,
  symbols: readonly number[],
  selectors: Uint8Array,
  tables: readonly Table[],
): number {
  const order = Uint8Array.from(symbols);
  const end = symbols.length + 1;
  let length = 0;
  let run = 0;
  let weight = 1;
  for (let count = 0; ; count += 1) {
    const selector = selectors[Math.floor(count / groupSize)];
    const table = selector === undefined ? undefined : tables[selector];
    if (table === undefined) throw damaged();
    const symbol = readSymbol(bits, table, damaged);
    if (symbol < 2) {
      run += weight * (symbol + 1);
      weight *= 2;
      if (length + run > block.length) throw damaged();
      continue;
    }
    if (run > 0) {
      block.fill(order[0] as number, length, length + run);
      length += run;
      run = 0;
      weight = 1;
    }
    if (symbol === end) return length;
    if (length === block.length) throw damaged();
    const byte = order[symbol - 1] as number;
    order.copyWithin(1, 0, symbol - 1);
    order[0] = byte;
    block[length++] = byte;
  }
}

/**
 * Inverts the transform and then the run lengths: four equal bytes are followed by a repeat count.
 */
function* undoRuns(block: Uint32Array, length: number, origin: number): Generator<Buffer, number> {
  linkBlock(block, length);
  let at = (block[origin] as number) >>> 8;
  let piece = Buffer.allocUnsafe(pieceSize);
  let used = 0;
  let sum = 0xffffffff;
  let equal = 0;
  let previous = -1;
  for (let i = 0; i < length; i += 1) {
    const entry = block[at] as number;
    const byte = entry & 0xff;
    at = entry >>> 8;
    const isCount = equal === 4;
    const copies = isCount ? byte : 1;
    const value = isCount ? previous : byte;
    equal = isCount ? 0 : byte === previous ? equal + 1 : 1;
    previous = isCount ? -1 : byte;
    if (used + copies > pieceSize) {
      yield piece.subarray(0, used);
      piece = Buffer.allocUnsafe(pieceSize);
      used = 0;
    }
    for (let n = 0; n < copies; n += 1) {
      piece[used++] = value;
      sum = ((sum << 8) ^ (sums[(sum >>> 24) ^ value] as number)) >>> 0;
    }
  }
  if (used > 0) yield piece.subarray(0, used);
  return ~sum >>> 0;
}

/** Stores in the upper 24 bits of each entry the position of the next byte. */
function linkBlock(block: Uint32Array, length: number): void {
  const starts = new Uint32Array(257);
  for (let i = 0; i < length; i += 1) {
    const after = (block[i] as number) + 1;
    starts[after] = (starts[after] as number) + 1;
  }
  for (let byte = 0; byte < 256; byte += 1) {
    starts[byte + 1] = (starts[byte + 1] as number) + (starts[byte] as number);
  }
  for (let i = 0; i < length; i += 1) {
    const byte = (block[i] as number) & 0xff;
    const place = starts[byte] as number;
    starts[byte] = place + 1;
    block[place] = (block[place] as number) | (i << 8);
  }
}

/** bzip2's CRC-32 has the most significant bit first, unlike zlib's. */
const sums = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1;
  return sum >>> 0;
});

/*
 * GNU's sparse files: only the parts that are not zeros are stored, with a map of their positions.
 * The map is in the header (the old format, `S`), in pax records (0.0 and 0.1) or before the data
 * (1.0). https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html
 */
import { type Extended, numberIn } from "./tar-header.ts";
import type { OpenFile } from "./tree.ts";

interface Segment {
  readonly offset: number;
  readonly length: number;
}

export interface SparseFile {
  /** Size of the whole file, including its holes. */
  readonly size: number;
  readonly segments: Segment[];
}

/** Segments in a header of the old format, and in each continuation block. */
const [inHeader, inBlock] = [4, 21];

/** The map in an old header; it continues in the next block if `isContinued`. */
export function readOldSparse(block: Buffer): SparseFile {
  const sparse = { size: numberIn(block, 483), segments: [] };
  addOldSegments(sparse, block, 386, inHeader);
  return sparse;
}

/** Adds the segments of a block that continues an old header's map. */
export function continueOldSparse(sparse: SparseFile, block: Buffer): void {
  addOldSegments(sparse, block, 0, inBlock);
}

/** Whether the map of an old header, or of a block that continues one, goes on in the next block. */
export function isContinued(block: Buffer, isHeader: boolean): boolean {
  return block[isHeader ? 482 : 504] !== 0;
}

function addOldSegments(sparse: SparseFile, block: Buffer, start: number, most: number): void {
  for (let at = start; at < start + most * 24 && block[at + 12] !== 0; at += 24) {
    sparse.segments.push({ offset: numberIn(block, at), length: numberIn(block, at + 12) });
  }
}

/** The map in pax records; `map-first` if it is before the data; undefined if there is none. */
export function readPaxSparse({ sparse }: Extended): SparseFile | "map-first" | undefined {
  const only = (key: string): string | undefined => sparse.get(key)?.[0];
  if (only("major") === "1") return "map-first";
  const size = Number(only("size") ?? only("realsize") ?? Number.NaN);
  const numbers = only("map")?.split(",").map(Number);
  if (numbers) return { size, segments: inPairs(numbers) };
  const offsets = sparse.get("offset");
  if (!offsets) return sparse.size > 0 ? { size, segments: [] } : undefined;
  const lengths = sparse.get("numbytes") ?? [];
  return {
    size,
    segments: inPairs(offsets.flatMap((one, i) => [Number(one), Number(lengths[i])])),
  };
}

/**
 * The map before the data, and its length in bytes; undefined if `bytes` do not contain all of it
 * yet.
 */
export function readFirstMap(
  { sparse }: Extended,
  bytes: Buffer,
): { file: SparseFile; length: number } | undefined {
  const text = bytes.toString("latin1");
  const count = Number(/^\d+(?=\n)/.exec(text)?.[0] ?? Number.NaN);
  const lines = text.split("\n", 2 * count + 2);
  if (!(lines.length > 2 * count + 1)) return undefined;
  const numbers = lines.slice(1, 2 * count + 1);
  const used = lines.slice(0, 2 * count + 1).reduce((sum, line) => sum + line.length + 1, 0);
  const size = Number(sparse.get("realsize")?.[0] ?? Number.NaN);
  const segments = inPairs(numbers.map((line) => (/^\d+$/.test(line) ? Number(line) : Number.NaN)));
  return { file: { size, segments }, length: Math.ceil(used / 512) * 512 };
}

function inPairs(numbers: readonly number[]): Segment[] {
  const pairs: Segment[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    pairs.push({ offset: numbers[i] as number, length: numbers[i + 1] ?? Number.NaN });
  }
  return pairs;
}

/** False if the segments overlap, do not match what is stored, or exceed the file. */
export function isSound({ size, segments }: SparseFile, stored: number): boolean {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of segments) {
    if (!(offset >= end && length >= 0)) return false;
    end = offset + length;
    sum += length;
  }
  return sum === stored && end <= size && Number.isSafeInteger(size);
}

const zeros = Buffer.alloc(64 * 1024);

/** A file that receives the stored parts and also writes the holes. */
export function withHoles(file: OpenFile, { size, segments }: SparseFile): OpenFile {
  const ahead = [...segments].reverse();
  let at = 0;
  const fill = (end: number): void => {
    for (; at < end; at += Math.min(zeros.length, end - at)) {
      file.write(zeros.subarray(0, Math.min(zeros.length, end - at)));
    }
  };
  const write: OpenFile["write"] = (chunk) => {
    for (let done = 0; done < chunk.length; ) {
      const { offset, length } = ahead.at(-1) as Segment; // a valid map covers every byte
      fill(Math.max(offset, at));
      const part = chunk.subarray(done, done + offset + length - at);
      if (part.length > 0) file.write(part);
      at += part.length;
      done += part.length;
      if (at === offset + length) ahead.pop();
    }
  };
  return {
    write,
    writeAside(chunk) {
      write(chunk);
      return undefined;
    },
    close() {
      fill(size);
      file.close();
    },
  };
}

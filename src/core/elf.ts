import type { Arch } from "./platform.ts";

/** The fields of a 64-bit ELF file that the loader uses. */
export interface Elf {
  /** e_machine: see `archOfMachine`. */
  readonly machine: number;
  /** The loader that it requests: programs have one, libraries seldom. */
  readonly interpreter?: string;
  readonly soname?: string;
  /** Names of the required libraries, in order. */
  readonly needed: readonly string[];
}

/** The processor of an ELF file; undefined if no program of ours runs on it. */
export function archOfMachine(machine: number | undefined): Arch | undefined {
  return machine === 62 ? "x64" : machine === 183 ? "arm64" : undefined;
}

/** Reads `length` bytes from an offset; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Buffer;

const headerLength = 64;
const programHeaderLength = 56;
const segment = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tag = { end: 0, needed: 1, strings: 5, soname: 14 } as const;
const maxSegments = 128;
const maxDynamic = 64 * 1024;
/** No file system allows longer names. */
const maxName = 256;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/**
 * Reads an ELF file by its program headers, as the loader does; section headers may be stripped.
 * Undefined if it is not a 64-bit little-endian ELF file or its tables are damaged. Sizes that the
 * file claims are never allocated.
 */
export function readElf(read: ReadAt): Elf | undefined {
  const header = read(0, headerLength);
  if (header.length < headerLength || header.readUInt32BE(0) !== 0x7f454c46) return undefined;
  if (header[4] !== 2 || header[5] !== 1) return undefined;
  const segments = readSegments(header, read);
  if (!segments) return undefined;
  const machine = header.readUInt16LE(18);
  const asked = segments.find(({ type }) => type === segment.interpreter);
  const interpreter = asked && readName(read, asked.offset);
  const dynamic = segments.find(({ type }) => type === segment.dynamic);
  const common = { machine, ...(interpreter === undefined ? {} : { interpreter }) };
  return dynamic ? readDynamic(dynamic, segments, read, common) : { ...common, needed: [] };
}

function readSegments(header: Buffer, read: ReadAt): Segment[] | undefined {
  const count = header.readUInt16LE(56);
  if (header.readUInt16LE(54) !== programHeaderLength || count > maxSegments) return undefined;
  const table = read(number(header, 32), count * programHeaderLength);
  if (table.length < count * programHeaderLength) return undefined;
  return Array.from({ length: count }, (_, i) => {
    const entry = table.subarray(i * programHeaderLength);
    return {
      type: entry.readUInt32LE(0),
      offset: number(entry, 8),
      address: number(entry, 16),
      size: number(entry, 32),
    };
  });
}

function readDynamic(
  { offset, size }: Segment,
  segments: readonly Segment[],
  read: ReadAt,
  common: Pick<Elf, "machine" | "interpreter">,
): Elf | undefined {
  const table = read(offset, Math.min(size, maxDynamic));
  const entries: [kind: number, value: number][] = [];
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const kind = number(table, at);
    if (kind === tag.end) break;
    entries.push([kind, number(table, at + 8)]);
  }
  const address = entries.find(([kind]) => kind === tag.strings)?.[1];
  const strings = address === undefined ? undefined : placeOf(address, segments);
  const nameAt = (value: number) =>
    strings === undefined ? undefined : readName(read, strings + value);
  const needed = entries.filter(([kind]) => kind === tag.needed).map(([, at]) => nameAt(at));
  if (!needed.every((name) => name !== undefined)) return undefined;
  const named = entries.find(([kind]) => kind === tag.soname);
  const soname = named && nameAt(named[1]);
  return { ...common, ...(soname === undefined ? {} : { soname }), needed };
}

/** The file offset of an address of the running program. */
function placeOf(address: number, segments: readonly Segment[]): number | undefined {
  const holder = segments.find(
    (each) =>
      each.type === segment.load && address >= each.address && address < each.address + each.size,
  );
  return holder && address - holder.address + holder.offset;
}

function readName(read: ReadAt, offset: number): string | undefined {
  const bytes = read(offset, maxName);
  const end = bytes.indexOf(0);
  return end > 0 ? bytes.toString("latin1", 0, end) : undefined;
}

/** Numbers beyond any file size become an offset that reads nothing. */
function number(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

/**
 * Zips byte by byte, with whatever their records can be made to say.
 *
 *   const bytes = zipBytes([{ name: "../out", body: "x" }], { prefix: Buffer.from("MZ") });
 */
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipFields {
  readonly name: string | Buffer;
  readonly body?: string | Buffer;
  /** The body packed, instead of packing it. */
  readonly packed?: Buffer;
  /** Unix mode with type bits. */
  readonly mode?: number;
  readonly flags?: number;
  /** The system that it was made on: 3 (Unix) where none is named, 0 for DOS and Windows. */
  readonly host?: number;
  /** Attributes of DOS; 0x10 is a directory. */
  readonly dos?: number;
  /** 8, deflated, where none is named. */
  readonly method?: number;
  /** What stands in the local header instead. */
  readonly localName?: string | Buffer;
  readonly localMethod?: number;
  readonly localExtra?: Buffer;
  readonly localClaims?: { size: number; packed: number; crc: number };
  /** The sizes and the checksum once more, behind the content. */
  readonly descriptor?: boolean;
  /** What the directory says instead of the truth. */
  readonly claims?: { size?: number; packed?: number; crc?: number; offset?: number };
  /** Extra field of the directory. */
  readonly extra?: Buffer;
}

export interface ZipFrame {
  /** Bytes before everything, which no offset counts. */
  readonly prefix?: Buffer;
  /** Bytes between the contents and the directory. */
  readonly gap?: Buffer;
  readonly comment?: Buffer;
  /** Bytes behind everything. */
  readonly behind?: Buffer;
  /** Offsets count the bytes before the zip. */
  readonly isAdjusted?: boolean;
  /** What the end record says instead of the truth. */
  readonly claims?: {
    count?: number;
    length?: number;
    start?: number;
    disk?: number;
    comment?: number;
  };
  /** Records between the directory and its end, such as those of zip64. */
  readonly before?: (start: number, length: number) => Buffer;
}

export function zipBytes(entries: readonly ZipFields[], frame: ZipFrame = {}): Buffer {
  const contents: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = frame.isAdjusted ? (frame.prefix?.length ?? 0) : 0;
  for (const entry of entries) {
    const local = localPart(entry);
    contents.push(local);
    centrals.push(centralPart(entry, offset));
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const { prefix = Buffer.alloc(0), gap = Buffer.alloc(0), comment = Buffer.alloc(0) } = frame;
  const { count = entries.length, length = directory.length, disk = 0 } = frame.claims ?? {};
  const start = offset + gap.length;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(disk, 4);
  end.writeUInt16LE(disk, 6);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(frame.claims?.start ?? start, 16);
  end.writeUInt16LE(frame.claims?.comment ?? comment.length, 20);
  const before = frame.before?.(start, directory.length) ?? Buffer.alloc(0);
  const { behind = Buffer.alloc(0) } = frame;
  return Buffer.concat([prefix, ...contents, gap, directory, before, end, comment, behind]);
}

/** The end records of zip64, with what they claim. */
export function zip64End(claims: {
  count: bigint;
  length: bigint;
  start: bigint;
  at: bigint;
}): Buffer {
  const end = Buffer.alloc(56);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeBigUInt64LE(claims.count, 24);
  end.writeBigUInt64LE(claims.count, 32);
  end.writeBigUInt64LE(claims.length, 40);
  end.writeBigUInt64LE(claims.start, 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(claims.at, 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([end, locator]);
}

/** The extra field with a name in UTF-8, which holds for the name `old`. */
export function unicodePath(old: Buffer, name: string): Buffer {
  const field = Buffer.alloc(9);
  field.writeUInt16LE(0x7075, 0);
  field.writeUInt16LE(5 + Buffer.byteLength(name), 2);
  field.writeUInt8(1, 4);
  field.writeUInt32LE(crc32(old), 5);
  return Buffer.concat([field, Buffer.from(name)]);
}

/** The extra field with 64-bit numbers. */
export function zip64Extra(...numbers: bigint[]): Buffer {
  const field = Buffer.alloc(4 + numbers.length * 8);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(numbers.length * 8, 2);
  numbers.forEach((number, i) => {
    field.writeBigUInt64LE(number, 4 + i * 8);
  });
  return field;
}

function packedOf({ body = "", method = 8, packed }: ZipFields): Buffer {
  if (packed) return packed;
  return method === 8 ? deflateRawSync(body) : Buffer.from(body);
}

function common(entry: ZipFields, name: Buffer, extra: Buffer, method: number): Buffer {
  const body = Buffer.from(entry.body ?? "");
  const { crc = crc32(body), size = body.length } = entry.claims ?? {};
  const part = Buffer.alloc(26);
  part.writeUInt16LE(20, 0);
  part.writeUInt16LE(entry.flags ?? 0, 2);
  part.writeUInt16LE(method, 4);
  part.writeUInt32LE(crc, 10);
  part.writeUInt32LE(entry.claims?.packed ?? packedOf(entry).length, 14);
  part.writeUInt32LE(size, 18);
  part.writeUInt16LE(name.length, 22);
  part.writeUInt16LE(extra.length, 24);
  return part;
}

function localPart(entry: ZipFields): Buffer {
  const name = Buffer.from(entry.localName ?? entry.name);
  const extra = entry.localExtra ?? Buffer.alloc(0);
  const method = entry.localMethod ?? entry.method ?? 8;
  const claims = entry.localClaims ?? entry.claims;
  const fields = common({ ...entry, ...(claims && { claims }) }, name, extra, method);
  const behind = entry.descriptor ? descriptorOf(entry) : Buffer.alloc(0);
  return Buffer.concat([Buffer.from("PK\x03\x04"), fields, name, extra, packedOf(entry), behind]);
}

function descriptorOf(entry: ZipFields): Buffer {
  const body = Buffer.from(entry.body ?? "");
  const part = Buffer.alloc(16);
  part.write("PK\x07\x08", "latin1");
  part.writeUInt32LE(crc32(body), 4);
  part.writeUInt32LE(packedOf(entry).length, 8);
  part.writeUInt32LE(body.length, 12);
  return part;
}

function centralPart(entry: ZipFields, offset: number): Buffer {
  const name = Buffer.from(entry.name);
  const extra = entry.extra ?? Buffer.alloc(0);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE((((entry.mode ?? 0o100644) << 16) | (entry.dos ?? 0)) >>> 0, 6);
  rest.writeUInt32LE(entry.claims?.offset ?? offset, 10);
  const fields = common(entry, name, extra, entry.method ?? 8);
  const start = Buffer.from([0x50, 0x4b, 1, 2, 20, entry.host ?? 3]);
  return Buffer.concat([start, fields, rest, name, extra]);
}

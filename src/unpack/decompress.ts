import { UserError } from "../core/errors.ts";
import type { ArchiveFormat } from "../core/recipe.ts";
import { readPieces, statSync } from "../io/disk.ts";
import { fileError } from "../io/files.ts";
import { bunzip } from "./bunzip.ts";
import { inflate } from "./inflate.ts";
import { piecesOf, type Span } from "./pieces.ts";
import { cutShort, damaged, otherFormat } from "./refusals.ts";
import { unxz } from "./unxz.ts";
import { unzstd } from "./unzstd.ts";

/**
 * The decompressed bytes of a file or a part of it, piece by piece; each piece is valid only until
 * the next one is requested. Throws a UserError of ./refusals.ts if the data is truncated, damaged,
 * in another format, or followed by other data (line ends and zeros are allowed): the output is
 * unverified until the last byte.
 */
export async function* decompressed(
  file: string,
  format: ArchiveFormat,
  part: Part = { start: 0 },
): AsyncGenerator<Buffer> {
  const decoder = decoders[format];
  try {
    const { span, head } = locate(file, part);
    if (decoder && !decoder.begins(head.toString("latin1"))) throw otherFormat(format, head);
    yield* decoder ? decoder.decode(file, span) : piecesOf(file, span);
  } catch (cause) {
    throw errorOf(file, format, cause);
  }
}

/** From `start` to `end`; the default is the end of the file. */
export interface Part {
  readonly start: number;
  readonly end?: number;
}

interface Decoder {
  /** Whether a file of the format begins like this. */
  readonly begins: (head: string) => boolean;
  readonly decode: (file: string, span: Span) => AsyncIterable<Buffer>;
}

const gzip: Decoder = { begins: (head) => head.startsWith("\x1f\x8b"), decode: gunzip };
const bzip2: Decoder = { begins: (head) => /^BZh[1-9]/.test(head), decode: unbzip };
const xz: Decoder = { begins: (head) => head.startsWith("\xfd7zXZ\0"), decode: unxz };
const zstd: Decoder = {
  // pzstd begins with a skippable frame.
  begins: (head) => head.startsWith("\x28\xb5\x2f\xfd") || head.startsWith("*M\x18", 1),
  decode: unzstd,
};
const decoders: Partial<Record<ArchiveFormat, Decoder>> = {
  "tar.gz": gzip,
  gz: gzip,
  "tar.bz2": bzip2,
  bz2: bzip2,
  "tar.xz": xz,
  "tar.zst": zstd,
};

/** Bytes at the end that may be padding. */
const maxPadding = 4096;

/** The position of the data, and its first bytes. */
function locate(
  file: string,
  { start, end = statSync(file).size }: Part,
): { span: Span; head: Buffer } {
  return readPieces(file, (read) => {
    const from = Math.max(start, end - maxPadding);
    const tail = read(from, Math.max(0, end - from));
    const padded = /[\0\t\n\r ]*$/.exec(tail.toString("latin1"))?.[0].length ?? 0;
    const head = read(start, Math.max(0, Math.min(512, end - start)));
    return { span: { start, end, padding: end - padded }, head };
  });
}

function gunzip(file: string, { start, end, padding }: Span): AsyncIterable<Buffer> {
  return inflate(
    "gzip",
    piecesOf(file, { start, end: padding }),
    piecesOf(file, { start: padding, end }),
  );
}

/** Block by block, yielding to the event loop in between, because it is all JavaScript. */
async function* unbzip(file: string, span: Span): AsyncGenerator<Buffer> {
  for (const piece of bunzip(file, span)) {
    yield piece;
    await new Promise(setImmediate);
  }
}

function errorOf(file: string, format: ArchiveFormat, cause: unknown): unknown {
  if (cause instanceof UserError || !(cause instanceof Error)) return cause;
  const { code = "", syscall } = cause as NodeJS.ErrnoException;
  if (syscall !== undefined) return fileError("read", file, cause);
  if (code === "Z_BUF_ERROR") return cutShort(format, cause);
  if (code.startsWith("Z_") || code.startsWith("ZSTD_"))
    return damaged(format, cause.message, cause);
  return cause;
}

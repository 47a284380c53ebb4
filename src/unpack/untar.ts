import type { Header } from "tar/header";
import type { ArchiveFormat } from "../core/recipe.ts";
import { cutShort, damaged, otherFormat, refusal, refuseEntry } from "./refusals.ts";
import {
  type Body,
  type Entry,
  maxMeta,
  type Reader,
  setBody,
  takeFile,
  takeOldSparse,
} from "./tar-files.ts";
import { bodySize, type Extended, numberIn, pathIn, readPax, textOf } from "./tar-header.ts";
import type { Limits, TreeWriter } from "./tree.ts";

const blockSize = 512;
/**
 * Unpacks a tar; `format` is its name in messages. node-tar decodes the headers; its parser is not
 * used, because it loses its position after sparse files and rejects unusual hard links, names and
 * ends. Throws a UserError of ./refusals.ts.
 */
export async function untar(
  bytes: AsyncIterable<Buffer>,
  format: ArchiveFormat,
  tree: TreeWriter,
): Promise<void> {
  const { Header } = await import("tar/header");
  const reader = startReader(format, tree, (block) => new Header(block));
  for await (const blocks of inBlocks(bytes, format, tree.limits)) await reader.write(blocks);
  reader.end();
}

/**
 * Whole blocks; the last one is filled with zeros. A tar of only names, or with data after its end,
 * writes no file that a limit could stop, so bytes are counted here, too.
 */
export async function* inBlocks(
  bytes: AsyncIterable<Buffer>,
  format: ArchiveFormat,
  limits: Limits,
): AsyncGenerator<Buffer> {
  const most = limits.bytes + limits.entries * 4 * blockSize;
  let total = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    total += chunk.length;
    if (total > most) {
      throw refusal("too large", `the ${format} file unpacks to more than ${limits.bytes} bytes`);
    }
    const held = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = held.length - (held.length % blockSize);
    if (whole > 0) yield held.subarray(0, whole);
    rest = Buffer.from(held.subarray(whole)); // the next chunk may overwrite this one
  }
  if (total === 0) throw otherFormat(format, rest);
  if (rest.length > 0) yield rest;
}

function startReader(
  format: ArchiveFormat,
  tree: TreeWriter,
  decode: Reader["decode"],
): { write(blocks: Buffer): Promise<void> | undefined; end(): void } {
  const state = { extended: undefined, body: undefined, more: undefined, isFirst: true, zeros: 0 };
  const reader: Reader = { format, tree, decode, ...state };
  return {
    write(blocks) {
      const { body } = reader;
      if (body?.writeAside && body.left > blocks.length) {
        body.left -= blocks.length;
        return body.writeAside(blocks);
      }
      for (let at = 0; at < blocks.length && reader.zeros < 2; ) {
        if (reader.body) at += takeBody(reader, reader.body, blocks.subarray(at));
        else {
          takeBlock(reader, blocks.subarray(at, at + blockSize));
          at += blockSize;
        }
      }
      return undefined;
    },
    end() {
      // An extended header that nothing follows: the entry that it describes is missing.
      if (reader.body || reader.more || reader.extended) throw cutShort(format);
    },
  };
}

/** Returns how many bytes were consumed: blocks, or the rest of the last one. */
function takeBody(reader: Reader, body: Body, bytes: Buffer): number {
  const part = bytes.subarray(0, Math.min(body.left, bytes.length));
  body.left -= part.length;
  body.write(part);
  if (body.left === 0) {
    reader.body = undefined;
    body.end();
  }
  return Math.ceil(part.length / blockSize) * blockSize;
}

function takeBlock(reader: Reader, block: Buffer): void {
  if (reader.more) reader.more(block);
  else if (block.every((byte) => byte === 0)) reader.zeros += 1;
  else if (block.length < blockSize && !reader.isFirst) throw cutShort(reader.format);
  else {
    reader.zeros = 0;
    takeHeader(reader, block, decodeHeader(reader, block));
  }
  reader.isFirst = false;
}

function decodeHeader({ decode, format, isFirst }: Reader, block: Buffer): Header {
  let header: Header | undefined;
  try {
    header = decode(block);
  } catch {
    // Numbers that are too large for JavaScript.
  }
  if (header?.cksumValid) return header;
  throw isFirst ? otherFormat(format, block) : damaged(format, "the checksum of a header is wrong");
}

function takeHeader(reader: Reader, block: Buffer, header: Header): void {
  const type = block[156] === 0 ? "0" : String.fromCharCode(block[156] as number);
  if (/[xXgLKVIA]/.test(type)) takeMeta(reader, type, block);
  else takeEntry(reader, type, block, header);
}

function takeEntry(reader: Reader, type: string, block: Buffer, header: Header): void {
  const { extended, tree } = reader;
  reader.extended = undefined;
  const path = extended?.path ?? pathIn(block);
  // By the whole path: the first 100 bytes of a long one, which node-tar goes by, may end with a slash.
  const isDirectory = type === "5" || (type === "0" && path.endsWith("/"));
  const left = bodySize(type, isDirectory, block, extended);
  if (!Number.isSafeInteger(left) || left < 0) {
    refuseEntry("damaged", path, "has an invalid size");
  }
  const entry: Entry = { path, left, mode: header.mode ?? 0o644, extended };
  if (isDirectory || type === "D") {
    tree.directory(path);
    setBody(reader, { left, write: () => {}, end: () => {} });
  } else if (type === "0" || type === "7") takeFile(reader, entry);
  else if (type === "S") takeOldSparse(reader, entry, block);
  else takeOther(type, tree, path, extended?.linkpath ?? textOf(block.subarray(157, 257)));
}

function takeOther(type: string, tree: TreeWriter, path: string, target: string): void {
  if (type === "1") tree.hardlink(path, target);
  else if (type === "2") tree.symlink(path, target);
  else {
    const known: Record<string, string> = {
      "3": "a character device",
      "4": "a block device",
      "6": "a named pipe",
      M: "the rest of a file that begins in another volume",
    };
    const what = known[type] ?? `of the type ${JSON.stringify(type)}`;
    refuseEntry("unsupported", path, `is ${what}, which is not supported`);
  }
}

/** Entries without a file: extended headers are kept for the next entry, labels are skipped. */
function takeMeta(reader: Reader, type: string, block: Buffer): void {
  const left = numberIn(block, 124);
  if (!(left <= maxMeta)) {
    refuseEntry("too large", pathIn(block), `is an extended header of ${left} bytes`);
  }
  const parts: Buffer[] = [];
  setBody(reader, {
    left,
    write: (chunk) => parts.push(Buffer.from(chunk)),
    end: () => endMeta(reader, type, Buffer.concat(parts)),
  });
}

function endMeta(reader: Reader, type: string, body: Buffer): void {
  const known: Extended = reader.extended ?? { sparse: new Map() };
  if (type === "L") reader.extended = { ...known, path: textOf(body) };
  else if (type === "K") reader.extended = { ...known, linkpath: textOf(body) };
  else if (/[xX]/.test(type)) {
    reader.extended = readPax(body, known);
    if (!reader.extended) throw damaged(reader.format, "an extended header has no records");
  }
  // Global headers (comments, owners, times) are not used.
}

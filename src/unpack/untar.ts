import type { ReadEntry } from "tar";
import { UserError } from "../core/errors.ts";
import type { ArchiveFormat } from "../core/recipe.ts";
import { broken } from "./broken.ts";
import type { Limits, OpenFile, TreeWriter } from "./tree.ts";

const blockSize = 512;

/** Unpacks a tar's bytes, of which `format` is the name in messages. */
export async function untar(
  bytes: AsyncIterable<Buffer>,
  format: ArchiveFormat,
  tree: TreeWriter,
): Promise<void> {
  const { Parser } = await import("tar/parse");
  // Strict: what node-tar would skip with a warning (a wrong checksum, half a file) is an error.
  const parser = new Parser({ strict: true, zstd: false, brotli: false });
  let ended = false;
  let sparse = false;
  parser.on("entry", (entry: ReadEntry) => {
    if (sparse) tree.refuse(entry.path, "is a sparse file, which is not taken");
    unpackEntry(entry, tree);
  });
  parser.on("ignoredEntry", (entry: ReadEntry) => refuseKind(entry, tree));
  // GNU tar's newer sparse files are plain ones to whoever does not know the keys.
  parser.on("meta", (text: string) => {
    sparse ||= /^\d+ GNU\.sparse\./m.test(text);
  });
  parser.on("eof", () => {
    ended = true;
  });
  try {
    for await (const blocks of inBlocks(bytes, format, tree.limits)) {
      // Behind its end node-tar would keep everything in memory.
      if (ended) continue;
      if (blocks.length % blockSize !== 0) throw broken(format, "it is cut short");
      parser.write(blocks);
    }
    parser.end();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const why = (cause as Error).message.replace(/^TAR_\w+: /, "");
    throw broken(format, why.startsWith("Truncated") ? "it is cut short" : why, cause);
  }
}

/**
 * Whole blocks, and last what is left. A tar of nothing but names, or with anything behind its end, writes no file that a
 * limit could stop, so that what it unpacks to is counted here too.
 */
async function* inBlocks(
  bytes: AsyncIterable<Buffer>,
  format: ArchiveFormat,
  limits: Limits,
): AsyncGenerator<Buffer> {
  const most = limits.bytes + limits.entries * 4 * blockSize;
  let total = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const first = total < blockSize;
    total += chunk.length;
    if (total > most) throw broken(format, `it unpacks to more than ${limits.bytes} bytes`);
    const held = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (first && held.length >= 2 && held.readUInt16BE(0) === 0x1f8b) {
      // node-tar would unpack it once more, a thousandfold at a time in memory.
      throw broken(format, "there is another compressed file in it");
    }
    const whole = held.length - (held.length % blockSize);
    if (whole > 0) yield held.subarray(0, whole);
    rest = Buffer.from(held.subarray(whole)); // the next chunk may be written over this one
  }
  if (rest.length > 0) yield rest;
}

/** Everything happens inside of the parser's `write`, so that an error ends it then and there. */
function unpackEntry(entry: ReadEntry, tree: TreeWriter): void {
  let file: OpenFile | undefined;
  if (entry.header.size === undefined) tree.refuse(entry.path, "has a size that is no size");
  switch (entry.type) {
    case "File":
    case "OldFile":
    case "ContiguousFile":
      file = tree.file(entry.path, entry.mode ?? 0o644);
      break;
    case "Directory":
    case "GNUDumpDir":
      tree.directory(entry.path);
      break;
    case "SymbolicLink":
      tree.symlink(entry.path, entry.linkpath ?? "");
      break;
    case "Link":
      tree.hardlink(entry.path, entry.linkpath ?? "");
      break;
    default:
      refuseKind(entry, tree);
  }
  entry.on("data", (chunk: Buffer) => file?.write(chunk));
  entry.on("end", () => file?.close());
  entry.resume();
}

function refuseKind(entry: ReadEntry, tree: TreeWriter): never {
  return tree.refuse(entry.path, `is a ${entry.type}, which is not taken`);
}

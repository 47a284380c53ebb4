import { chmod, rename } from "node:fs/promises";
import { join } from "node:path";
import type { ReadEntry } from "tar";
import { UserError } from "../core/errors.ts";
import type { ArchiveFormat } from "../core/recipe.ts";
import { fileError } from "../io/files.ts";
import { broken, decompressed } from "./decompress.ts";
import { type Limits, type OpenFile, type TreeWriter, treeWriter } from "./tree.ts";
import { unzip } from "./unzip.ts";

export interface ExtractRequest {
  /** Absolute. A `raw` one is moved into the tree: a program may have hundreds of megabytes. */
  readonly file: string;
  readonly format: ArchiveFormat;
  /** Absolute; an existing directory without anything that the archive has. */
  readonly into: string;
  /** Leading path components to drop; what has no more than those is dropped whole. */
  readonly strip: number;
  /** Where a `raw` or `gz` program goes, relative to `into`; becomes executable. */
  readonly rawPath?: string;
  readonly limits: Limits;
}

/**
 * What a download of so many bytes may unpack to. Real releases unpack to 2 to 12 times their size,
 * so that 50 times is generous, and a small archive may at worst fill 1 GiB. The largest real tree (a
 * JavaScript closure, a Go toolchain) has some 20,000 entries.
 */
export function limitsFor(downloadSize: number): Limits {
  return { bytes: Math.max(1024 ** 3, 50 * downloadSize), entries: 200_000 };
}

/**
 * Unpacks a verified file. Modes become 0755 or 0644 whatever the archive and the umask say; owners,
 * times and attributes are not kept. What is hostile, broken or unsupported is refused whole with a
 * UserError (`integrity`) that names the entry; the caller discards the tree.
 */
export async function extract(request: ExtractRequest): Promise<void> {
  const { file, format, into, strip, limits } = request;
  const isProgram = format === "raw" || format === "gz";
  const tree = treeWriter(into, isProgram ? 0 : strip, limits);
  try {
    if (format === "raw") await place(request, tree);
    else if (format === "gz") await expand(request, tree);
    else if (format === "zip") await unzip(file, tree);
    else await untar(request, tree);
    tree.finish();
  } finally {
    tree.close();
  }
}

async function place(request: ExtractRequest, tree: TreeWriter): Promise<void> {
  const name = programPath(request);
  const path = join(request.into, name);
  tree.file(name, 0o755)?.close(); // makes the directories above it
  try {
    await rename(request.file, path);
    await chmod(path, 0o755);
  } catch (cause) {
    throw fileError("write", path, cause);
  }
}

async function expand(request: ExtractRequest, tree: TreeWriter): Promise<void> {
  const program = tree.file(programPath(request), 0o755);
  for await (const chunk of decompressed(request.file, "gz")) program?.write(chunk);
  program?.close();
}

function programPath(request: ExtractRequest): string {
  if (request.rawPath !== undefined) return request.rawPath;
  throw new Error(`${request.format} needs a path`);
}

async function untar(request: ExtractRequest, tree: TreeWriter): Promise<void> {
  const { Parser } = await import("tar/parse");
  const bytes = decompressed(request.file, request.format);
  // Strict: what node-tar would skip with a warning (a wrong checksum, half a file) is an error.
  const parser = new Parser({ strict: true, zstd: false, brotli: false });
  parser.on("entry", (entry: ReadEntry) => unpackEntry(entry, tree));
  parser.on("ignoredEntry", (entry: ReadEntry) => refuseKind(entry, tree));
  try {
    for await (const chunk of bytes) parser.write(chunk);
    parser.end();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const why = (cause as Error).message.replace(/^TAR_\w+: /, "");
    throw broken(request.format, why, cause);
  }
}

/** Everything happens inside of the parser's `write`, so that an error ends it then and there. */
function unpackEntry(entry: ReadEntry, tree: TreeWriter): void {
  let file: OpenFile | undefined;
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

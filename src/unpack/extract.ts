import { join } from "node:path";
import pLimit from "p-limit";
import { UserError } from "../core/errors.ts";
import { type ArchiveFormat, isPlainFormat } from "../core/recipe.ts";
import { fileError, moveOnto } from "../io/files.ts";
import { makeExecutable } from "../io/volume/modes.ts";
import type { WrittenDigests } from "../io/volume/tree-list.ts";
import { decompressed } from "./decompress.ts";
import { unpackNpm } from "./npm-package.ts";
import { type Limits, type TreeWriter, treeWriter } from "./tree.ts";
import { untar } from "./untar.ts";
import { unzip } from "./unzip.ts";

/** Each extraction has almost a megabyte of buffers; three keep two cores busy. */
const atOnce = pLimit(3);

export interface ExtractRequest {
  /**
   * Absolute. A `raw` file is moved into the tree, because a program may have hundreds of
   * megabytes.
   */
  readonly file: string;
  /**
   * `npm`: a package's tarball, compressed or not, of which npm unpacks only some entries; `wheel`:
   * a zip in which links are unpacked as files, as in pip.
   */
  readonly format: ArchiveFormat | "npm" | "wheel";
  /** Absolute; an existing directory without any of the archive's entries. */
  readonly into: string;
  /** Leading path components to drop; an entry with no other components is dropped. */
  readonly strip: number;
  /** Directories of an `npm` package that other packages fill. */
  readonly without?: readonly string[];
  /** The path of a `raw`, `gz` or `bz2` program, relative to `into`; it becomes executable. */
  readonly rawPath?: string | undefined;
  readonly limits: Limits;
  /** Collects the digest of each file. */
  readonly written?: WrittenDigests;
  /** Aborts before the next file or piece. */
  readonly signal?: AbortSignal | undefined;
  /** Called with notes about entries that were left out, such as links to system files. */
  readonly onNote?: ((message: string) => void) | undefined;
}

/**
 * The limits for a download of this size. Real releases unpack to 2 to 12 times their size, so 50
 * times is generous, and a small archive can fill at most 1 GiB. The largest real tree (a
 * JavaScript closure, a Go toolchain) has some 20,000 entries, each a few compressed kilobytes.
 */
export function limitsFor(downloadSize: number): Limits {
  return {
    bytes: Math.max(1024 ** 3, 50 * downloadSize),
    entries: 50_000 + Math.floor(downloadSize / 1000),
  };
}

/**
 * Unpacks a verified file. Modes become 0777 or 0666, reduced by the umask; owners, times and
 * attributes are not kept. A hostile, damaged or unsupported archive is rejected with a UserError
 * of ./refusals.ts that names the entry; the caller discards the tree.
 */
export async function extract(request: ExtractRequest): Promise<void> {
  await atOnce(() => unpack(request));
}

async function unpack(request: ExtractRequest): Promise<void> {
  const { file, format, into, strip, limits, written } = request;
  const isProgram = format !== "npm" && format !== "wheel" && isPlainFormat(format);
  const writer = treeWriter(into, isProgram || format === "npm" ? 0 : strip, limits, written);
  const tree = request.signal ? heeding(request.signal, writer) : writer;
  try {
    if (format === "raw") await place(request, tree);
    else if (format === "npm") await unpackNpm(file, tree, request);
    else if (format === "wheel") await unzip(file, withoutLinks(tree));
    else if (isProgram) await expand(request, format, tree);
    else if (format === "zip") await unzip(file, tree);
    else await untar(decompressed(file, format), format, tree);
    tree.finish();
    if (tree.skipped.length > 0) request.onNote?.(noteOf(tree.skipped));
  } finally {
    tree.close();
  }
}

/** Every format writes through this; it stops on the signal between pieces. */
function heeding(signal: AbortSignal, tree: TreeWriter): TreeWriter {
  const file: TreeWriter["file"] = (path, mode) => {
    signal.throwIfAborted();
    const opened = tree.file(path, mode);
    if (!opened) return undefined;
    const write: typeof opened.write = (chunk) => {
      signal.throwIfAborted();
      opened.write(chunk);
    };
    const writeAside: typeof opened.writeAside = (chunk) => {
      signal.throwIfAborted();
      return opened.writeAside(chunk);
    };
    return { write, writeAside, close: () => opened.close() };
  };
  return { ...tree, file };
}

function withoutLinks(tree: TreeWriter): TreeWriter {
  const symlink: TreeWriter["symlink"] = (path, target) => {
    const file = tree.file(path, 0o644);
    file?.write(Buffer.from(target));
    file?.close();
  };
  return { ...tree, symlink };
}

const maxNoted = 3;

function noteOf(skipped: readonly string[]): string {
  const more = skipped.length > maxNoted ? `, and ${skipped.length - maxNoted} more` : "";
  return `left out of the archive: ${skipped.slice(0, maxNoted).join(", ")}${more}`;
}

async function place(request: ExtractRequest, tree: TreeWriter): Promise<void> {
  const name = programPath(request);
  const path = join(request.into, name);
  tree.file(name, 0o755)?.close(); // creates its parent directories
  try {
    moveOnto(request.file, path);
    makeExecutable(path);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw fileError("write", path, cause);
  }
}

async function expand(
  request: ExtractRequest,
  format: ArchiveFormat,
  tree: TreeWriter,
): Promise<void> {
  const program = tree.file(programPath(request), 0o755);
  for await (const chunk of decompressed(request.file, format)) await program?.writeAside(chunk);
  program?.close();
}

function programPath(request: ExtractRequest): string {
  if (request.rawPath !== undefined) return request.rawPath;
  throw new Error(`${request.format} needs a path`);
}

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

/** Each has most of a megabyte of buffers while it is unpacked; this many keep two processors busy. */
const atOnce = pLimit(3);

export interface ExtractRequest {
  /** Absolute. A `raw` one is moved into the tree: a program may have hundreds of megabytes. */
  readonly file: string;
  /**
   * `npm`: a package's tarball, compressed or not, of which npm takes only some entries; `wheel`: a zip
   * in which what is called a link is a file, as pip has it.
   */
  readonly format: ArchiveFormat | "npm" | "wheel";
  /** Absolute; an existing directory without anything that the archive has. */
  readonly into: string;
  /** Leading path components to drop; what has no more than those is dropped whole. */
  readonly strip: number;
  /** Directories of an `npm` package that other packages fill. */
  readonly without?: readonly string[];
  /** Where a `raw`, `gz` or `bz2` program goes, relative to `into`; becomes executable. */
  readonly rawPath?: string | undefined;
  readonly limits: Limits;
  /** Learns the digest of each file. */
  readonly written?: WrittenDigests;
  /** Ends it before its next file or piece. */
  readonly signal?: AbortSignal | undefined;
  /** Hears what was left out, such as links to the system's own files. */
  readonly onNote?: ((message: string) => void) | undefined;
}

/**
 * What a download of so many bytes may unpack to. Real releases unpack to 2 to 12 times their size,
 * so that 50 times is generous, and a small archive may at worst fill 1 GiB. The largest real tree (a
 * JavaScript closure, a Go toolchain) has some 20,000 entries, of a few kilobytes packed each.
 */
export function limitsFor(downloadSize: number): Limits {
  return {
    bytes: Math.max(1024 ** 3, 50 * downloadSize),
    entries: 50_000 + Math.floor(downloadSize / 1000),
  };
}

/**
 * Unpacks a verified file. Modes become 0777 or 0666, less what the umask takes; owners, times and
 * attributes are not kept. What is hostile, damaged or unsupported is refused whole with a
 * UserError of ./refusals.ts that names the entry; the caller discards the tree.
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

/** Every format writes here, and what decompresses gives way to signals between its pieces. */
function heeding(signal: AbortSignal, tree: TreeWriter): TreeWriter {
  const file: TreeWriter["file"] = (path, mode) => {
    signal.throwIfAborted();
    const opened = tree.file(path, mode);
    if (!opened) return undefined;
    const write: typeof opened.write = (chunk) => {
      signal.throwIfAborted();
      opened.write(chunk);
    };
    return { write, close: () => opened.close() };
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
  tree.file(name, 0o755)?.close(); // makes the directories above it
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
  for await (const chunk of decompressed(request.file, format)) program?.write(chunk);
  program?.close();
}

function programPath(request: ExtractRequest): string {
  if (request.rawPath !== undefined) return request.rawPath;
  throw new Error(`${request.format} needs a path`);
}

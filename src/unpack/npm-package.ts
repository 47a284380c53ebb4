import type { ReadEntry } from "tar";
import { UserError } from "../core/errors.ts";
import type { ArchiveFormat } from "../core/recipe.ts";
import { readPieces } from "../io/disk.ts";
import { decompressed } from "./decompress.ts";
import { hasControl, maxDepth } from "./paths.ts";
import { cutShort, damaged, otherFormat } from "./refusals.ts";
import type { OpenFile, TreeWriter } from "./tree.ts";
import { inBlocks } from "./untar.ts";

/** How a package is unpacked. */
export interface NpmOptions {
  /** Leading path components to drop, whatever their names. */
  readonly strip: number;
  /** Paths of the package that are left out, such as `node_modules/x`, which another package fills. */
  readonly without?: readonly string[];
}

/**
 * Unpacks a package's tarball as npm does, with npm's own parser: compressed or not, only files and
 * directories. Like npm it silently skips links, devices, and entries that are outside the tree or
 * cannot be created; nothing is written through links. Throws a UserError of ./refusals.ts if it is
 * no tarball, is truncated, or unpacks to too much.
 */
export async function unpackNpm(
  file: string,
  tree: TreeWriter,
  { strip, without = [] }: NpmOptions,
): Promise<void> {
  const { Parser } = await import("tar/parse");
  const format = formatOf(file);
  const parser = new Parser({ zstd: false, brotli: false });
  let ended = false;
  const places = openPlaces(strip, without);
  parser.on("entry", (entry: ReadEntry) => unpackEntry(entry, tree, places));
  parser.on("eof", () => {
    ended = true;
  });
  // All other warnings are about single entries, and npm continues.
  parser.on("warn", (code: string, message: string | Error) => {
    if (code === "TAR_BAD_ARCHIVE") throw badArchive(format, String(message));
  });
  let head: Buffer | undefined;
  try {
    for await (const blocks of inBlocks(decompressed(file, format), format, tree.limits)) {
      head ??= Buffer.from(blocks.subarray(0, 512));
      // npm decompresses once, but node-tar would do it again.
      if (compressionOf(head)) throw otherFormat("tar", head);
      parser.write(blocks);
      if (ended) return; // data after the end is ignored
    }
    parser.end();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw damaged(format, String((cause as Error).message), cause);
  }
}

function badArchive(format: ArchiveFormat, message: string): UserError {
  return message.startsWith("Truncated")
    ? cutShort(format)
    : damaged(format, "it has no readable entry");
}

const magics: readonly (readonly [string, ArchiveFormat])[] = [
  ["\x1f\x8b", "tar.gz"],
  ["\x28\xb5\x2f\xfd", "tar.zst"],
];

/** As npm does, by the first bytes: uncompressed data is a tar. */
function formatOf(file: string): ArchiveFormat {
  return compressionOf(readPieces(file, (read) => read(0, 4))) ?? "tar";
}

function compressionOf(head: Buffer): ArchiveFormat | undefined {
  return magics.find(([magic]) => head.toString("latin1", 0, 4).startsWith(magic))?.[1];
}

function unpackEntry(entry: ReadEntry, tree: TreeWriter, places: Places): void {
  let file: OpenFile | undefined;
  if (/^(File|OldFile|ContiguousFile)$/.test(entry.type)) {
    const place = places.file(entry.path);
    if (place !== undefined) file = tree.file(place, entry.mode ?? 0o644);
  } else if (/^(Directory|GNUDumpDir)$/.test(entry.type)) {
    const place = places.directory(entry.path);
    if (place !== undefined) tree.directory(place);
  }
  entry.on("data", (chunk: Buffer) => file?.write(chunk));
  entry.on("end", () => file?.close());
  entry.resume();
}

/** The destinations of entries; undefined for those that npm skips. */
interface Places {
  file(path: string): string | undefined;
  directory(path: string): string | undefined;
}

function openPlaces(strip: number, without: readonly string[]): Places {
  const files = new Set<string>();
  const directories = new Set<string>();
  const find = (path: string): string | undefined => {
    const place = placeOf(path, strip);
    const isOthers = without.some((dir) => place === dir || place?.startsWith(`${dir}/`));
    if (place === undefined || isOthers) return undefined;
    return parentsOf(place).some((parent) => files.has(parent)) ? undefined : place;
  };
  const addParents = (place: string): void => {
    for (const parent of parentsOf(place)) directories.add(parent);
  };
  return {
    file(path) {
      const place = find(path);
      if (place === undefined || directories.has(place)) return undefined;
      addParents(place);
      files.add(place);
      return place;
    },
    directory(path) {
      const place = find(path);
      if (place === undefined || files.has(place)) return undefined;
      addParents(place);
      directories.add(place);
      return place;
    },
  };
}

function parentsOf(place: string): string[] {
  const parts = place.split("/");
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"));
}

/** Bytes of a path: system calls accept at most 4095, including the volume's path. */
const maxPlace = 3000;

/** npm strips first: the `/` of an absolute path is a component, and so is a leading `..`. */
function placeOf(path: string, strip: number): string | undefined {
  const kept = path
    .replace(/^(\.\/+)+/, "")
    .split("/")
    .slice(strip);
  const parts = kept.filter((part) => part !== "" && part !== ".");
  const isOdd = parts.some(
    (part) => part.split("\\").includes("..") || Buffer.byteLength(part) > 255,
  );
  const place = parts.join("/");
  const isLong = parts.length > maxDepth || Buffer.byteLength(place) > maxPlace;
  // A name that was not UTF-8 has lost its bytes.
  const isUnreadable = hasControl(place) || place.includes("\ufffd");
  return parts.length === 0 || isOdd || isLong || isUnreadable ? undefined : place;
}

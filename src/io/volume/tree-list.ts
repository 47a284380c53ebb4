import { createHash } from "node:crypto";
import { type BigIntStats, createReadStream, lstatSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { sha256Hex } from "../../core/digest.ts";
import { layout } from "../../core/layout.ts";
import type { TreeList } from "../../core/manifest.ts";
import { entriesIn } from "../entries.ts";
import { withContext } from "../files.ts";
import { describeMode, isProgram, type Kind, modeFor, setMode, type Writers } from "./modes.ts";

/** The `TreeList` entries of files that were hashed while they were written, by `stampOf`. */
export type WrittenDigests = Map<string, string>;

/** Identifies a state of a regular file: it differs after any write or replacement. */
export function stampOf({ ino, size, mode, ctimeNs }: BigIntStats): string {
  return `${ino} ${size} ${mode} ${ctimeNs}`;
}

/** True for the entry of a regular file without special bits. */
export function isPlainFile(entry: string): boolean {
  return /^(644|755) /.test(entry);
}

interface ListOptions {
  /** Files that are unchanged since they were written are not read again; those that are read are added. */
  readonly written?: WrittenDigests;
  /** For a tree that only this run writes to: also sets its modes, as far as possible. */
  readonly modesOf?: Writers;
}

/** Lists a tree and hashes every file in it. Rejects if something cannot be read. */
export async function listTree(root: string, options: ListOptions = {}): Promise<TreeList> {
  const limit = pLimit(8);
  const { modesOf } = options;
  const visit = async (dir: string): Promise<[string, string][]> => {
    if (modesOf) applyMode(join(root, dir), lstatSync(join(root, dir)), modesOf, "directory");
    const found = entriesIn(join(root, dir))
      .filter(({ name }) => dir !== "" || name !== layout.record)
      .map(async ({ name, stats }): Promise<[string, string][]> => {
        const path = dir === "" ? name : `${dir}/${name}`;
        if (stats.isDirectory()) return [[path, "dir"], ...(await visit(path))];
        return [[path, await limit(() => describeEntry(join(root, path), options))]];
      });
    return (await Promise.all(found)).flat();
  };
  return Object.fromEntries((await visit("")).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function describeEntry(path: string, { written, modesOf }: ListOptions): Promise<string> {
  const stats = lstatSync(path, { bigint: true });
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  if (!stats.isFile()) return "neither file, directory nor link";
  const [mode, gid] = [Number(stats.mode), Number(stats.gid)];
  const stamp = stampOf(stats);
  const entry =
    written?.get(stamp) ??
    `${describeMode(modesOf ? mode & 0o777 : mode)} ${await hashFile(path, stats.size)}`;
  written?.set(stamp, entry);
  const kind = isProgram(entry) ? "program" : "file";
  if (modesOf) applyMode(path, { mode, gid }, modesOf, kind);
  return entry;
}

function applyMode(
  path: string,
  stats: { mode: number; gid: number },
  writers: Writers,
  kind: Kind,
): void {
  setMode(path, modeFor(stats, writers, kind), stats);
}

/** Files of up to this many bytes are read at once: a stream of one costs more than its bytes (bytes). */
const small = 1n << 18n;

async function hashFile(path: string, size: bigint): Promise<string> {
  if (size <= small) return sha256Hex(await withContext("read", path, readFile(path)));
  const hash = createHash("sha256");
  const bytes = createReadStream(path, { highWaterMark: 1 << 18 });
  await withContext("read", path, async () => {
    for await (const chunk of bytes) hash.update(chunk);
  });
  return hash.digest("hex");
}

/** The digest of a whole list: sha256, lower-case hexadecimal. */
export function contentsDigest(list: TreeList): string {
  return sha256Hex(JSON.stringify(Object.entries(list)));
}

/**
 * The paths at which a tree differs from its list: changed, removed or added, no longer executable,
 * or set-user-id. Additional permission bits are no difference: many file systems have their own
 * modes.
 */
export function differences(expected: TreeList, found: TreeList): string[] {
  const paths = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...paths].filter((path) => !isSame(expected[path], found[path])).sort();
}

function isSame(expected: string | undefined, found: string | undefined): boolean {
  if (expected === found || expected === undefined || found === undefined)
    return expected === found;
  const [mode = "", digest = ""] = found.split(" ");
  if (!/^[0-9a-f]{64}$/.test(digest) || digest !== expected.split(" ")[1]) return false;
  return mode === "755" || (mode === "644" && !isProgram(expected));
}

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { sha256Hex } from "../core/digest.ts";
import { layout } from "../core/layout.ts";

/**
 * What a tree holds: path to `dir`, `-> TARGET` or `MODE SHA256`, in order of path. Our own record in
 * the tree's root is left out, because it holds this list.
 */
export type TreeList = Readonly<Record<string, string>>;

/** Lists a tree and hashes every file in it. Rejects where something cannot be read. */
export async function listTree(root: string): Promise<TreeList> {
  const limit = pLimit(8);
  const visit = async (dir: string): Promise<[string, string][]> => {
    const entries = await readdir(join(root, dir), { withFileTypes: true });
    const found = entries
      .filter(({ name }) => dir !== "" || name !== layout.record)
      .map(async (entry): Promise<[string, string][]> => {
        const path = dir === "" ? entry.name : `${dir}/${entry.name}`;
        if (entry.isDirectory()) return [[path, "dir"], ...(await visit(path))];
        return [[path, await limit(() => describeEntry(join(root, path)))]];
      });
    return (await Promise.all(found)).flat();
  };
  return Object.fromEntries((await visit("")).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function describeEntry(path: string): Promise<string> {
  const stats = await lstat(path);
  if (stats.isSymbolicLink()) return `-> ${await readlink(path)}`;
  if (!stats.isFile()) return "neither file, directory nor link";
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) hash.update(chunk);
  return `${(stats.mode & 0o7777).toString(8)} ${hash.digest("hex")}`;
}

/** The one digest that stands for a whole list: sha256, lower-case hexadecimal. */
export function contentsDigest(list: TreeList): string {
  return sha256Hex(JSON.stringify(Object.entries(list)));
}

/** The paths at which two lists differ: changed, gone or come. */
export function differences(expected: TreeList, found: TreeList): string[] {
  const paths = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...paths].filter((path) => expected[path] !== found[path]).sort();
}

/**
 * The latest change time (ns) of anything in a tree. Nobody can set it back, so that a tree in which
 * nothing is newer than its publication is the tree that was published.
 */
export async function latestChange(root: string): Promise<bigint> {
  const own = (await lstat(root, { bigint: true })).ctimeNs;
  const entries = await readdir(root, { withFileTypes: true });
  const times = await Promise.all(
    entries.map(async (entry) => {
      const path = join(root, entry.name);
      if (entry.isDirectory()) return latestChange(path);
      return (await lstat(path, { bigint: true })).ctimeNs;
    }),
  );
  return times.reduce((latest, time) => (time > latest ? time : latest), own);
}

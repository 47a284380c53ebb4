import { join, posix, sep } from "node:path";
import { UserError } from "../core/errors.ts";
import { nearest } from "../core/wording.ts";
import { lstatSync, mkdirSync, readPieces, realpathSync } from "../io/disk.ts";
import { entriesIn } from "../io/entries.ts";
import { ifThere } from "../io/files.ts";
import { makeExecutable } from "../io/volume/modes.ts";
import { isProgram } from "../unpack/looks-like.ts";
import { treeWriter } from "../unpack/tree.ts";

export type Bins = Readonly<Record<string, string>>;

/** Creates the tree of an attempt, and directories in it. */
export async function makeTree(dir: string, directories: readonly string[] = []): Promise<string> {
  const tree = join(dir, "tree");
  mkdirSync(tree);
  // No limit: the recipe's lock names the entries, not an archive.
  const writer = treeWriter(tree, 0, { bytes: 0, entries: Number.POSITIVE_INFINITY });
  for (const directory of directories) writer.directory(directory);
  return tree;
}

/**
 * Checks that each named program is a regular file inside the tree, after links. A `native` one
 * must be a binary or a script: zips without Unix modes and npm's tarballs may lack the exec bit,
 * which is then set, but text is rejected. Throws a UserError (`recipe`) that lists what is there.
 */
export async function checkPrograms(tree: string, bins: Bins, native: boolean): Promise<void> {
  const root = realpathSync(tree);
  for (const path of new Set(Object.values(bins))) {
    const program = join(root, path);
    const found = ifThere(program, () => realpathSync(program));
    if (found === undefined) throw absent(root, path, "has no");
    const stats = lstatSync(found);
    if (!found.startsWith(root + sep) || !stats.isFile()) {
      throw absent(root, path, "has no regular file");
    }
    if (!native || (stats.mode & 0o100) !== 0) continue;
    if (!isProgram(readPieces(found, (read) => read(0, 4))))
      throw absent(root, path, "has no executable");
    makeExecutable(found);
  }
}

/** The one path of a single program (`raw`, `gz`). */
export function onlyProgram(bins: Bins): string {
  const [path, ...others] = new Set(Object.values(bins));
  if (path !== undefined && others.length === 0) return path;
  const message = "a raw or gz artifact is one program, and the recipe has several";
  throw new UserError("E_RECIPE_BINS", message, { hint: "Give each of its bins the same path." });
}

/** How many names are shown, and how many are read. */
const maxNames = 8;
const mostNames = 5000;

function absent(root: string, path: string, what: string): UserError {
  const names = namesIn(root);
  const shown = names.slice(0, maxNames);
  const more = names.length > maxNames ? ", ..." : "";
  const has = names.length === 0 ? "it is empty" : `it has: ${shown.join(", ")}${more}`;
  return new UserError("E_RECIPE_BINS", `the archive ${what} ${path}; ${has}${meant(path, names)}`);
}

/** A hint at the path that was meant, and how to write it. */
function meant(path: string, names: readonly string[]): string {
  const files = names.filter((name) => !name.endsWith("/"));
  const base = posix.basename(path);
  // The same path further down: `strip` is too small.
  const below = files.find((name) => name.endsWith(`/${path}`));
  if (below !== undefined) {
    const strip = below.split("/").length - path.split("/").length;
    return `; did you mean ${below}, or a strip larger by ${strip}?`;
  }
  const same = files.find((name) => posix.basename(name) === base);
  const near = same ?? nearest(path, files) ?? nearestByName(base, files);
  return near === undefined ? "" : `; did you mean ${near}?`;
}

function nearestByName(base: string, files: readonly string[]): string | undefined {
  const byName = new Map(files.map((name) => [posix.basename(name), name]));
  const near =
    nearest(base, byName.keys()) ?? [...byName.keys()].find((name) => name.startsWith(`${base}-`));
  return near === undefined ? undefined : byName.get(near);
}

/** Names, breadth first, so that a wrong `strip` is visible; only the first ones. */
function namesIn(root: string): string[] {
  const names: string[] = [];
  const ahead = [""];
  for (let at = ahead.shift(); at !== undefined && names.length <= mostNames; at = ahead.shift()) {
    const entries = entriesIn(join(root, at));
    for (const { name, stats } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = at === "" ? name : `${at}/${name}`;
      if (stats.isDirectory()) ahead.push(path);
      names.push(stats.isDirectory() ? `${path}/` : path);
    }
  }
  return names;
}

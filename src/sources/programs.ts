import { basename, join, relative } from "node:path";
import { type Elf, readElf } from "../core/elf.ts";
import { readPieces, realpath, realpathSync } from "../io/disk.ts";
import { entriesBelow } from "../io/entries.ts";
import { ifThere } from "../io/files.ts";

/** A regular file of a tree that a loader or an interpreter may load or run. */
export interface TreeFile {
  /** Relative to the tree. */
  readonly path: string;
  readonly elf?: Elf;
  /** The program in its `#!` line, such as `/usr/bin/perl`, or `perl` after env. */
  readonly interpreter?: string;
  readonly executable: boolean;
  /** Names of links to it: a library may be requested by an older name. */
  readonly aliases: readonly string[];
}

/** Programs and libraries of a tree, sorted by path. */
export async function listPrograms(dir: string): Promise<TreeFile[]> {
  const tree = await realpath(dir);
  const entries = entriesBelow(tree);
  const links = entries.filter(({ name, stats }) => stats.isSymbolicLink() && isLibraryName(name));
  const byTarget = Map.groupBy(links, ({ path }) => ifThere(path, () => realpathSync(path)));
  const aliasesOf = (path: string): string[] =>
    (byTarget.get(path) ?? []).map(({ name }) => name).sort();
  const found: TreeFile[] = [];
  for (const { name, path: absolute, stats } of entries.filter((each) => each.stats.isFile())) {
    const executable = (stats.mode & 0o100) !== 0;
    if (!executable && !isLibraryName(name)) continue;
    const path = relative(tree, absolute);
    const head = readHead(absolute);
    if (!head.elf && head.interpreter === undefined) continue;
    found.push({ path, executable, aliases: aliasesOf(absolute), ...head });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The file that a path of the tree leads to, relative to the tree. */
export async function followed(dir: string, path: string): Promise<string> {
  return relative(await realpath(dir), await realpath(join(dir, path)));
}

function isLibraryName(name: string): boolean {
  return /\.so(\.|$)/.test(name);
}

/** Every name of a library; empty for other files. */
export function libraryNames({ path, elf, aliases }: TreeFile): string[] {
  if (!elf || (elf.soname === undefined && !isLibraryName(path))) return [];
  const names = [...(elf.soname === undefined ? [] : [elf.soname]), basename(path), ...aliases];
  // A name becomes part of a path, so it is checked.
  return [...new Set(names)].filter((name) => /^[\w+-][\w.+~-]*$/.test(name));
}

/** The kind of a file, from its first bytes. */
function readHead(absolute: string): Pick<TreeFile, "elf" | "interpreter"> {
  return readPieces(absolute, (read) => {
    const elf = readElf(read);
    if (elf) return { elf };
    const line = read(0, 128).toString("latin1").split("\n")[0] ?? "";
    const words = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(line);
    const interpreter = words?.[1]?.endsWith("/env") ? words[2] : words?.[1];
    return interpreter === undefined ? {} : { interpreter };
  });
}

/**
 * True for a program that the system's loader would start: it has a loader and no library's name.
 */
export function isNative({ elf, executable }: TreeFile): boolean {
  return executable && elf?.interpreter !== undefined && elf.soname === undefined;
}

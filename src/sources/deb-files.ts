import { closeSync, openSync, readSync } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Elf, readElf } from "../core/elf.ts";

/** A regular file of a tree that a loader or an interpreter may be asked to run or to load. */
export interface TreeFile {
  /** Relative to the tree. */
  readonly path: string;
  readonly elf?: Elf;
  /** The program that its `#!` line names, such as `/usr/bin/perl`, or `perl` behind env. */
  readonly interpreter?: string;
  readonly executable: boolean;
}

/** Programs and libraries of a tree, in order of path. */
export async function listPrograms(tree: string): Promise<TreeFile[]> {
  const names = await readdir(tree, { recursive: true, withFileTypes: true });
  const found: TreeFile[] = [];
  for (const entry of names) {
    if (!entry.isFile()) continue;
    const absolute = join(entry.parentPath, entry.name);
    const executable = ((await lstat(absolute)).mode & 0o100) !== 0;
    if (!executable && !entry.name.includes(".so")) continue;
    const file = { path: absolute.slice(tree.length + 1), executable, ...readHead(absolute) };
    if (file.elf || file.interpreter !== undefined) found.push(file);
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What a file is, by its first bytes. */
export function readHead(absolute: string): Pick<TreeFile, "elf" | "interpreter"> {
  const descriptor = openSync(absolute, "r");
  try {
    const read = (offset: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
    };
    const elf = readElf(read);
    if (elf) return { elf };
    const line = read(0, 128).toString("latin1").split("\n")[0] ?? "";
    const words = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(line);
    const interpreter = words?.[1]?.endsWith("/env") ? words[2] : words?.[1];
    return interpreter === undefined ? {} : { interpreter };
  } finally {
    closeSync(descriptor);
  }
}

/** True for a program that the system's loader would start: one with a loader and no library's name. */
export function isNative({ elf, executable }: TreeFile): boolean {
  return executable && elf?.interpreter !== undefined && elf.soname === undefined;
}

/** True for a library that programs ask for by name. */
export function isLibrary({ path, elf }: TreeFile): boolean {
  return elf !== undefined && (elf.soname !== undefined || /\.so(\.[0-9.]+)?$/.test(path));
}

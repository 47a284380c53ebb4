import { join } from "node:path";
import type { Elf } from "../core/elf.ts";
import { isAtLeast } from "../core/platform.ts";
import { readFile, stat } from "../io/disk.ts";

/** What programs need of the system's C library. */
export interface LibcNeeds {
  /** Undefined for static programs and scripts. */
  readonly libc: "glibc" | "musl" | undefined;
  /** Smallest glibc that they need. */
  readonly glibc: string | undefined;
}

/** Of some programs of a tree. */
export async function libcNeeds(
  tree: string,
  programs: readonly { readonly path: string; readonly elf?: Elf }[],
): Promise<LibcNeeds> {
  const loader = programs.map(({ elf }) => elf?.interpreter).find((asked) => asked !== undefined);
  const libc = loader === undefined ? undefined : /ld-musl/.test(loader) ? "musl" : "glibc";
  const texts = libc === "glibc" ? programs.filter(({ elf }) => elf) : [];
  return { libc, glibc: await glibcOf(texts.map(({ path }) => join(tree, path))) };
}

const maxProgram = 512 * 1024 * 1024;

/** Symbols of the C library have the version that introduced them. */
async function glibcOf(files: readonly string[]): Promise<string | undefined> {
  let highest: string | undefined;
  for (const file of files) {
    if ((await stat(file)).size > maxProgram) continue;
    const text = (await readFile(file)).toString("latin1");
    for (const [, version = ""] of text.matchAll(/\0GLIBC_(2\.\d+(?:\.\d+)?)\0/g)) {
      if (highest === undefined || !isAtLeast(highest, version)) highest = version;
    }
  }
  return highest;
}

import { join } from "node:path";
import { isBinName } from "../core/names.ts";
import type { DebianPackage } from "../core/recipe.ts";
import { listNames, statIfExists, textOf } from "../io/files.ts";
import { downloadDeb } from "../sources/debian/mirrors.ts";
import { makeTree } from "../sources/tree.ts";
import { unpackDeb } from "../unpack/deb.ts";
import { limitsFor } from "../unpack/extract.ts";
import { treeWriter } from "../unpack/tree.ts";
import type { DraftContext } from "./draft-context.ts";

/** The programs of a package, and its licence. */
export interface DebPrograms {
  /** Program name to path. */
  readonly bins: Readonly<Record<string, string>>;
  /** Debian's short name of its licence (`GPL-2+`), if its copyright file is machine-readable. */
  readonly license: string | undefined;
}

/** Fetches one package and lists its contents; runs nothing of it. */
export async function listDebPrograms(
  locked: DebianPackage,
  snapshot: string,
  { http, apt, dir }: Pick<DraftContext, "http" | "apt" | "dir">,
): Promise<DebPrograms> {
  const tree = await makeTree(dir);
  const file = join(dir, "download.deb");
  await downloadDeb({ http, apt: await apt(), locked, snapshot, file });
  const writer = treeWriter(tree, 0, limitsFor(locked.size));
  try {
    await unpackDeb(file, writer);
    writer.finish();
  } finally {
    writer.close();
  }
  const bins: Record<string, string> = {};
  for (const place of ["usr/sbin", "sbin", "bin", "usr/bin"]) {
    for (const name of listNames(join(tree, place)).sort()) {
      const isFile = (await statIfExists(join(tree, place, name)))?.isFile();
      if (isFile && isBinName(name)) bins[name] = `${place}/${name}`;
    }
  }
  const about = join(tree, "usr/share/doc", locked.name, "copyright");
  const text = await textOf(about);
  const license = /^Files:\s*\*\s*$(?:\n(?!\n).*)*?\nLicense:\s*(\S.*?)\s*$/m.exec(text)?.[1];
  return { bins, license };
}

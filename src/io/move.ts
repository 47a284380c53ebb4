import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isRefusal, orNothing, syncTree } from "./files.ts";

/**
 * Moves a directory to a free name (else EEXIST or ENOTEMPTY): by rename, or file by file. `last`
 * are the files that mark it as complete: they are moved after all others are on disk. If it fails,
 * nothing is left at the new name.
 */
export async function moveTree(
  from: string,
  to: string,
  last: readonly string[] = [],
): Promise<void> {
  try {
    renameSync(from, to);
    return;
  } catch (cause) {
    if (!isRefusal(cause) || !lstatSync(from).isDirectory()) throw cause;
  }
  mkdirSync(to);
  try {
    const names = readdirSync(from);
    for (const name of names) {
      if (!last.includes(name)) movePart(join(from, name), join(to, name));
    }
    if (last.length > 0) await syncTree(to);
    for (const name of last) {
      if (names.includes(name)) renameSync(join(from, name), join(to, name));
    }
  } catch (cause) {
    orNothing(() => rmSync(to, { recursive: true, force: true }));
    throw cause;
  }
  orNothing(() => rmdirSync(from));
}

function movePart(from: string, to: string): void {
  const stats = lstatSync(from);
  if (!stats.isDirectory()) {
    renameSync(from, to);
    return;
  }
  mkdirSync(to, stats.mode & 0o777);
  for (const name of readdirSync(from)) movePart(join(from, name), join(to, name));
  rmdirSync(from);
}

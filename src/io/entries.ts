import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { saying } from "./file-error.ts";

/** A directory entry. */
export interface Entry {
  readonly name: string;
  /** Includes the directory's path. */
  readonly path: string;
  /** From lstat. */
  readonly stats: Stats;
}

/**
 * Lists a directory with lstat. The types of Node's `withFileTypes` are not enough: CIFS lists its
 * symbolic links as files. Throws a UserError.
 */
export function entriesIn(dir: string): Entry[] {
  return saying("read", dir, () => readdirSync(dir)).map((name) => {
    const path = join(dir, name);
    return { name, path, stats: saying("stat", path, () => lstatSync(path)) };
  });
}

/** The same, recursively. */
export function entriesBelow(dir: string): Entry[] {
  return entriesIn(dir).flatMap((entry) =>
    entry.stats.isDirectory() ? [entry, ...entriesBelow(entry.path)] : [entry],
  );
}

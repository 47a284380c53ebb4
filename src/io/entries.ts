import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { saying } from "./file-error.ts";

/** What is in a directory, under its own name. */
export interface Entry {
  readonly name: string;
  /** With the directory's path before it. */
  readonly path: string;
  /** No link is followed. */
  readonly stats: Stats;
}

/**
 * Lists a directory. Not by the types that a listing has, as Node's `withFileTypes` does: CIFS lists its
 * symbolic links as files. Throws a UserError.
 */
export function entriesIn(dir: string): Entry[] {
  return saying("read", dir, () => readdirSync(dir)).map((name) => {
    const path = join(dir, name);
    return { name, path, stats: saying("look at", path, () => lstatSync(path)) };
  });
}

/** The same, with everything below it. */
export function entriesBelow(dir: string): Entry[] {
  return entriesIn(dir).flatMap((entry) =>
    entry.stats.isDirectory() ? [entry, ...entriesBelow(entry.path)] : [entry],
  );
}

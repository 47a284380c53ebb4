import { statSync } from "node:fs";
import { join } from "node:path";
import { layout } from "../core/layout.ts";
import { orNothing } from "../core/or-nothing.ts";

/** Finds programs on `path` outside the volume, as a shell does. */
export function findOnPath(
  names: readonly string[],
  path: string,
  prefix: string,
): Map<string, string> {
  const own = join(prefix, layout.bin);
  const dirs = path.split(":").filter((dir) => dir.startsWith("/") && join(dir, ".") !== own);
  const found = new Map<string, string>();
  for (const name of new Set(names)) {
    const candidate = dirs.map((dir) => join(dir, name)).find(isProgram);
    if (candidate !== undefined) found.set(name, candidate);
  }
  return found;
}

/** True for a file that somebody may execute. Synchronous: every start checks every name in every directory of PATH. */
export function isProgram(path: string): boolean {
  // Directories of PATH may be unreadable; such a directory has no usable program.
  const stats = orNothing(() => statSync(path, { throwIfNoEntry: false }));
  return stats?.isFile() === true && (stats.mode & 0o111) !== 0;
}

import { readdirSync, readFileSync } from "node:fs";

export interface Running {
  readonly pid: number;
  /** The command line. */
  readonly words: readonly string[];
  /** True for the first process of a group. */
  readonly leads: boolean;
}

/** The processes with a word that contains `path` in their command line. */
export function processesWith(path: string): Running[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const words = readOrNothing(`/proc/${name}/cmdline`).split("\0");
      if (!words.some((word) => word.includes(path))) return [];
      const [, after = ""] = readOrNothing(`/proc/${name}/stat`).split(") ");
      return [{ pid: Number(name), words, leads: after.split(" ")[2] === name }];
    });
}

/** A file's text; empty if it cannot be read: a process may end at any time. */
export function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

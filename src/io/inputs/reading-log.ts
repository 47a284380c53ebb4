import { sha256Hex } from "../../core/digest.ts";
import { type ReadOptions, tryRead } from "../input.ts";

/** Reads files and remembers what was read, and what was not there. */
export interface ReadingLog {
  /** Path to the sha256 of the contents. */
  readonly files: Map<string, string>;
  readonly absent: Set<string>;
  /** Files that exist but were rejected. */
  readonly refused: Set<string>;
  read(
    path: string,
    options?: ReadOptions,
  ): { readonly text: string; readonly why?: never } | { readonly text?: never; why: string };
}

export function readingLog(): ReadingLog {
  const log: ReadingLog = {
    files: new Map(),
    absent: new Set(),
    refused: new Set(),
    read(path, options) {
      const { bytes, ...unread } = tryRead(path, options);
      if (bytes) {
        log.files.set(path, sha256Hex(bytes));
        return { text: bytes.toString("utf8") };
      }
      const { why = "", cause } = { cause: undefined, ...unread };
      const isAbsent = cause?.code === "ENOENT" || cause?.code === "ENOTDIR";
      log[isAbsent ? "absent" : "refused"].add(path);
      return { why: isAbsent ? "it does not exist" : why };
    },
  };
  return log;
}

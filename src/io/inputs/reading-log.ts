import { sha256Hex } from "../../core/digest.ts";
import { isMissing } from "../files.ts";
import { type ReadFile, type ReadOptions, tryRead } from "../input.ts";

/** Reads files and remembers what was read, and what was not there. */
export interface ReadingLog {
  /** What was read, each file once. */
  files(): ReadFile[];
  readonly absent: Set<string>;
  /** Files that exist but were rejected. */
  readonly refused: Set<string>;
  read(
    path: string,
    options?: ReadOptions,
  ): { readonly text: string; readonly why?: never } | { readonly text?: never; why: string };
}

export function readingLog(): ReadingLog {
  const digests = new Map<string, string>();
  const log: ReadingLog = {
    files: () => [...digests].map(([path, sha256]) => ({ path, sha256 })),
    absent: new Set(),
    refused: new Set(),
    read(path, options) {
      const { bytes, ...unread } = tryRead(path, options);
      if (bytes) {
        digests.set(path, sha256Hex(bytes));
        return { text: bytes.toString("utf8") };
      }
      const { why = "", cause } = { cause: undefined, ...unread };
      const isAbsent = isMissing(cause);
      log[isAbsent ? "absent" : "refused"].add(path);
      return { why: isAbsent ? "it does not exist" : why };
    },
  };
  return log;
}

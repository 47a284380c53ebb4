import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { orNothing } from "../core/or-nothing.ts";

/**
 * The text of a regular file that is no link; undefined if it is anything else, larger than `maxBytes` or
 * not readable: `tryRead` says why, and takes longer to load.
 */
export function plainText(path: string, maxBytes: number): string | undefined {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW } = constants;
  return orNothing(() => {
    const file = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    try {
      const stats = fstatSync(file);
      return stats.isFile() && stats.size <= maxBytes ? readAll(file, maxBytes) : undefined;
    } finally {
      closeSync(file);
    }
  });
}

/** Everything that a file or a pipe has; undefined if it is more than `maxBytes`. */
export function readAll(file: number, maxBytes: number): string | undefined {
  let bytes = Buffer.allocUnsafe(64 * 1024);
  let held = 0;
  while (held <= maxBytes) {
    if (held === bytes.length) bytes = Buffer.concat([bytes, Buffer.allocUnsafe(held)]);
    const count = readSync(file, bytes, held, bytes.length - held, null);
    if (count === 0) return bytes.toString("utf8", 0, held);
    held += count;
  }
  return undefined;
}

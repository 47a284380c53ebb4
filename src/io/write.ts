import { writev, writevSync } from "node:fs";

/** Fewer bytes are copied into the page cache in less time than a turn of Node's thread pool takes. */
export const worthAThread = 64 * 1024;

/** Writes all chunks at the file's own position. Throws an error of the disk. */
export function writeAll(descriptor: number, chunks: readonly Uint8Array[]): void {
  for (let rest = chunks; rest.length > 0; ) rest = behind(rest, writevSync(descriptor, rest));
}

/**
 * The same in Node's thread pool. Until it ends, neither may the chunks change, nor may anything else be written to
 * the file, nor may it be closed.
 */
export async function writeInPool(
  descriptor: number,
  chunks: readonly Uint8Array[],
): Promise<void> {
  const write = (rest: readonly Uint8Array[]): Promise<number> =>
    new Promise((resolve, reject) => {
      writev(descriptor, rest, (error, count) => (error ? reject(error) : resolve(count)));
    });
  for (let rest = chunks; rest.length > 0; ) rest = behind(rest, await write(rest));
}

/** What is left after `count` bytes: a disk that is almost full may take less than it is given. */
function behind(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  const total = chunks.reduce((sum, { length }) => sum + length, 0);
  return count < total ? [Buffer.concat(chunks).subarray(count)] : [];
}

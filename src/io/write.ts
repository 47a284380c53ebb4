import { writev, writevSync } from "node:fs";

/** Fewer bytes are copied into the page cache in less time than a turn of Node's thread pool takes. */
export const worthAThread = 64 * 1024;

/** Writes all chunks, one after the other, from a position in the file on. Throws an error of the disk. */
export function writeAll(
  descriptor: number,
  chunks: readonly Uint8Array[],
  position: number,
): void {
  for (let [rest, at] = [chunks, position]; rest.length > 0; ) {
    const count = writevSync(descriptor, rest, at);
    [rest, at] = [behind(rest, count), at + count];
  }
}

/** The same in Node's thread pool. Until it ends, the chunks must not change, nor may the file be closed. */
export async function writeInPool(
  descriptor: number,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  for (let [rest, at] = [chunks, position]; rest.length > 0; ) {
    const count = await new Promise<number>((resolve, reject) => {
      writev(descriptor, rest, at, (error, written) => (error ? reject(error) : resolve(written)));
    });
    [rest, at] = [behind(rest, count), at + count];
  }
}

/** What is left after `count` bytes: a disk that is almost full may take less than it is given. */
function behind(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  const total = chunks.reduce((sum, { length }) => sum + length, 0);
  return count < total ? [Buffer.concat(chunks).subarray(count)] : [];
}

import { join } from "node:path";
import pLimit from "p-limit";
import type { StageContext } from "./context.ts";

/** The input for fetching one item. */
interface Fetching {
  /** Absolute; the path for its download. */
  readonly file: string;
  readonly signal: AbortSignal;
  /** Reports the bytes of this item so far. */
  readonly onProgress: (bytes: number) => void;
  /** The bytes of all items so far. */
  readonly received: () => number;
}

/**
 * Fetches all parts of a tree, several at once, and reports their total bytes, with `total` if it
 * is known. The first failure aborts the others, because an incomplete tree is useless. It is
 * thrown after all writes into the directory have ended, because the caller then removes it.
 */
export async function fetchAll<Item, Got>(
  items: readonly Item[],
  { atOnce, total }: { readonly atOnce: number; readonly total?: number },
  context: StageContext,
  fetch: (item: Item, fetching: Fetching) => Promise<Got>,
): Promise<Got[]> {
  const limit = pLimit(atOnce);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(context.signal ? [context.signal] : [])]);
  const bytes = items.map(() => 0);
  const received = (): number => bytes.reduce((sum, one) => sum + one, 0);
  const fetching = items.map((item, i) =>
    limit(async () => {
      signal.throwIfAborted();
      const onProgress = (count: number): void => {
        bytes[i] = count;
        context.onProgress(received(), total);
      };
      const file = join(context.dir, `download-${i}`);
      return await fetch(item, { file, signal, onProgress, received });
    }),
  );
  try {
    return await Promise.all(fetching);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(fetching);
    throw error;
  }
}

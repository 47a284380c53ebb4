import { join } from "node:path";
import pLimit from "p-limit";
import type { StageContext } from "./context.ts";

/** What fetching one of several things is given. */
interface Fetching {
  /** Absolute; where a download of its own may lie. */
  readonly file: string;
  readonly signal: AbortSignal;
  /** Learns the bytes of this one so far. */
  readonly onProgress: (bytes: number) => void;
  /** The bytes of all of them so far. */
  readonly received: () => number;
}

/**
 * Fetches all that a tree is made of, some at once, and tells the bytes of all together, of `total` where
 * that is known. The first failure ends the others: a tree with a hole is of no use. It is thrown once
 * nothing writes into the directory any more, which the caller then removes.
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

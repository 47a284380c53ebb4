import { acquireLease } from "../io/volume/lease.ts";
import type { Emit } from "../report/events.ts";

/** Does work that ends in writing the manifest; other runs wait for it, so that they read what it wrote. */
export async function withManifestLease<T>(
  prefix: string,
  emit: Emit,
  work: () => Promise<T>,
): Promise<T> {
  const lease = await acquireLease({
    prefix,
    name: "manifest",
    // What was begun is ended and recorded, also by a run that was stopped.
    signal: new AbortController().signal,
    isDone: async () => false,
    onWait: () => emit({ type: "note", message: "waiting for another run to write the manifest" }),
  });
  try {
    return await work();
  } finally {
    await lease?.release();
  }
}

import { withLease } from "../io/volume/lease.ts";
import type { Emit } from "../report/events.ts";

/** Does work that ends in writing the manifest; other runs wait for it, so that they read what it wrote. */
export async function withManifestLease<T>(
  prefix: string,
  emit: Emit,
  work: () => Promise<T>,
): Promise<T> {
  const message = "waiting for another run to write the manifest";
  const onWait = () => emit({ type: "note", message });
  // No signal: what was begun is ended and recorded, also by a run that was stopped.
  return await withLease({ prefix, name: "manifest", onWait }, work);
}

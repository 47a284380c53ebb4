import { closeSync, openSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { orNothing } from "../../core/or-nothing.ts";

/** More files than gVisor caches per mount by default (1,000). */
const entries = 1100;

/**
 * gVisor keeps each written file open for writing while it is in its cache, so that other
 * containers get "Text file busy" for newly installed programs. Creating as many new files evicts
 * them. `dir` is on the volume and is removed afterwards. Does nothing on other kernels.
 */
export function releaseWrittenFiles(dir: string, kernel = release()): void {
  if (!kernel.endsWith("-gvisor")) return;
  for (let i = 0; i < entries; i++) {
    // If the disk is full or `dir` is gone, programs stay busy until the sandbox ends: no reason to
    // fail.
    const file = orNothing(() => openSync(join(dir, `${i}.let-go`), "wx"));
    if (file === undefined) return;
    closeSync(file);
  }
}

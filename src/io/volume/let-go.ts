import { closeSync, openSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { orNothing } from "../../core/or-nothing.ts";

/** More than the entries of one mount that gVisor keeps when it is not told another number (1,000). */
const entries = 1100;

/**
 * gVisor keeps each file that it wrote open for writing while the file is in its cache, so that elsewhere
 * programs that were just installed are "Text file busy". As many new files push them out of it. `dir` is
 * on the volume, and removed afterwards. Does nothing on other kernels.
 */
export function letGoOfWrittenFiles(dir: string, kernel = release()): void {
  if (!kernel.endsWith("-gvisor")) return;
  for (let i = 0; i < entries; i++) {
    // Where the disk is full or `dir` is gone, programs are busy until the sandbox ends: no reason to fail.
    const file = orNothing(() => openSync(join(dir, `${i}.let-go`), "wx"));
    if (file === undefined) return;
    closeSync(file);
  }
}

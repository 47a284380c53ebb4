import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { madeOnce } from "./shared.ts";

/** A directory with the system's programs, but for Node: the PATH of an image without it. */
export function pathWithoutNode(): string {
  return madeOnce("without-node", (dir) => {
    mkdirSync(dir);
    const names = new Set(["node", "nodejs"]);
    for (const from of ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]) {
      for (const name of readdirSync(from)) {
        if (!names.has(name)) symlinkSync(join(from, name), join(dir, name));
        names.add(name);
      }
    }
  });
}

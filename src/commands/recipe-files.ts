import { join } from "node:path";
import { readdirSync } from "../io/disk.ts";

/** The recipes of a directory, sorted. */
export function yamlFiles(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => join(dir, name));
}

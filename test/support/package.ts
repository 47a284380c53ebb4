import { cpSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./workplace.ts";

/** A build may replace dist/ at any time; what is tried in a copy stays the same. */
export function copyPackage(into: string): string {
  for (const name of ["dist", "entrypoint", "recipes", "package.json"]) {
    cpSync(join(repository, name), join(into, name), { recursive: true });
  }
  return into;
}

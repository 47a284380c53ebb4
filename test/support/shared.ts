import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Names the directory of what all processes of a run of the tests share. */
export const sharedVariable = "OPENCLAW_SKILL_TESTS_SHARED";

/** Without vitest's setup: this process' own. */
function ownDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), "shared-"));
  chmodSync(dir, 0o755);
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  process.env[sharedVariable] = dir;
  return dir;
}

/**
 * The path of a file or directory that is made once for all tests, which only read it. `make` gets the
 * path to make; where two processes make it at once, the first one's stays.
 */
export function madeOnce(name: string, make: (path: string) => void): string {
  const dir = process.env[sharedVariable] ?? ownDirectory();
  const path = join(dir, name);
  if (existsSync(path)) return path;
  const made = `${path}.${process.pid}`;
  make(made);
  try {
    renameSync(made, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
    rmSync(made, { recursive: true, force: true });
  }
  return path;
}

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { rm, rmSync } from "./disk.ts";
import { orNothing } from "./files.ts";

/** Those that are in use. */
const open = new Set<string>();

/** Runs work with a directory below TMPDIR, and removes it. Throws a UserError, or what the work throws. */
export async function withTemporaryDirectory<T>(
  name: string,
  work: (dir: string) => Promise<T>,
): Promise<T> {
  const dir = temporaryDirectory(name);
  open.add(dir);
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
    open.delete(dir);
  }
}

function temporaryDirectory(name: string): string {
  const parent = tmpdir();
  try {
    return mkdtempSync(join(parent, `${name}-`));
  } catch (cause) {
    throw new UserError("E_TMPDIR", `cannot make a directory in ${parent}`, { cause });
  }
}

/** For a process that ends before the work does: no later run looks for these directories. */
export function removeTemporaryDirectories(): void {
  for (const dir of open) orNothing(() => rmSync(dir, { recursive: true, force: true }));
}

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";

/** Makes a directory of our own below TMPDIR; who asks for it removes it. Throws a UserError. */
export function temporaryDirectory(name: string): string {
  const parent = tmpdir();
  try {
    return mkdtempSync(join(parent, `${name}-`));
  } catch (cause) {
    throw new UserError("E_TMPDIR", `cannot make a directory in ${parent}`, { cause });
  }
}

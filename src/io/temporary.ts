import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";

/** Creates a directory below TMPDIR; the caller removes it. Throws a UserError. */
export function temporaryDirectory(name: string): string {
  const parent = tmpdir();
  try {
    return mkdtempSync(join(parent, `${name}-`));
  } catch (cause) {
    throw new UserError("E_TMPDIR", `cannot make a directory in ${parent}`, { cause });
  }
}

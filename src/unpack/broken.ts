import { UserError } from "../core/errors.ts";
import type { ArchiveFormat } from "../core/recipe.ts";

/** The error for an archive that cannot be read to its end. */
export function broken(format: ArchiveFormat, why: string, cause?: unknown): UserError {
  return new UserError("integrity", `the ${format} archive is broken: ${why}`, {
    hint: "Its digest is the recipe's, so that the recipe names the wrong file or format.",
    cause,
  });
}

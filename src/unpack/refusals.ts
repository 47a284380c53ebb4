import { type ErrorCode, UserError } from "../core/errors.ts";
import type { ArchiveFormat } from "../core/recipe.ts";
import { looksLike } from "./looks-like.ts";

/**
 * Why an archive is rejected. Each kind has its own code, so that a missing format is not mistaken
 * for an attack:
 * - `hostile`: it tries to write elsewhere, or is ambiguous;
 * - `damaged`: its bytes are inconsistent or truncated;
 * - `too large`: it unpacks to more than a release does, by accident or to fill the disk;
 * - `unsupported`: it may be valid, but cannot be unpacked here. Neither a retry nor another
 *   machine helps, and it is no reason to keep an agent down: `unmet`, like a platform without a
 *   recipe.
 */
export type RefusalKind = "hostile" | "damaged" | "too large" | "unsupported";

const codes = {
  hostile: "E_ARCHIVE_HOSTILE",
  damaged: "E_ARCHIVE_DAMAGED",
  "too large": "E_ARCHIVE_TOO_LARGE",
  unsupported: "E_ARCHIVE_UNSUPPORTED",
} as const satisfies Record<RefusalKind, ErrorCode>;

/** An archive that is rejected. */
export class Refusal extends UserError {}

/** The error for a whole file; `message` says which file and what is wrong. */
export function refusal(kind: RefusalKind, message: string, cause?: unknown): Refusal {
  return new Refusal(codes[kind], message, { cause });
}

/** The error for an inconsistent archive. */
export function damaged(format: ArchiveFormat, why: string, cause?: unknown): Refusal {
  return refusal("damaged", `the ${format} file is damaged: ${why}`, cause);
}

/** The error for a truncated archive. */
export function cutShort(format: ArchiveFormat, cause?: unknown): Refusal {
  return refusal("damaged", `the ${format} file is truncated`, cause);
}

/** The error for an archive that needs an unsupported feature. */
export function unsupported(format: ArchiveFormat, why: string, cause?: unknown): Refusal {
  return refusal("unsupported", `the ${format} file cannot be unpacked here: ${why}`, cause);
}

/** The error for an archive that a machine with more memory could unpack. */
export function tooLittleMemory(format: ArchiveFormat, why: string, cause?: unknown): Refusal {
  const message = `the ${format} file cannot be unpacked here: ${why}`;
  return new Refusal("E_ARCHIVE_MEMORY", message, { cause });
}

/** Rejects a whole archive because of one entry. */
export function refuseEntry(kind: RefusalKind, path: string, why: string): never {
  throw refusal(kind, `the archive's entry ${showPath(path)} ${why}`);
}

/** A path in quotes, without control characters, shortened. */
export function showPath(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}...` : path);
}

/** The error for a file in another format; `head` are its first bytes. */
export function otherFormat(format: ArchiveFormat | "deb", head: Buffer, cause?: unknown): Refusal {
  const what = looksLike(head);
  const seen = what === undefined ? "" : `: it looks like ${what}`;
  return new Refusal("E_ARCHIVE_FORMAT", `the file is not ${nameOf(format)}${seen}`, { cause });
}

function nameOf(format: ArchiveFormat | "deb"): string {
  if (format === "deb") return "a Debian package";
  return `${/^[aeiou]/.test(format) ? "an" : "a"} ${format} file`;
}

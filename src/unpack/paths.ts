import { refuseEntry } from "./refusals.ts";

/** System calls accept no longer paths. */
export const maxPath = 4095;
/** Components of a path. Each slows down every system call; nested packages have some 40. */
export const maxDepth = 200;

/**
 * The path of an entry relative to the tree's root; undefined if `strip` removes all of it. Throws
 * a UserError if the path is outside the tree or too long.
 */
export function placeOf(strip: number, path: string): string | undefined {
  if (path.length > maxPath) refuseEntry("unsupported", path, "has too long a path");
  if (path.startsWith("/")) refuseEntry("hostile", path, "has an absolute path");
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) refuseEntry("hostile", path, "leads out of the tree (..)");
  if (parts.length > maxDepth) refuseEntry("unsupported", path, "has too deep a path");
  const rest = parts.slice(strip);
  return rest.length === 0 ? undefined : rest.join("/");
}

/** True for names that would break lines or colours when printed, such as `Icon\\r`. */
export function hasControl(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return /[\u0000-\u001f\u007f]/.test(path);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of UTF-8 bytes; undefined if they are not UTF-8. */
export function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

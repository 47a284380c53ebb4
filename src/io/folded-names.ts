/**
 * File systems that treat two names as the same if they differ only in case or in the Unicode form
 * of an accent.
 */
import { basename, dirname } from "node:path";
import { UserError } from "../core/errors.ts";
import { listNames } from "./files.ts";
import { mountOf } from "./mounts.ts";

/**
 * The existing name that the file system treats as equal to a path; undefined if there is none.
 * Either the directory lists it instead, or `place` matches one of the `known` places, which were
 * created before.
 */
export function foldedTwin(
  path: string,
  known: readonly string[] = [],
  place = "",
): string | undefined {
  const name = basename(path);
  const names = listNames(dirname(path));
  const listed = names.includes(name) ? [] : names;
  const twin = listed.find((other) => fold(other) === fold(name));
  if (twin !== undefined || known.includes(place)) return twin;
  const made = known.find((other) => fold(other) === fold(place));
  return made === undefined ? undefined : basename(made);
}

const fold = (name: string): string => name.normalize("NFKC").toLowerCase().toUpperCase();

/** Both names are needed, and only one can exist there. */
export function foldedNames(path: string, twin: string): UserError {
  const { type, point } = mountOf(dirname(path));
  const message = `this file system treats ${basename(path)} and ${twin} as the same name: ${type} mounted at ${point}`;
  return new UserError("E_CASE_FOLDING", message);
}

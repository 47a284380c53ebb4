/** File systems that take two names for one, because they differ by case or by the form of an accent only. */
import { basename, dirname } from "node:path";
import { UserError } from "../core/errors.ts";
import { listNames } from "./files.ts";
import { mountOf } from "./mounts.ts";

/**
 * The name that stands in the way of a path because the file system takes the two for one; undefined
 * where it does not. Either the directory lists it instead, or `place` is like one of the `known` places,
 * which were made before.
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

/** Both are wanted at once, and only one can be had there. */
export function foldedNames(path: string, twin: string): UserError {
  const { type, point } = mountOf(dirname(path));
  const message = `this file system does not tell ${basename(path)} from ${twin}: ${type} mounted at ${point}`;
  return new UserError("E_CASE_FOLDING", message);
}

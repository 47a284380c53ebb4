/** File systems that take two names for one, because they differ by case or by the form of an accent only. */
import { basename, dirname } from "node:path";
import { UserError } from "../core/errors.ts";
import { listNames } from "./files.ts";
import { mountOf } from "./mounts.ts";

/**
 * The name under which a directory lists what was asked for by another one; undefined where it lists the
 * very name, or none that is like it.
 */
export function foldedTwin(path: string): string | undefined {
  const name = basename(path);
  const names = listNames(dirname(path));
  if (names.includes(name)) return undefined;
  return names.find((other) => fold(other) === fold(name));
}

const fold = (name: string): string => name.normalize("NFKC").toLowerCase().toUpperCase();

/** Both are wanted at once, and only one can be had there. */
export function foldedNames(path: string, twin: string): UserError {
  const { type, point } = mountOf(dirname(path));
  const message = `this file system does not tell ${basename(path)} from ${twin}: ${type} mounted at ${point}`;
  return new UserError("unmet", message, {
    hint: "Use a volume that tells upper case from lower: a named volume instead of a directory of the host (Docker Desktop), or another --prefix.",
  });
}

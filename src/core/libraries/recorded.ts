import { parseLock } from "../locks/npm-lock.ts";
import { parsePypiLock } from "../locks/pypi-lock.ts";
import type { NodeLibrariesArtifact, PythonLibrariesArtifact } from "../recipe.ts";
import { type LibrarySet, lineOfTool } from "./set.ts";

/*
 * The pins of a library set in declared.json: a lock of the language, which resolvers return as text and which is
 * read here like any other input.
 */

/** The only lock of a library set in declared.json: a lock of wheels, or npm's package-lock (version 3). */
export const librariesLock = "libraries.lock.json";

/** What declared.json says instead of a recipe: the names are for people. */
export interface RecordedLibraries {
  readonly libraries: LibrarySet["line"];
  readonly names: readonly string[];
}

/** The pinned source of a tool from its lock; or the first problem in it. */
export function pinnedLibraries(
  tool: string,
  lock: string,
): PythonLibrariesArtifact | NodeLibrariesArtifact | string {
  const line = lineOfTool(tool);
  if (line === undefined) return `${tool} is not the name of a library set`;
  if (line === "node") {
    const parsed = parseLock(lock, librariesLock);
    if (!parsed.ok) return parsed.problems[0]?.message ?? "it is not a lock";
    return { kind: "node-libraries", packages: parsed.held };
  }
  const parsed = parsePypiLock(lock, librariesLock);
  if (!parsed.ok) return parsed.problems[0]?.message ?? "it is not a lock";
  return { kind: "python-libraries", line, wheels: parsed.held };
}

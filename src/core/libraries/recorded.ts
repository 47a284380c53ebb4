import * as z from "zod";
import { type LibrarySet, librariesTool, lineOfTool } from "../library-set.ts";
import { parseLock } from "../locks/npm-lock.ts";
import { parsePypiLock } from "../locks/pypi-lock.ts";
import type {
  Artifact,
  NodeLibrariesArtifact,
  PythonLibrariesArtifact,
  Recipe,
} from "../recipe.ts";
import { nameSome } from "../wording.ts";

/*
 * The pins of a library set in declared.json: a lock of the language, which resolvers return as text and which is
 * read here like any other input.
 */

/** The only lock of a library set in declared.json: a lock of wheels, or npm's package-lock (version 3). */
const librariesLock = "libraries.lock.json";

/** What declared.json says instead of a recipe: the set's whole digest, and names for people. */
const recordedSet = z.looseObject({
  libraries: z.string().regex(/^[0-9a-f]{64}$/),
  names: z.array(z.string()),
  /** pip's own index, if the set was resolved from it: a place without pip and its configuration knows none. */
  index: z
    .string()
    .regex(/^https?:\/\/[^@]+\/$/)
    .optional(),
});

/** The declaration of a set in one word: `requirements.txt (requests, rich)`. */
function declarationOf({ file, names }: Pick<LibrarySet, "file" | "names">): string {
  return `${file} (${nameSome(names, 5)})`;
}

/** The recipe of a set before its first use. A volume's Python or this machine's npm resolves it. */
export function openLibraries(set: LibrarySet, by: string): Recipe {
  const declared = { from: declarationOf(set), by };
  const needs = set.language === "python" ? ["python3"] : [];
  const artifact = { kind: "declared-libraries", set, ...declared } as const;
  return librariesRecipe(librariesTool(set), set, { declared, artifact, needs });
}

/** What a resolver gives. */
export interface DraftedLock {
  readonly lock: string;
  /** pip's own index, if it was asked; ends with `/`. */
  readonly index?: string;
}

/** What is recorded of a set: its lock, as resolved. */
export function recordOf(set: LibrarySet, { lock, index }: DraftedLock) {
  const recipe = { libraries: set.digest, names: [...set.names], ...(index && { index }) };
  return { recipe, locks: { [librariesLock]: lock } };
}

/** The lock of a recorded set; empty if it has none. */
export function lockIn({ locks }: Pick<Recorded, "locks">): string {
  return locks[librariesLock] ?? "";
}

/** The recipe of a recorded set; or the first problem in its record. */
export function recordedLibraries(
  tool: string,
  { from, by, recipe, locks }: Recorded,
): Recipe | string {
  const said = recordedSet.safeParse(recipe).data;
  const { [librariesLock]: lock } = locks;
  if (!said || lock === undefined) return "it is not the record of a library set";
  const line = lineOfTool(tool);
  if (line === undefined || librariesTool({ digest: said.libraries, line }) !== tool)
    return `${tool} is not the name of this library set`;
  const pinned = pinnedLibraries(tool, lock);
  if (typeof pinned === "string") return pinned;
  const { index } = said;
  const isPython = pinned.kind === "python-libraries" && index !== undefined;
  const artifact = isPython ? { ...pinned, index } : pinned;
  const set = { digest: said.libraries, names: said.names };
  return librariesRecipe(tool, set, { declared: { from, by }, artifact, needs: [] });
}

interface Recorded {
  readonly from: string;
  readonly by: string;
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly locks: Readonly<Record<string, string>>;
}

/** Its version never changes: another content of the files is another set. */
function librariesRecipe(
  tool: string,
  { digest, names }: Pick<LibrarySet, "digest" | "names">,
  {
    declared,
    artifact,
    needs,
  }: Pick<Recipe, "needs"> & Required<Pick<Recipe, "declared">> & { readonly artifact: Artifact },
): Recipe {
  return {
    name: tool,
    description: `packages that the skill ${declared.by} declares`,
    homepage: "",
    license: "unknown",
    version: "1",
    bins: {},
    test: [],
    needs,
    artifacts: { any: [artifact] },
    origin: `declared by ${declared.by}`,
    declared,
    libraries: { digest, names },
  };
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

/** What a new lock of a set changes: `words 1.0 -> 1.1`, `new: rich 2.0`, `gone: x 1`; empty if nothing. */
export function changesOf(tool: string, former: string, lock: string): string[] {
  const [old, now] = [versionsIn(tool, former), versionsIn(tool, lock)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((name) => {
    const [before, after] = [old.get(name), now.get(name)];
    if (before === after) return [];
    if (before === undefined) return [`new: ${name} ${after}`];
    return [after === undefined ? `gone: ${name} ${before}` : `${name} ${before} -> ${after}`];
  });
}

/** Package to its versions. */
function versionsIn(tool: string, lock: string): Map<string, string> {
  const pinned = pinnedLibraries(tool, lock);
  if (typeof pinned === "string") return new Map();
  const packages = "wheels" in pinned ? pinned.wheels : pinned.packages;
  const versions = new Map<string, Set<string>>();
  for (const { name, version } of packages)
    versions.set(name, (versions.get(name) ?? new Set()).add(version));
  return new Map([...versions].map(([name, all]) => [name, [...all].sort().join(", ")]));
}

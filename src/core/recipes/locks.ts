import { dirname, join } from "node:path";
import { type DebLock, debArchOf, parseDebLock } from "../locks/deb-lock.ts";
import { parseLock } from "../locks/npm-lock.ts";
import { parsePypiLock } from "../locks/pypi-lock.ts";
import type { PlatformKey } from "../platform.ts";
import type { LockedPackage, LockedWheel, RecipeProblem } from "../recipe.ts";
import { type Finding, finding, placedSources } from "./findings.ts";
import { splitPackage } from "./rules.ts";

/** What one lock file holds, by the kind of source that it pins. */
interface Lock {
  readonly npm: readonly LockedPackage[];
  readonly deb: DebLock;
  readonly pypi: readonly LockedWheel[];
}
type Kind = keyof Lock;

/** What the lock files beside a recipe hold, by their names. */
export type Locked = { readonly [Key in Kind]: ReadonlyMap<string, Lock[Key]> };

/** Locked, and what is wrong: at places of the recipe, and in the lock files themselves. */
interface ReadLocks {
  readonly locked: Locked;
  readonly findings: readonly Finding[];
  readonly problems: readonly RecipeProblem[];
}

const kinds = ["npm", "deb", "pypi"] as const satisfies Kind[];

/**
 * Reads each lock that a recipe names, once. `recipeFile` says where they lie, for messages; `read`
 * gives a lock's text by its plain name, undefined where it cannot be read.
 */
export function readLocks(
  document: unknown,
  recipeFile: string,
  read: (name: string) => string | undefined,
): ReadLocks {
  const locked: Filling = { npm: new Map(), deb: new Map(), pypi: new Map() };
  const findings: Finding[] = [];
  /** By the kind and the lock's name. */
  const problems = new Map<string, readonly RecipeProblem[]>();
  for (const { key, path, source } of placedSources(document)) {
    const { lock } = source;
    const kind = kinds.find((each) => source[each] !== undefined);
    if (lock === undefined || kind === undefined) continue;
    const text = read(lock);
    if (text === undefined) {
      findings.push(finding([...path, "lock"], `names ${lock}, which cannot be read`));
      continue;
    }
    const id = `${kind} ${lock}`;
    const file = join(dirname(recipeFile), lock);
    if (!problems.has(id)) problems.set(id, takeIn(kind, lock, text, file, locked));
    const missing = whyNotHeld(kind, source[kind] ?? "", lock, key, locked);
    if (missing !== undefined) findings.push(finding([...path, "lock"], missing));
  }
  return { locked, findings, problems: [...problems.values()].flat() };
}

type Filling = { readonly [Key in Kind]: Map<string, Lock[Key]> };

/** Adds what a lock's text holds; gives what is wrong with it instead. */
function takeIn(
  kind: Kind,
  lock: string,
  text: string,
  file: string,
  locked: Filling,
): readonly RecipeProblem[] {
  switch (kind) {
    case "npm": {
      const parsed = parseLock(text, file);
      if (parsed.ok) locked.npm.set(lock, parsed.packages);
      return parsed.ok ? [] : parsed.problems;
    }
    case "deb": {
      const parsed = parseDebLock(text, file);
      if (parsed.ok) locked.deb.set(lock, parsed.lock);
      return parsed.ok ? [] : parsed.problems;
    }
    case "pypi": {
      const parsed = parsePypiLock(text, file);
      if (parsed.ok) locked.pypi.set(lock, parsed.wheels);
      return parsed.ok ? [] : parsed.problems;
    }
  }
}

/** A lock must hold the very program that it is named for. */
function whyNotHeld(
  kind: Kind,
  pinned: string,
  lock: string,
  key: PlatformKey,
  locked: Locked,
): string | undefined {
  const { name, version } = splitPackage(pinned);
  const versions = versionsHeld(kind, name, lock, key, locked);
  if (!versions || versions.includes(version)) return undefined;
  const where = kind === "deb" ? ` for ${debArchOf(key)}` : "";
  if (versions.length === 0) return `does not hold ${name}${where}`;
  return `holds ${name}@${versions[0]}, not ${pinned}`;
}

/** Undefined where the lock could not be read, or the platform is one that the checks refuse. */
function versionsHeld(
  kind: Kind,
  name: string,
  lock: string,
  key: PlatformKey,
  locked: Locked,
): string[] | undefined {
  const versionsOf = <Package extends { readonly version: string }>(
    packages: readonly Package[] | undefined,
    isMeant: (locked: Package) => boolean,
  ) => packages?.filter(isMeant).map(({ version }) => version);
  switch (kind) {
    case "npm":
      return versionsOf(locked.npm.get(lock), ({ path }) => path === `node_modules/${name}`);
    case "pypi":
      return versionsOf(locked.pypi.get(lock), (wheel) => wheel.name === name);
    case "deb": {
      const [held, arch] = [locked.deb.get(lock), debArchOf(key)];
      if (!held || arch === undefined) return undefined;
      return versionsOf(held.packages[arch] ?? [], (each) => each.name === name);
    }
  }
}

import { dirname, join } from "node:path";
import { type DebLock, debArchOf, parseDebLock } from "../locks/deb-lock.ts";
import type { ParsedLock } from "../locks/document.ts";
import { parseLock } from "../locks/npm-lock.ts";
import { parsePypiLock } from "../locks/pypi-lock.ts";
import type { PlatformKey } from "../platform.ts";
import type { LockedPackage, LockedWheel, RecipeProblem } from "../recipe.ts";
import { type Finding, finding, member, placedSources } from "./findings.ts";
import { splitPackage } from "./rules.ts";

/** The contents of one lock file, by the kind of source that it pins. */
interface Lock {
  readonly npm: readonly LockedPackage[];
  readonly deb: DebLock;
  readonly pypi: readonly LockedWheel[];
}
type Kind = keyof Lock;

/** The contents of the lock files beside a recipe, by their names. */
export type Locked = { readonly [Key in Kind]: ReadonlyMap<string, Lock[Key]> };

/** Locked, and the errors in the recipe and in the lock files. */
interface ReadLocks {
  readonly locked: Locked;
  readonly findings: readonly Finding[];
  readonly problems: readonly RecipeProblem[];
}

/** How a lock is read, and which version of a program it holds; undefined if not required. */
interface LockReader<Held> {
  parse(text: string, file: string): ParsedLock<Held>;
  versionsOf(held: Held, name: string, key: PlatformKey): string[] | undefined;
  /** The platform, if a lock has several. */
  whereOf?(key: PlatformKey): string;
}

const readers: { readonly [Key in Kind]: LockReader<Lock[Key]> } = {
  npm: {
    parse: parseLock,
    versionsOf: (packages, name) =>
      versions(packages.filter(({ path }) => path === `node_modules/${name}`)),
  },
  deb: {
    parse: parseDebLock,
    versionsOf(lock, name, key) {
      const arch = debArchOf(key);
      if (arch === undefined) return undefined; // the checks reject this platform
      return versions((lock.packages[arch] ?? []).filter((each) => each.name === name));
    },
    whereOf: (key) => ` for ${debArchOf(key)}`,
  },
  pypi: {
    parse: parsePypiLock,
    versionsOf: (wheels, name) => versions(wheels.filter((wheel) => wheel.name === name)),
  },
};
const kinds = Object.keys(readers) as Kind[];

function versions(packages: readonly { readonly version: string }[]): string[] {
  return packages.map(({ version }) => version);
}

/**
 * Reads each lock that a recipe names, once. `recipeFile` is used only in messages; `read` returns
 * a lock's text by its plain name, undefined if it cannot be read.
 */
export function readLocks(
  document: unknown,
  recipeFile: string,
  read: (name: string) => string | undefined,
): ReadLocks {
  const locked: Filling = { npm: new Map(), deb: new Map(), pypi: new Map() };
  const findings: Finding[] = [];
  /** By kind and lock name. */
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
  findings.push(...releaseFindings(document, locked.deb));
  return { locked, findings, problems: [...problems.values()].flat() };
}

/** Updates of a lock come from the release that the recipe names. */
function releaseFindings(document: unknown, locks: Locked["deb"]): Finding[] {
  const release = member(document, "release");
  if (typeof release !== "string") return [];
  return [...locks].flatMap(([lock, held]) =>
    held.release === release
      ? []
      : [finding(["release"], `is ${release}, but ${lock} is of ${held.release}`)],
  );
}

type Filling = { readonly [Key in Kind]: Map<string, Lock[Key]> };

/** Adds a lock's contents; returns its errors instead if it has any. */
function takeIn<Key extends Kind>(
  kind: Key,
  lock: string,
  text: string,
  file: string,
  locked: Filling,
): readonly RecipeProblem[] {
  const parsed = readers[kind].parse(text, file);
  if (!parsed.ok) return parsed.problems;
  locked[kind].set(lock, parsed.held);
  return [];
}

/** A lock must contain the program that the source names. */
function whyNotHeld<Key extends Kind>(
  kind: Key,
  pinned: string,
  lock: string,
  key: PlatformKey,
  locked: Locked,
): string | undefined {
  const { name, version } = splitPackage(pinned);
  const held = locked[kind].get(lock);
  const found = held && readers[kind].versionsOf(held, name, key);
  if (!found || found.includes(version)) return undefined;
  const { whereOf = () => "" } = readers[kind];
  if (found.length === 0) return `does not hold ${name}${whereOf(key)}`;
  return `holds ${name}@${found[0]}, not ${pinned}: recipe pin makes it again, recipe bump moves both`;
}

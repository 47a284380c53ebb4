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

type Parsed<Held> =
  | { readonly ok: true; readonly held: Held }
  | { readonly ok: false; readonly problems: readonly RecipeProblem[] };

/** How a lock is read, and which versions of a program it holds; undefined where it is not asked for. */
interface LockReader<Held> {
  parse(text: string, file: string): Parsed<Held>;
  versionsOf(held: Held, name: string, key: PlatformKey): string[] | undefined;
  /** For which platform, where a lock has several. */
  whereOf?(key: PlatformKey): string;
}

const readers: { readonly [Key in Kind]: LockReader<Lock[Key]> } = {
  npm: {
    parse(text, file) {
      const parsed = parseLock(text, file);
      return parsed.ok ? { ok: true, held: parsed.packages } : parsed;
    },
    versionsOf: (packages, name) =>
      versions(packages.filter(({ path }) => path === `node_modules/${name}`)),
  },
  deb: {
    parse(text, file) {
      const parsed = parseDebLock(text, file);
      return parsed.ok ? { ok: true, held: parsed.lock } : parsed;
    },
    versionsOf(lock, name, key) {
      const arch = debArchOf(key);
      if (arch === undefined) return undefined; // a platform that the checks refuse
      return versions((lock.packages[arch] ?? []).filter((each) => each.name === name));
    },
    whereOf: (key) => ` for ${debArchOf(key)}`,
  },
  pypi: {
    parse(text, file) {
      const parsed = parsePypiLock(text, file);
      return parsed.ok ? { ok: true, held: parsed.wheels } : parsed;
    },
    versionsOf: (wheels, name) => versions(wheels.filter((wheel) => wheel.name === name)),
  },
};
const kinds = Object.keys(readers) as Kind[];

function versions(packages: readonly { readonly version: string }[]): string[] {
  return packages.map(({ version }) => version);
}

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

/** A lock must hold the very program that it is named for. */
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
  return `holds ${name}@${found[0]}, not ${pinned}`;
}

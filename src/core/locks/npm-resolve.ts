import * as semver from "semver";
import { UserError } from "../errors.ts";

type Names = Readonly<Record<string, string>>;

/** One version in a registry's document of a package. */
export interface PublishedVersion {
  readonly name: string;
  readonly version: string;
  readonly description?: unknown;
  readonly homepage?: unknown;
  readonly repository?: unknown;
  readonly license?: unknown;
  readonly deprecated?: unknown;
  readonly bin?: string | Names;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly dist?: { readonly integrity?: string; readonly tarball?: string };
  readonly dependencies?: Names;
  readonly optionalDependencies?: Names;
  readonly peerDependencies?: Names;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly bundleDependencies?: readonly string[] | boolean;
  readonly hasInstallScript?: boolean;
  readonly scripts?: Names;
}

/** A registry's document of a package. */
export interface PublishedPackage {
  readonly "dist-tags"?: Names;
  readonly versions?: Readonly<Record<string, PublishedVersion>>;
}

/** Brings a package's document; throws a UserError (`unmet`) where the registry has none. */
export type AskRegistry = (name: string) => Promise<PublishedPackage>;

interface Placed {
  /** Where it lies; empty for the root. */
  readonly path: string;
  readonly found: PublishedVersion;
  /** What must be there for it. */
  readonly needs: Placed[];
}

/** More than the largest real closure has. */
const maxPackages = 5_000;

/** The version that a word means: a version, a tag, or a range; as npm chooses it. */
export function chooseVersion(
  name: string,
  { "dist-tags": tags = {}, versions = {} }: PublishedPackage,
  wanted: string,
): PublishedVersion {
  const word = wanted.trim() || "latest";
  const tagged = Object.hasOwn(tags, word) ? tags[word] : undefined;
  const exact = tagged ?? (Object.hasOwn(versions, word) ? word : undefined);
  const range = exact === undefined ? semver.validRange(word, { loose: true }) : null;
  const latest = tags.latest ?? "";
  const fitting = (list: readonly string[]) =>
    range === null ? null : semver.maxSatisfying([...list], range, { loose: true });
  const good = Object.keys(versions).filter((each) => !versions[each]?.deprecated);
  const isLatest = range !== null && semver.satisfies(latest, range, { loose: true });
  const chosen =
    exact ?? (isLatest ? latest : (fitting(good) ?? fitting(Object.keys(versions)) ?? ""));
  const found = Object.hasOwn(versions, chosen) ? versions[chosen] : undefined;
  if (found) return { ...found, name, version: chosen };
  throw new UserError("E_NPM_VERSION", `the npm registry has no ${name}@${word}`, {
    hint: "Look at the package's name and versions: npm view NAME versions.",
  });
}

/**
 * Resolves a package and everything that it needs, for every platform, and gives a package-lock
 * (version 3). A package lies as high as nothing else of its name is in the way; scripts are never
 * run, so that what only a script would bring is not there. Throws a UserError (`unmet`) where
 * something can be had from no registry.
 */
export async function resolveClosure(root: PublishedVersion, ask: AskRegistry): Promise<string> {
  const published = askedOnce(ask);
  const top: Placed = {
    path: "",
    found: { name: "", version: "0.0.0", dependencies: { [root.name]: root.version } },
    needs: [],
  };
  const tree = new Map<string, Placed>([["", top]]);
  const queue = [place(tree, "node_modules/", root.name, root, top, false)];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    const wanted = dependenciesOf(at.found);
    for (const { target } of wanted) void published(target);
    for (const each of wanted) {
      const placed = await settle(each, at, tree, published);
      if (placed) queue.push(placed);
    }
    if (tree.size > maxPackages) throw tooMany(root);
  }
  return renderLock(tree, top);
}

function askedOnce(ask: AskRegistry): AskRegistry {
  const asked = new Map<string, Promise<PublishedPackage>>();
  return (name) => {
    const found = asked.get(name) ?? ask(name);
    found.catch(() => {}); // asked ahead; who needs it hears of it
    asked.set(name, found);
    return found;
  };
}

/** What a package needs: there already, or else placed, which is what is returned. */
async function settle(
  wanted: Wanted,
  by: Placed,
  tree: Map<string, Placed>,
  ask: AskRegistry,
): Promise<Placed | undefined> {
  const { name, isPeer, isOptional } = wanted;
  const there = lookUp(tree, isPeer ? parentOf(by.path) : by.path, name);
  if (there && (isPeer || isFit(there.found, wanted))) {
    if (!isOptional) by.needs.push(there);
    return undefined;
  }
  const found = await choose(wanted, ask);
  const dir = there ? `${by.path}/node_modules/` : "node_modules/";
  return found && place(tree, dir, name, found, by, isOptional);
}

/** Undefined where no registry has it and the package does without. */
async function choose(
  { target, range, isOptional }: Wanted,
  ask: AskRegistry,
): Promise<PublishedVersion | undefined> {
  try {
    return chooseVersion(target, await ask(target), range);
  } catch (error) {
    if (isOptional && error instanceof UserError && error.kind === "unmet") return undefined;
    throw error;
  }
}

function place(
  tree: Map<string, Placed>,
  dir: string,
  name: string,
  found: PublishedVersion,
  by: Placed,
  isOptional: boolean,
): Placed {
  const placed: Placed = { path: dir + name, found, needs: [] };
  tree.set(placed.path, placed);
  if (!isOptional) by.needs.push(placed);
  return placed;
}

interface Wanted {
  /** Its directory's name. */
  readonly name: string;
  /** The package: another one where `name` is an alias. */
  readonly target: string;
  readonly range: string;
  readonly isOptional: boolean;
  readonly isPeer: boolean;
}

function dependenciesOf(found: PublishedVersion): Wanted[] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = found;
  const { peerDependenciesMeta: meta = {}, bundleDependencies: bundled = [] } = found;
  const inside = bundled === true ? Object.keys(dependencies) : bundled || [];
  const plain = Object.entries(dependencies).filter(
    ([name]) => !inside.includes(name) && optionalDependencies[name] === undefined,
  );
  const peers = Object.entries(peerDependencies).filter(([name]) => !meta[name]?.optional);
  return [
    ...plain.flatMap(([name, range]) => wanted(name, range, false, false)),
    ...Object.entries(optionalDependencies).flatMap(([name, range]) =>
      wanted(name, range, true, false),
    ),
    ...peers.flatMap(([name, range]) => wanted(name, range, false, true)),
  ];
}

/** Only what a registry has: no address, no directory, no version control. */
function wanted(name: string, range: string, isOptional: boolean, isPeer: boolean): Wanted[] {
  const [, target = name, version = range] = /^npm:(@?[^@]+)(?:@(.*))?$/.exec(range) ?? [];
  if (/[:/]/.test(version)) {
    if (isOptional) return [];
    throw new UserError("E_NPM_CLOSURE", `it needs ${name} from ${range}, which no registry has`, {
      hint: "Write a recipe for the program from another source.",
    });
  }
  return [{ name, target, range: version, isOptional, isPeer }];
}

function isFit({ name, version }: PublishedVersion, { target, range }: Wanted): boolean {
  if (name !== target) return false;
  // A tag says nothing about a version that is there already; npm takes it as it is, too.
  if (semver.validRange(range, { loose: true }) === null) return true;
  return semver.satisfies(version, range, { loose: true });
}

/** What Node would find from a directory of the tree. */
function lookUp(tree: ReadonlyMap<string, Placed>, from: string, name: string): Placed | undefined {
  for (let base = from; ; base = parentOf(base)) {
    const found = tree.get(base === "" ? `node_modules/${name}` : `${base}/node_modules/${name}`);
    if (found || base === "") return found;
  }
}

/** The package that a package's directory lies in. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/node_modules/")));
}

function renderLock(tree: ReadonlyMap<string, Placed>, top: Placed): string {
  const needed = new Set<Placed>();
  const ahead = [top];
  for (let at = ahead.pop(); at !== undefined; at = ahead.pop()) {
    if (needed.has(at)) continue;
    needed.add(at);
    ahead.push(...at.needs);
  }
  const packages = [...tree.values()].map((placed) => {
    const { name, version, dist, os, cpu, libc, ...found } = placed.found;
    const { dependencies, optionalDependencies, peerDependencies } = found;
    const isAlias = placed.path !== "" && !placed.path.endsWith(`node_modules/${name}`);
    const groups = { dependencies, optionalDependencies, peerDependencies };
    const optional = needed.has(placed) ? {} : { optional: true };
    const pinned = { version, integrity: dist?.integrity, os, cpu, libc, ...optional };
    const entry = placed.path === "" ? groups : { ...(isAlias && { name }), ...pinned, ...groups };
    return [placed.path, entry];
  });
  return JSON.stringify({ lockfileVersion: 3, packages: Object.fromEntries(packages) });
}

function tooMany({ name, version }: PublishedVersion): UserError {
  return new UserError(
    "E_NPM_CLOSURE",
    `${name}@${version} needs more than ${maxPackages} packages`,
    {
      hint: "Write a recipe for the program from another source.",
    },
  );
}

import { asFields, type Fields, trimmed } from "../values.ts";

/** The versions that a lock file beside package.json names, whichever program wrote it. */
export interface LockedVersions {
  /** Of what package.json itself requires: name to version. */
  readonly direct: ReadonlyMap<string, string>;
  /** Name to all its versions. */
  readonly versions: ReadonlyMap<string, ReadonlySet<string>>;
  /** `name@version` to the integrity that the lock has. */
  readonly integrity: ReadonlyMap<string, string>;
}

/** What package.json requires: name to range. */
type Ranges = Readonly<Record<string, string>>;

class Versions implements LockedVersions {
  readonly direct = new Map<string, string>();
  readonly versions = new Map<string, Set<string>>();
  readonly integrity = new Map<string, string>();

  add(name: string, version: string, integrity?: unknown): void {
    this.versions.set(name, (this.versions.get(name) ?? new Set()).add(version));
    const text = trimmed(integrity);
    if (text !== undefined) this.integrity.set(`${name}@${version}`, text);
  }
}

const version = /^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/;
/** `/a@1.0.0(b@2.0.0)`, `a@1.0.0` and `/@scope/a/1.0.0_b@2.0.0`: the forms since version 5. */
const pnpmKey = /^\/?((?:@[^/@]+\/)?[^/@]+)[@/](\d[^(_]*)/;

/** Reads pnpm-lock.yaml of version 5 or newer; undefined if it is not one. */
export async function readPnpmLock(text: string): Promise<LockedVersions | undefined> {
  const { parse } = await import("yaml");
  const document = asFields(parse(text, { maxAliasCount: 0 }));
  const packages = asFields(document?.packages);
  if (!document || document.lockfileVersion === undefined || !packages) return undefined;
  const found = new Versions();
  for (const [key, entry] of Object.entries(packages)) {
    const [, name, of] = pnpmKey.exec(key) ?? [];
    if (name === undefined || of === undefined) continue;
    found.add(name, of, asFields(asFields(entry)?.resolution)?.integrity);
  }
  const root = asFields(asFields(document.importers)?.["."]) ?? document;
  for (const group of [root.dependencies, root.optionalDependencies]) {
    for (const [name, given] of Object.entries(asFields(group) ?? {})) {
      const text = trimmed(asFields(given)?.version) ?? trimmed(given) ?? "";
      const of = /^[^(_]*/.exec(text)?.[0] ?? "";
      if (version.test(of)) found.direct.set(name, of);
    }
  }
  return found;
}

/** Reads yarn.lock of any version; undefined if it is not one. */
export async function readYarnLock(
  text: string,
  ranges: Ranges,
): Promise<LockedVersions | undefined> {
  const { parseSyml } = await import("@yarnpkg/parsers");
  const document = asFields(parseSyml(text));
  if (!document) return undefined;
  const found = new Versions();
  const byPattern = new Map<string, string>();
  for (const [key, value] of Object.entries(document)) {
    const entry = asFields(value);
    const of = trimmed(entry?.version);
    if (!entry || of === undefined || !version.test(of)) continue;
    for (const pattern of key.split(", ")) {
      const [, name = "", range = ""] = /^(@?[^@]+)@(?:npm:)?(.*)$/.exec(pattern) ?? [];
      // An alias, a patch, a workspace: npm resolves what the registry has of it.
      if (name === "" || /[:@]/.test(range)) continue;
      byPattern.set(`${name}@${range}`, of);
      found.add(name, of, entry.integrity);
    }
  }
  for (const [name, range] of Object.entries(ranges)) {
    const of = byPattern.get(`${name}@${range}`);
    if (of !== undefined) found.direct.set(name, of);
  }
  return found.versions.size > 0 ? found : undefined;
}

/** Reads package-lock.json or npm-shrinkwrap.json of any version; undefined if it is not one. */
export function readNpmLock(document: Fields): LockedVersions | undefined {
  const found = new Versions();
  const packages = asFields(document.packages);
  const tree = asFields(document.dependencies);
  if (packages) addPackages(packages, found);
  else if (tree) addTree(tree, found, true);
  else return undefined;
  return found;
}

function addPackages(packages: Fields, found: Versions): void {
  for (const [path, value] of Object.entries(packages)) {
    const entry = asFields(value);
    const of = trimmed(entry?.version);
    const below = path.lastIndexOf("node_modules/");
    if (!entry || of === undefined || below < 0 || entry.inBundle === true) continue;
    const name = trimmed(entry.name) ?? path.slice(below + "node_modules/".length);
    found.add(name, of, entry.integrity);
    if (below === 0 && entry.name === undefined) found.direct.set(name, of);
  }
}

/** Of version 1: packages hold those that are nested in them. */
function addTree(tree: Fields, found: Versions, isTop: boolean): void {
  for (const [name, value] of Object.entries(tree)) {
    const entry = asFields(value);
    const of = trimmed(entry?.version);
    if (!entry || of === undefined || !version.test(of) || entry.bundled === true) continue;
    found.add(name, of, entry.integrity);
    if (isTop) found.direct.set(name, of);
    addTree(asFields(entry.dependencies) ?? {}, found, false);
  }
}

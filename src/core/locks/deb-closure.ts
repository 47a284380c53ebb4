import { compareDebVersions } from "../deb-version.ts";
import { parseStanzas } from "./apt.ts";

/** A package as listed in an index of Debian. */
export interface IndexedPackage {
  readonly name: string;
  readonly version: string;
  /** Each item is a list of alternatives; versions and architectures are dropped. */
  readonly depends: readonly (readonly string[])[];
  readonly provides: readonly string[];
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** One line. */
  readonly description: string;
  /** Empty if the index has none. */
  readonly homepage: string;
}

/** Reads the text of an index (`Packages`). Stanzas without a required field are skipped. */
export function parseIndex(text: string): IndexedPackage[] {
  return parseStanzas(text).flatMap((stanza) => {
    const field = (name: string): string => stanza.get(name) ?? "";
    const [name, version, path, sha256] = ["package", "version", "filename", "sha256"].map(field);
    if (!name || !version || !path || !sha256) return [];
    const depends = [...clauses(field("pre-depends")), ...clauses(field("depends"))];
    const provides = clauses(field("provides")).flat();
    const size = Number(field("size"));
    const about = { description: field("description"), homepage: field("homepage") };
    return [{ name, version, depends, provides, path, size, sha256, ...about }];
  });
}

/** The newest version of each package by name, and the providers of virtual names. */
export interface Packages<T extends IndexedPackage = IndexedPackage> {
  readonly byName: ReadonlyMap<string, T>;
  readonly providers: ReadonlyMap<string, readonly string[]>;
}

/** The newest version of each package in several indexes, as apt chooses it. */
export function newestPackages<T extends IndexedPackage>(
  lists: readonly (readonly T[])[],
): Packages<T> {
  const byName = new Map<string, T>();
  const providers = new Map<string, string[]>();
  for (const one of lists.flat()) {
    const other = byName.get(one.name);
    if (!other || compareDebVersions(one.version, other.version) > 0) byName.set(one.name, one);
  }
  for (const { name, provides } of byName.values()) {
    for (const provided of provides) {
      providers.set(provided, [...(providers.get(provided) ?? []), name].sort());
    }
  }
  return { byName, providers };
}

/**
 * The transitive dependencies of packages, with the packages themselves; dependencies that nothing
 * provides are left out.
 */
export function closureOf(roots: readonly string[], packages: Packages): Set<string> {
  const found = new Set<string>();
  const ahead = [...roots];
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    const one = packages.byName.get(name);
    if (!one || found.has(name)) continue;
    found.add(name);
    for (const alternatives of one.depends) {
      const chosen = chooseAlternative(alternatives, packages);
      if (chosen !== undefined) ahead.push(chosen);
    }
  }
  return found;
}

/** The first alternative that is a package; else the first package that provides one of them. */
function chooseAlternative(
  alternatives: readonly string[],
  { byName, providers }: Packages,
): string | undefined {
  const real = alternatives.find((name) => byName.has(name));
  return real ?? alternatives.flatMap((name) => providers.get(name) ?? [])[0];
}

/** The contents of a package that matter to programs that need it. */
export interface PackageContents {
  /** Library name to the names of the libraries that it is linked with. */
  readonly libraries: ReadonlyMap<string, readonly string[]>;
  /** The libraries that its programs, libraries and plugins are linked with. */
  readonly needed: ReadonlySet<string>;
  /** The package that holds the licence of this one, if that is another package. */
  readonly licenceIn?: string;
}

/**
 * The packages of a closure that are needed: the named ones, those with a library that these need
 * directly or indirectly, and the licences of all. Most dependencies are services, documentation,
 * or optional libraries that programs work without.
 */
export function pruneClosure(
  named: readonly string[],
  contents: ReadonlyMap<string, PackageContents>,
): string[] {
  const holders = new Map<string, { name: string; needed: readonly string[] }>();
  for (const [name, { libraries }] of [...contents].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const [soname, needed] of libraries) {
      // The libraries of a named package win over those of the same name elsewhere.
      if (!holders.has(soname) || named.includes(name)) holders.set(soname, { name, needed });
    }
  }
  const chosen = new Set(named.filter((name) => contents.has(name)));
  const seen = new Set<string>();
  const ahead = [...chosen].flatMap((name) => [...(contents.get(name)?.needed ?? [])]);
  for (let soname = ahead.pop(); soname !== undefined; soname = ahead.pop()) {
    const holder = holders.get(soname);
    if (!holder || seen.has(soname)) continue;
    seen.add(soname);
    chosen.add(holder.name);
    ahead.push(...holder.needed);
  }
  for (const name of chosen) {
    const licence = contents.get(name)?.licenceIn;
    if (licence !== undefined && contents.has(licence)) chosen.add(licence);
  }
  return [...chosen].sort();
}

/** `a (>= 1) | b:any, c [amd64]` as `[[a, b], [c]]`. */
function clauses(text: string): string[][] {
  if (text === "") return [];
  return text.split(",").map((clause) =>
    clause
      .split("|")
      .map((word) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(word)?.[1] ?? "")
      .filter(Boolean),
  );
}

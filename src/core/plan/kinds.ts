import { upstreamVersion } from "../deb-version.ts";
import { type Digest, formatDigest, sha256Hex } from "../digest.ts";
import { pythonOfLine } from "../library-set.ts";
import { selectWheels } from "../locks/wheels.ts";
import type { Platform } from "../platform.ts";
import type { Artifact, ArtifactKind, ArtifactOf, LockedWheel } from "../recipe.ts";
import { shownUrl } from "../shown-url.ts";

/**
 * What a plan needs to know about a kind of source. Fetching and staging are in its folder of
 * `sources/`.
 */
export interface KindDescription<A extends Artifact> {
  /** In one word: its URL, or the registry and NAME@VERSION. */
  nameOf(artifact: A): string;
  /**
   * `sha256:…` of the pinned download; for a closure, of the list of its packages' digests; `h1:…`.
   */
  digestOf(artifact: A): string;
  /** How the pinned bytes become a tree, if that can differ: part of the key. */
  shapeOf(artifact: A): unknown;
  /** Bytes to download, if known; for wheels those for a Python of this version. */
  sizeOf(artifact: A, platform: Platform, python: string): number | undefined;
  /** The source's version, if it may differ from the recipe's. */
  versionOf?(artifact: A): string;
  /** Built locally, which takes minutes: tried last. */
  readonly isBuilt?: boolean;
  /** Its packages depend on the Python that will run them, which must be installed first. */
  readonly isChosenByPython?: boolean;
}

/**
 * Increased when the same packages become a different tree: other launchers, other files left out.
 */
const debTreeForm = 1;

const same = (): null => null;
const unknown = (): undefined => undefined;
const pinnedDigest = ({ digest }: { readonly digest: Digest }): string => formatDigest(digest);
const pinnedSize = ({ size }: { readonly size?: number }): number | undefined => size;
const compiled = ({ bytecode }: Artifact): string[] => (bytecode === undefined ? [] : [bytecode]);

/** A package that is used as an archive. */
const packageParts = {
  digestOf: pinnedDigest,
  sizeOf: pinnedSize,
  shapeOf: (artifact: ArtifactOf<"npm-package" | "wheel" | "go-module">): unknown =>
    artifact.bytecode === undefined ? artifact.strip : [artifact.strip, artifact.bytecode],
};

const kinds: { readonly [Kind in ArtifactKind]: KindDescription<ArtifactOf<Kind>> } = {
  archive: {
    nameOf: ({ url }) => shownUrl(url),
    digestOf: pinnedDigest,
    shapeOf: (artifact) => [artifact.format, artifact.strip, ...compiled(artifact)],
    sizeOf: pinnedSize,
  },
  "npm-package": {
    ...packageParts,
    nameOf: ({ name, version }) => `npm:${name}@${version}`,
  },
  "npm-closure": {
    nameOf: ({ name, version }) => `npm:${name}@${version}`,
    digestOf: ({ packages }) => listDigest(packages, ({ path }) => path),
    shapeOf: ({ without = null }) => without,
    sizeOf: unknown,
  },
  debian: {
    nameOf: ({ name, version }) => `deb:${name}@${version}`,
    versionOf: ({ version }) => upstreamVersion(version),
    digestOf: ({ packages }) => listDigest(packages, ({ name }) => name),
    shapeOf: ({ start }) => [debTreeForm, start],
    sizeOf: ({ packages }) => sumOf(packages),
  },
  python: {
    nameOf: ({ name, version }) => `pypi:${name}@${version}`,
    digestOf: ({ wheels }) => listDigest(wheels, ({ file }) => file),
    shapeOf: same,
    sizeOf: ({ wheels }, platform, python) => sizeOfWheels(wheels, python, platform),
    isChosenByPython: true,
  },
  wheel: {
    ...packageParts,
    nameOf: ({ name, version }) => `pypi:${name}@${version}`,
  },
  "go-module": {
    ...packageParts,
    nameOf: ({ module, version }) => `go:${module}@${version}`,
  },
  "go-build": {
    nameOf: ({ module, version }) => `go:${module}@${version}`,
    digestOf: ({ sum }) => sum,
    shapeOf: (artifact) => artifact.package,
    sizeOf: unknown,
    isBuilt: true,
  },
  "python-libraries": {
    nameOf: ({ line, wheels }) => `${wheels.length} wheels for ${line}`,
    digestOf: ({ wheels }) => listDigest(wheels, ({ file }) => file),
    shapeOf: ({ line }) => line,
    sizeOf: ({ line, wheels }, platform) =>
      sizeOfWheels(wheels, pythonOfLine(line) ?? line, platform),
  },
  "node-libraries": {
    nameOf: ({ packages }) => `${packages.length} npm packages`,
    digestOf: ({ packages }) => listDigest(packages, ({ path }) => path),
    shapeOf: same,
    sizeOf: unknown,
  },
  "declared-libraries": {
    nameOf: ({ from }) => from,
    digestOf: ({ from }) => from,
    shapeOf: same,
    sizeOf: unknown,
  },
  declared: {
    nameOf: ({ from }) => from,
    digestOf: ({ from }) => from,
    shapeOf: same,
    sizeOf: unknown,
  },
};

/** What a plan needs to know about an artifact's kind. */
export function describeKind({ kind }: Artifact): KindDescription<Artifact> {
  return kinds[kind];
}

function listDigest<Package extends { readonly digest: Digest }>(
  packages: readonly Package[],
  nameOf: (locked: Package) => string,
): string {
  const lines = packages.map((locked) => `${nameOf(locked)} ${formatDigest(locked.digest)}`);
  return `sha256:${sha256Hex(lines.sort().join("\n"))}`;
}

function sizeOfWheels(
  wheels: readonly LockedWheel[],
  python: string,
  platform: Platform,
): number | undefined {
  try {
    return sumOf(selectWheels(wheels, python, platform));
  } catch {
    return undefined; // the installation reports that the lock has none for this Python
  }
}

function sumOf(list: readonly { readonly size: number }[]): number {
  return list.reduce((sum, { size }) => sum + size, 0);
}

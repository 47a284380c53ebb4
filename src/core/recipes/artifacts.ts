import { type Digest, parseHexDigest, parseIntegrity } from "../digest.ts";
import { debArchOf } from "../locks/deb-lock.ts";
import { type PlatformKey, platformKeys } from "../platform.ts";
import type { Artifact, DebianStart, Recipe } from "../recipe.ts";
import type { Locked } from "./locks.ts";
import { formatOfUrl, splitPackage } from "./rules.ts";
import type { RecipeDocument, RecipeSource } from "./schema.ts";

/** Turns a document without problems into a Recipe. */
export function toRecipe(document: RecipeDocument, origin: string, locked: Locked): Recipe {
  const entries = platformKeys.flatMap((key) => {
    const value = document.artifacts[key];
    return value
      ? [[key, sourceList(value).map((source) => toArtifact(source, document, key, locked))]]
      : [];
  });
  return {
    name: document.name,
    description: document.description,
    homepage: document.homepage,
    license: document.license,
    version: document.version,
    bins: document.bins,
    ...(document.aliases && { aliases: document.aliases }),
    test: document.test,
    needs: document.needs ?? [],
    artifacts: Object.fromEntries(entries),
    origin,
  };
}

/** The sources of one platform as a list. */
function sourceList(value: RecipeSource | readonly RecipeSource[]): readonly RecipeSource[] {
  return "length" in value ? (value as readonly RecipeSource[]) : [value as RecipeSource];
}

type Common = Pick<Artifact, "bins" | "glibc" | "bytecode">;

function toArtifact(
  source: RecipeSource,
  document: RecipeDocument,
  key: PlatformKey,
  locked: Locked,
): Artifact {
  const { glibc, bytecode } = source;
  const common: Common = {
    ...(source.bins && { bins: { ...document.bins, ...source.bins } }),
    ...(glibc !== undefined && { glibc }),
    ...(bytecode !== undefined && { bytecode }),
  };
  if (source.lock !== undefined)
    return toClosure(source, source.lock, document, key, locked, common);
  if (source.sum === undefined) return toDownload(source, common);
  const { name: module, version } = splitPackage(source.go ?? "");
  const { sum, package: directory = ".", toolchain = "1" } = source;
  return { kind: "go-build", module, version, package: directory, sum, toolchain, ...common };
}

/** A program with every package it needs, as its lock pins them. */
function toClosure(
  { npm, deb, pypi }: RecipeSource,
  lock: string,
  document: RecipeDocument,
  key: PlatformKey,
  locked: Locked,
  common: Common,
): Artifact {
  if (deb !== undefined) {
    const held = locked.deb.get(lock);
    const packages = held?.packages[debArchOf(key) ?? "amd64"] ?? [];
    const debian = { packages, snapshot: held?.snapshot ?? "", start: startOf(document) };
    return { kind: "debian", ...splitPackage(deb), ...debian, ...common };
  }
  if (pypi !== undefined) {
    const wheels = locked.pypi.get(lock) ?? [];
    return { kind: "python", ...splitPackage(pypi), wheels, ...common };
  }
  const packages = locked.npm.get(lock) ?? [];
  return { kind: "npm-closure", ...splitPackage(npm ?? ""), packages, ...common };
}

function startOf({ env = {}, args = {}, setup }: RecipeDocument): DebianStart {
  return { env, args, ...(setup && { setup }) };
}

/** One file with a digest of its own. */
function toDownload(source: RecipeSource, common: Common): Artifact {
  const { url, go, npm, size, strip } = source;
  const digest = sourceDigest(source);
  // The checks have seen to both; without them this would be a bug, not a recipe's fault.
  if (!digest) throw new Error("a source without a digest passed the checks");
  const download = { digest, ...(size !== undefined && { size }), ...common };
  if (go !== undefined) {
    const { name: module, version } = splitPackage(go);
    return { kind: "go-module", module, version, strip: strip ?? 0, ...download };
  }
  if (url === undefined) {
    return { kind: "npm-package", ...splitPackage(npm ?? ""), strip: strip ?? 1, ...download };
  }
  const format = source.format ?? formatOfUrl(url) ?? "raw";
  return { kind: "archive", url, format, strip: strip ?? 0, ...download };
}

/** The digest of a source that has one. */
function sourceDigest({ sha256, sha512, integrity }: RecipeSource): Digest | undefined {
  if (sha256 !== undefined) return parseHexDigest("sha256", sha256);
  if (sha512 !== undefined) return parseHexDigest("sha512", sha512);
  return integrity === undefined ? undefined : parseIntegrity(integrity);
}

import { isAtLeast, keysFor, type Platform, platformId } from "../platform.ts";
import type { Artifact, DeclaredArtifact, DeclaredLibrariesArtifact, Recipe } from "../recipe.ts";
import { describeKind } from "./kinds.ts";

/**
 * The recipe's sources for a platform in the order in which they are tried, or why there are none.
 * Sources that are built locally take minutes and come last.
 */
export function artifactsFor(
  recipe: Recipe,
  platform: Platform,
): { artifacts: readonly Artifact[] } | { reason: string } {
  const listed = listedFor(recipe, platform);
  if (listed.length === 0) {
    const have = Object.keys(recipe.artifacts).join(", ");
    return {
      reason: `the recipe ${recipe.name} has nothing for ${platformId(platform)} (${have})`,
    };
  }
  const artifacts = listed.filter(({ glibc }) => glibc === undefined || hasLibc(platform, glibc));
  const isBuilt = (artifact: Artifact): boolean => describeKind(artifact).isBuilt === true;
  if (artifacts.length > 0) {
    const built = artifacts.filter(isBuilt);
    return { artifacts: [...artifacts.filter((artifact) => !isBuilt(artifact)), ...built] };
  }
  const glibc = listed.map((artifact) => artifact.glibc).join(" or ");
  return {
    reason: `the recipe ${recipe.name} needs glibc ${glibc}; here it is ${platform.libcVersion}`,
  };
}

/** The recipe's sources for a platform that this host cannot use, and why. */
export function unfitArtifacts(
  recipe: Recipe | undefined,
  platform: Platform,
): { artifact: Artifact; reason: string }[] {
  return listedFor(recipe, platform).flatMap((artifact) => {
    const { glibc } = artifact;
    if (glibc === undefined || hasLibc(platform, glibc)) return [];
    return [{ artifact, reason: `it needs glibc ${glibc}; here it is ${platform.libcVersion}` }];
  });
}

function listedFor(recipe: Recipe | undefined, platform: Platform): readonly Artifact[] {
  const key = keysFor(platform).find((candidate) => recipe?.artifacts[candidate] !== undefined);
  return (key !== undefined && recipe?.artifacts[key]) || [];
}

function hasLibc({ libcVersion }: Platform, least: string): boolean {
  return libcVersion === undefined || isAtLeast(libcVersion, least);
}

/**
 * Bytes to download, if the recipe or its lock says; for wheels those for a `python` of this
 * version.
 */
export function downloadSize(
  artifact: Artifact,
  platform: Platform,
  python: string | undefined,
): number | undefined {
  return describeKind(artifact).sizeOf(artifact, platform, python ?? "");
}

/** A source in one word: its URL, or the registry and NAME@VERSION. */
export function sourceName(artifact: Artifact): string {
  return describeKind(artifact).nameOf(artifact);
}

/** The recipe of an unused declaration that the user has accepted: it replaces what is recorded. */
export function asAccepted(recipe: Recipe): Recipe {
  const any = recipe.artifacts.any?.map((artifact) => ({ ...artifact, accepted: true }));
  return { ...recipe, artifacts: { any: any ?? [] } };
}

/** The unused declaration among these artifacts, if there is one. */
export function openDeclaration(
  artifacts: readonly Artifact[] | undefined,
): DeclaredArtifact | DeclaredLibrariesArtifact | undefined {
  return artifacts?.find((each) => each.kind === "declared" || each.kind === "declared-libraries");
}

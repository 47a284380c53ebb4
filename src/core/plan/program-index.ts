import { type Platform, platformId } from "../platform.ts";
import type { Catalogue, Recipe } from "../recipe.ts";
import { artifactsFor } from "./artifact.ts";
import { needsOf } from "./needs.ts";

/**
 * Who provides a program, for a quick answer: the tool, its version, and the platforms on which it can
 * be installed whatever the libc's version.
 */
type IndexedProgram = readonly [tool: string, version: string, platforms: readonly string[]];
/** dist/programs.json: by program or alias. */
export type ProgramIndex = Readonly<Record<string, IndexedProgram>>;

const archs = ["x64", "arm64"] as const;
const libcs = ["glibc", "musl"] as const;
const platforms: Platform[] = archs.flatMap((arch) =>
  libcs.map((libc) => ({ os: "linux" as const, arch, libc, libcVersion: "0" })),
);

export function indexPrograms(catalogue: Catalogue): ProgramIndex {
  const entries = [...catalogue.providers].flatMap(([program, name]) => {
    const recipe = catalogue.recipes.get(name);
    if (!recipe) return [];
    const fit = platforms.filter((platform) => isCertain(recipe, platform, catalogue));
    return [[program, [name, recipe.version, fit.map(platformId)]] as const];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isCertain(recipe: Recipe, platform: Platform, catalogue: Catalogue): boolean {
  const found = artifactsFor(recipe, platform);
  if ("reason" in found) return false;
  // An older libc may do without it, but here it matters that none can refuse it.
  const isThere = (name: string): boolean => {
    const need = catalogue.recipes.get(name);
    return need !== undefined && !("reason" in artifactsFor(need, platform));
  };
  return found.artifacts.some((artifact) => needsOf(recipe, artifact).every(isThere));
}

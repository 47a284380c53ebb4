/** The recipes whose programs must have a second source, and from which places each source comes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { artifactsFor } from "../../src/core/plan/artifact.ts";
import type { Platform } from "../../src/core/platform.ts";
import type { Artifact, Catalogue, Recipe } from "../../src/core/recipe.ts";

interface Watched {
  readonly bundled: readonly string[];
  readonly named: readonly string[];
  readonly alone: readonly { readonly why: string; readonly recipes: readonly string[] }[];
}

const watched: Watched = parse(readFileSync(join(import.meta.dirname, "programs.yaml"), "utf8"));

/** Recipe to the reason why it has one source. */
export const alone: ReadonlyMap<string, string> = new Map(
  watched.alone.flatMap(({ why, recipes }) => recipes.map((recipe) => [recipe, why] as const)),
);

/** Recipe to those of its programs that are watched. */
export function watchedRecipes({ providers, recipes }: Catalogue): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const program of new Set([...watched.bundled, ...watched.named])) {
    const name = providers.get(program);
    if (name === undefined || !recipes.has(name)) throw new Error(`no recipe has ${program}`);
    found.set(name, [...(found.get(name) ?? []), program]);
  }
  return found;
}

const places = {
  "npm-package": "npm",
  "npm-closure": "npm",
  python: "Python index",
  wheel: "Python index",
  debian: "Debian",
  "go-module": "Go proxy",
  "go-build": "Go proxy",
} as const;

/** Where a source comes from: what two sources must not share, so that one remains if the other is gone. */
export function placeOf(artifact: Artifact): string {
  if (artifact.kind === "archive") return new URL(artifact.url).host;
  if (artifact.kind in places) return places[artifact.kind as keyof typeof places];
  throw new Error(`no recipe has a source of the kind ${artifact.kind}`);
}

/** The places for a platform, in the order in which they are tried. */
export function placesFor(recipe: Recipe, platform: Platform): string[] {
  const found = artifactsFor(recipe, platform);
  return "reason" in found ? [] : [...new Set(found.artifacts.map(placeOf))];
}

/** OpenClaw's images. */
export const platforms: readonly Platform[] = (["x64", "arm64"] as const).map((arch) => {
  return { os: "linux", arch, libc: "glibc", libcVersion: "2.36" };
});

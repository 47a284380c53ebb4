import { join } from "node:path";
import { lineOfTool } from "../core/library-set.ts";
import { listNames } from "../core/list-names.ts";
import { recordedRecipe } from "../core/plan/declared.ts";
import { type NamedPackage, packagesNamed } from "../core/plan/named-packages.ts";
import type { Recipe } from "../core/recipe.ts";
import { tolerate } from "../io/files.ts";
import { readDeclared } from "../io/volume/declared-file.ts";
import { bytesOf } from "../io/volume/prune.ts";
import { formatBytes } from "../report/text.ts";
import type { InstalledState } from "../run/inputs/state.ts";

/** A package of a library set in the document of `why --json`; entrypoint/README.md describes it. */
export interface PackageAnswer extends NamedPackage {
  /** Of its directory in the volume, where it has one of its own. */
  readonly bytes?: number;
}

/** The packages of these names in the library sets of the volume and of the skills in view, as they are pinned. */
export async function findPackages(
  names: readonly string[],
  state: InstalledState,
): Promise<PackageAnswer[]> {
  const recipes = await recipesOfSets(state);
  const found = names.flatMap((name) => packagesNamed(name, recipes, state));
  return await Promise.all(
    found.map(async (each) => {
      if (each.dir === undefined) return each;
      return { ...each, bytes: await bytesOf(join(state.prefix, each.dir)) };
    }),
  );
}

/** A name that only packages can have: `@scope/name`. */
export function isScoped(name: string): boolean {
  return /^@[a-z0-9._~-]+\/[a-z0-9._~-]+$/i.test(name);
}

async function recipesOfSets(state: InstalledState): Promise<Recipe[]> {
  const { prefix, manifest, catalogue, libraries } = state;
  const inView = libraries.flatMap(({ sets }) => sets.flatMap(({ tools }) => tools));
  const known = new Set([...inView, ...Object.keys(manifest.tools)].filter(lineOfTool));
  const recorded = (await tolerate(readDeclared(prefix)))?.tools ?? {};
  return [...known].sort().flatMap((tool) => {
    const own = catalogue.recipes.get(tool);
    if (own) return [own];
    const record = recorded[tool];
    const recipe = record && recordedRecipe(tool, record);
    return recipe && typeof recipe !== "string" ? [recipe] : [];
  });
}

/** What is known of a package, as text. */
export function renderPackage(found: PackageAnswer): string {
  const { name, version, skills, set, declared, isDirect, from, size, bytes, installed } = found;
  const sizes = [
    ...(size === undefined ? [] : [`${formatBytes(size)} to download`]),
    ...(bytes === undefined ? [] : [`${formatBytes(bytes)} in the volume`]),
  ];
  const rows: [string, string][] = [
    ["package of", `${skills.length > 1 ? "skills" : "skill"} ${listNames(skills, 5)}`],
    ["declared", `${declared}${isDirect ? "" : ", which needs it"}`],
    ["source", [from, ...sizes].join(", ")],
    ["set", `${set} (${found.tool})${installed ? "" : ", not installed yet"}`],
  ];
  return `${name} ${version}\n${rows.map(([label, text]) => `  ${label.padEnd(11)}${text}\n`).join("")}`;
}

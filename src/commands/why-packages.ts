import { join } from "node:path";
import { lineOfTool, titleOfSet } from "../core/library-set.ts";
import { normalName } from "../core/locks/wheel-tags.ts";
import type { VerifiedRecord } from "../core/manifest.ts";
import { recordedRecipe } from "../core/plan/declared.ts";
import { type NamedPackage, packagesNamed } from "../core/plan/named-packages.ts";
import { skillsThatAsk } from "../core/plan/required-by.ts";
import type { Recipe } from "../core/recipe.ts";
import { asFields } from "../core/values.ts";
import { nameSome } from "../core/wording.ts";
import { listNames, orNothing, tolerate } from "../io/files.ts";
import { readPlain } from "../io/input.ts";
import { readDeclared } from "../io/volume/declared-file.ts";
import { bytesOf } from "../io/volume/prune.ts";
import { formatBytes } from "../report/text.ts";
import type { InstalledState } from "../run/inputs/state.ts";

/** Far more than any package.json (bytes). */
const maxPackageJson = 1024 * 1024;

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
  const pinned = new Set(recipes.map((recipe) => recipe.name));
  const others = Object.values(state.manifest.tools).filter(
    ({ tool, libraries }) => libraries && !pinned.has(tool),
  );
  const found = names.flatMap((name): PackageAnswer[] => [
    ...packagesNamed(name, recipes, state),
    ...others.flatMap((record) => inTree(name, record, state)),
  ]);
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

/** A package of a set that came from a bundle or a seed, without its pins: what the tree itself says. */
function inTree(name: string, record: VerifiedRecord, state: InstalledState): NamedPackage[] {
  const { tool, dir, libraries, source, recipe } = record;
  const isNode = lineOfTool(tool) === "node";
  const inner = isNode ? `${dir}/node_modules/${name}` : `${dir}/site-packages`;
  const path = join(state.prefix, inner);
  const version = isNode ? versionOfModule(path) : versionOfWheel(path, name);
  if (version === undefined) return [];
  const spelled = isNode ? name : normalName(name);
  const skills = skillsThatAsk(record, state.manifest.skills);
  return [
    {
      ...{ name: spelled, version, tool, set: titleOfSet(tool, skills), skills },
      ...{ declared: recipe, isDirect: libraries?.names.includes(spelled) === true },
      ...{ from: source.from, installed: true, ...(isNode && { dir: inner }) },
    },
  ];
}

function versionOfModule(path: string): string | undefined {
  const text = readPlain(join(path, "package.json"), maxPackageJson) ?? "";
  const version = asFields(orNothing(() => JSON.parse(text)))?.version;
  return typeof version === "string" ? version : undefined;
}

function versionOfWheel(path: string, name: string): string | undefined {
  for (const found of orNothing(() => listNames(path)) ?? []) {
    const [, of, version] = /^([^-]+)-([^-]+)\.dist-info$/.exec(found) ?? [];
    if (of !== undefined && normalName(of) === normalName(name)) return version;
  }
  return undefined;
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
    [
      "package of",
      `${skills.length > 1 ? "skills" : "skill"} ${nameSome(skills, 5) || "that is gone"}`,
    ],
    ["declared", `${declared}${isDirect ? "" : ", which needs it"}`],
    ["source", [from, ...sizes].join(", ")],
    ["set", `${set} (${found.tool})${installed ? "" : ", not installed yet"}`],
  ];
  return `${name} ${version}\n${rows.map(([label, text]) => `  ${label.padEnd(11)}${text}\n`).join("")}`;
}

import { type Digest, formatDigest, parseDigest } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import { once } from "../../core/once.ts";
import { addAliases } from "../../core/plan/aliases.ts";
import type { Catalogue, Recipe, RecipeProblem } from "../../core/recipe.ts";
import {
  catalogueSchema,
  packagesLine,
  type ReadFile,
  type RecipeSet,
  readText,
  sharedLists,
} from "./recipe-files.ts";

export interface CatalogueFiles {
  readonly catalogue: Catalogue;
  /** Every file that was read, recipes and locks: for noticing a change. */
  readonly files: readonly ReadFile[];
  readonly problems: readonly RecipeProblem[];
}

/**
 * Loads directories of recipes and then the compiled catalogue. An earlier one hides recipes and
 * programs with the same name. A recipe with problems is left out and hides nothing. Throws a
 * UserError (`config`) if a named directory or the compiled catalogue cannot be read.
 */
export async function loadCatalogue(place: {
  dirs: readonly string[];
  compiled?: string;
}): Promise<CatalogueFiles> {
  const files: ReadFile[] = [];
  const sets: RecipeSet[] = await readDirectories(place.dirs, files);
  if (place.compiled !== undefined) sets.push(readCompiled(place.compiled, files));
  const recipes = new Map<string, Recipe>();
  const providers = new Map<string, string>();
  for (const recipe of sets.flatMap((set) => set.recipes)) {
    if (recipes.has(recipe.name)) continue;
    recipes.set(recipe.name, recipe);
    for (const bin of Object.keys(recipe.bins)) {
      if (!providers.has(bin)) providers.set(bin, recipe.name);
    }
  }
  addAliases(
    sets.flatMap((set) => set.recipes),
    { recipes, providers },
  );
  const problems = sets.flatMap((set) => set.problems);
  return { catalogue: { recipes, providers }, files, problems };
}

/** The YAML modules take 15 ms to load, and most hosts have no recipes of their own. */
async function readDirectories(dirs: readonly string[], files: ReadFile[]): Promise<RecipeSet[]> {
  if (dirs.length === 0) return [];
  const { readDirectory } = await import("./recipe-dir.ts");
  return dirs.map((dir) => readDirectory(dir, files));
}

/**
 * A light check is enough: the file was compiled from checked recipes and is part of the package.
 * But every digest is parsed. Of most recipes only the name and the programs are needed.
 */
function readCompiled(file: string, files: ReadFile[]): RecipeSet {
  return usable(file, () => {
    const [head = "", ...lines] = readText(file, files).split("\n");
    const { schema, recipes }: Head = JSON.parse(`${head}]}`);
    if (schema !== catalogueSchema) throw new Error(`it has schema ${schema}`);
    if (!Array.isArray(recipes) || !recipes.every(isRecipe)) throw new Error("it has no recipes");
    const packages = lines.slice(recipes.length + 1);
    if (lines[recipes.length] !== packagesLine || packages.at(-2) !== "]}") {
      throw new Error("it is truncated");
    }
    const readArtifacts = (i: number) =>
      once(() => usable(file, () => parseArtifacts(lines[i] ?? "", packages)));
    const whole = recipes.map((recipe, i) => withArtifacts(recipe, readArtifacts(i)));
    return { recipes: whole.sort((a, b) => (a.name < b.name ? -1 : 1)), problems: [] };
  });
}

type Head = { readonly schema?: unknown; readonly recipes?: unknown };
type WithoutArtifacts = Omit<Recipe, "artifacts">;

function usable<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof UserError && cause.kind !== "config") throw cause;
    throw new UserError("E_PACKAGE_DAMAGED", `cannot use the bundled catalogue ${file}`, { cause });
  }
}

function withArtifacts(recipe: WithoutArtifacts, artifacts: () => Recipe["artifacts"]): Recipe {
  return {
    ...recipe,
    get artifacts() {
      return artifacts();
    },
  };
}

/** One line of the list, with the packages that it names by their numbers. */
function parseArtifacts(line: string, packages: readonly string[]): Recipe["artifacts"] {
  const compiled = parseLine(line) as Record<string, CompiledArtifact | CompiledArtifact[]>;
  for (const artifact of Object.values(compiled).flat()) {
    for (const list of sharedLists) {
      artifact[list] &&= artifact[list].map((number) => parseLine(packages[Number(number)] ?? ""));
    }
  }
  const artifacts = compiled as Recipe["artifacts"];
  checkDigests(artifacts);
  return artifacts;
}

/** Its lists have numbers, and then what these stand for. */
type CompiledArtifact = Partial<Record<(typeof sharedLists)[number], unknown[]>>;

/** Lines are separated by commas. */
const parseLine = (line: string): unknown => JSON.parse(line.replace(/,$/, ""));

/** The digests of every source and package. */
function checkDigests(artifacts: Recipe["artifacts"]): void {
  for (const artifact of Object.values(artifacts).flat()) {
    const parts = artifact as { digest?: Digest; packages?: Pinned[]; wheels?: Pinned[] };
    for (const { digest } of [parts, ...(parts.packages ?? []), ...(parts.wheels ?? [])]) {
      if (digest === undefined || parseDigest(formatDigest(digest))) continue;
      throw new Error(`${formatDigest(digest)} is not a digest`);
    }
  }
}

type Pinned = { digest?: Digest };

function isRecipe(value: unknown): value is WithoutArtifacts {
  const recipe = value as Partial<Recipe> | null;
  return (
    typeof recipe?.name === "string" &&
    typeof recipe.version === "string" &&
    typeof recipe.bins === "object" &&
    Array.isArray(recipe.test) &&
    Array.isArray(recipe.needs)
  );
}

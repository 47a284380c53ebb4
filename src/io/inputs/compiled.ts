import { type Digest, formatDigest, parseDigest } from "../../core/digest.ts";
import { once } from "../../core/once.ts";
import type { Recipe } from "../../core/recipe.ts";
import { catalogueSchema, packagesLine, sharedLists } from "./recipe-files.ts";

/** A compiled catalogue. */
export interface CompiledCatalogue {
  /** The version of the command that compiled it. */
  readonly version: string;
  readonly recipes: readonly Recipe[];
}

/** It has a schema that this command does not know; `version` is that of a command that does. */
export class OtherSchema extends Error {
  readonly schema: number;
  readonly version: string;

  constructor(schema: number, version: string) {
    super(`it has schema ${schema}`);
    this.schema = schema;
    this.version = version;
  }
}

/**
 * Reads the text that `compileCatalogue` writes. A light check is enough for the package's own,
 * because it was compiled from checked recipes; but every digest is parsed. Of most recipes only the
 * name and the programs are needed: artifacts are parsed when they are used, by `usable`, which adds
 * to errors what the text is. `origin` replaces that of the recipes. Fields that a later version adds
 * are ignored. Throws `OtherSchema`, or another Error.
 */
export function parseCompiled(
  text: string,
  usable: <T>(read: () => T) => T,
  origin?: string,
): CompiledCatalogue {
  const { schema, version } = headOf(text);
  if (schema !== catalogueSchema) throw new OtherSchema(schema, version);
  const end = text.indexOf(`\n${packagesLine}\n`);
  if (end === -1 || !text.endsWith("\n]}\n")) throw new Error("it is truncated");
  const [head = "", ...lines] = text.slice(0, end).split("\n");
  const packages = once(() => text.slice(end + packagesLine.length + 2).split("\n"));
  const { recipes }: { recipes?: unknown } = JSON.parse(`${head}]}`);
  if (!Array.isArray(recipes) || !recipes.every(isRecipe)) throw new Error("it has no recipes");
  if (lines.length !== recipes.length) throw new Error("it is truncated");
  const readArtifacts = (i: number) =>
    once(() => usable(() => parseArtifacts(lines[i] ?? "", packages)));
  const whole = recipes.map((recipe, i) =>
    withArtifacts({ ...recipe, origin: origin ?? recipe.origin }, readArtifacts(i)),
  );
  return { version, recipes: whole.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Every schema begins with these two: an older command must be able to say who can read it. */
function headOf(text: string): { schema: number; version: string } {
  const [, schema, version] =
    /^\{"schema":(\d{1,6}),"version":"([\w.+-]{1,100})"/.exec(text.slice(0, 200)) ?? [];
  if (schema === undefined || version === undefined) throw new Error("it is no compiled catalogue");
  return { schema: Number(schema), version };
}

type WithoutArtifacts = Omit<Recipe, "artifacts">;

function withArtifacts(recipe: WithoutArtifacts, artifacts: () => Recipe["artifacts"]): Recipe {
  return {
    ...recipe,
    get artifacts() {
      return artifacts();
    },
  };
}

/** One line of the list, with the packages that it names by their numbers. */
function parseArtifacts(line: string, packages: () => readonly string[]): Recipe["artifacts"] {
  const compiled: Record<string, CompiledArtifact | CompiledArtifact[]> = JSON.parse(bare(line));
  const listed = Object.values(compiled ?? {}).flat();
  if (!compiled || !listed.every(isObject)) throw new Error("a line of its sources is damaged");
  for (const artifact of listed) {
    for (const list of sharedLists) {
      const numbers = artifact[list];
      if (numbers === undefined) continue;
      const entries = numbers.map((number) => bare(packages()[Number(number)] ?? "no such line"));
      artifact[list] = JSON.parse(`[${entries.join(",")}]`); // at once, which is faster
    }
  }
  const artifacts = compiled as Recipe["artifacts"];
  checkDigests(artifacts);
  return artifacts;
}

/** Its lists have numbers, and then what these stand for. */
type CompiledArtifact = Partial<Record<(typeof sharedLists)[number], unknown[]>>;

/** Lines are separated by commas. */
const bare = (line: string): string => (line.endsWith(",") ? line.slice(0, -1) : line);

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

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

function isRecipe(value: unknown): value is WithoutArtifacts {
  const recipe = value as Partial<Recipe> | null;
  return (
    typeof recipe?.name === "string" &&
    typeof recipe.version === "string" &&
    typeof recipe.bins === "object" &&
    recipe.bins !== null &&
    Array.isArray(recipe.test) &&
    Array.isArray(recipe.needs)
  );
}

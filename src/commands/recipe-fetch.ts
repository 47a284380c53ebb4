import { dirname, join } from "node:path";
import { parse } from "yaml";
import { withDraftContext } from "../author/draft-context.ts";
import { type FindSignatures, openSignatures } from "../author/signatures/check.ts";
import { differences } from "../author/signatures/record.ts";
import { openVerifier } from "../author/verify.ts";
import type { Context } from "../context.ts";
import { describeError, exitStatusFor, type ProblemKind, UserError } from "../core/errors.ts";
import { sourceName } from "../core/plan/artifact.ts";
import type { Artifact, Recipe } from "../core/recipe.ts";
import { placedSources } from "../core/recipes/findings.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import { nameSigner } from "../core/signed.ts";
import { plural } from "../core/wording.ts";
import { readInputIfThere } from "../io/input.ts";
import { renderDocument } from "../report/text.ts";

/** The result for one source. */
interface FetchedSource {
  readonly recipe: string;
  readonly platform: string;
  readonly source: string;
  /** `error`: the bytes match their digest, but the recipe describes their contents wrongly. */
  readonly state: "ok" | "wrong" | "error" | "unavailable";
  /** The number of compared files, if all matched. */
  readonly files?: number;
  /** The recorded signatures, which were found and verified again. */
  readonly signed?: readonly string[];
  readonly message?: string;
}

/** Permanent faults of a source; after any other error its state is unknown. */
const faults: Readonly<Partial<Record<ProblemKind, FetchedSource["state"]>>> = {
  integrity: "wrong",
  recipe: "error",
};

/** What a state that is not ok means for the exit status. */
const kinds = { wrong: "integrity", error: "recipe", unavailable: "network" } as const;

/** `recipe check --fetch`: compares every source's bytes, and its recorded signatures, with the recipe. */
export async function fetchSources(
  context: Context,
  files: readonly string[],
  recipes: readonly Recipe[],
): Promise<number> {
  const { options, stdout, clock } = context;
  const sources: FetchedSource[] = [];
  await withDraftContext(context, async (draft) => {
    const tools = { verify: openVerifier(draft).verify, find: openSignatures(draft) };
    for (const wanted of recipes.flatMap((recipe, i) => sourcesOf(recipe, files[i] ?? ""))) {
      const found = await fetchSource(wanted, tools);
      context.signal.throwIfAborted();
      sources.push(found);
      if (options.json === false) stdout.write(`${renderSource(found)}\n`);
    }
  });
  if (options.json !== false) {
    const at = clock().toISOString();
    stdout.write(renderDocument({ at, files, problems: [], sources }));
  } else stdout.write(`${renderSum(recipes.length, sources)}\n`);
  const failed = sources.flatMap(({ state }) => (state === "ok" ? [] : [kinds[state]]));
  return exitStatusFor(failed, options.strict);
}

/** A source that is to be compared. */
interface WantedSource {
  readonly recipe: Recipe;
  readonly file: string;
  readonly platform: string;
  readonly artifact: Artifact;
  /** Its text, which also says who has signed it. */
  readonly written: RecipeSource | undefined;
}

function sourcesOf(recipe: Recipe, file: string): WantedSource[] {
  const written = writtenSources(file, recipe.artifacts);
  return Object.entries(recipe.artifacts).flatMap(([platform, listed]) =>
    listed.map((artifact) => {
      return { recipe, file, platform, artifact, written: written.get(artifact) };
    }),
  );
}

interface Tools {
  readonly verify: ReturnType<typeof openVerifier>["verify"];
  readonly find: FindSignatures;
}

async function fetchSource(
  { recipe, file, platform, artifact, written }: WantedSource,
  { verify, find }: Tools,
): Promise<FetchedSource> {
  const source = { recipe: recipe.name, platform, source: sourceName(artifact) };
  try {
    const count = await verify(artifact, artifact.bins ?? recipe.bins);
    const signed = await signaturesOf(written, file, find);
    return { ...source, state: "ok", files: count, ...(signed.length > 0 && { signed }) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // A source that cannot be fetched may still be pinned correctly.
    const state = faults[error.kind] ?? "unavailable";
    return { ...source, state, message: describeError(error) };
  }
}

function renderSum(recipes: number, sources: readonly FetchedSource[]): string {
  const count = (state: FetchedSource["state"]): number =>
    sources.filter((each) => each.state === state).length;
  const states = ["ok", "wrong", "error", "unavailable"] as const;
  const said = states.filter((state) => state !== "error" || count(state) > 0);
  const sum = said.map((state) => `${count(state)} ${state}`).join(", ");
  return `${plural(recipes, "recipe")}, ${plural(sources.length, "source")}: ${sum}`;
}

/** The text of each artifact's source, which also says who has signed it. */
function writtenSources(file: string, artifacts: Recipe["artifacts"]): Map<Artifact, RecipeSource> {
  const placed = placedSources(parse(readInputIfThere(file)?.toString("utf8") ?? ""));
  return new Map(
    placed.flatMap(({ key, path, source }) => {
      const artifact = artifacts[key]?.[Number(path[2] ?? 0)];
      return artifact ? [[artifact, source] as const] : [];
    }),
  );
}

/** Repeats the checks that a recipe records. Throws a UserError (`integrity`) if one no longer holds. */
async function signaturesOf(
  source: RecipeSource | undefined,
  file: string,
  find: FindSignatures,
): Promise<readonly string[]> {
  const { signed = [], lock } = source ?? {};
  if (!source || signed.length === 0) return [];
  const text = lock === undefined ? undefined : readInputIfThere(join(dirname(file), lock));
  const found = await find(source, text?.toString("utf8"));
  const [first] = differences(signed, found);
  if (first === undefined) return signed.map(nameSigner);
  throw new UserError("E_SIGNATURE", first);
}

function renderSource(found: FetchedSource): string {
  const { recipe, platform, source, state, files, signed = [], message } = found;
  const many = files !== undefined && files !== 1 ? ` (${plural(files, "file")})` : "";
  const why = message === undefined ? "" : `: ${message}`;
  const by = signed.map((each) => `; ${each}`).join("");
  return `${state}  ${recipe} ${platform} ${source}${many}${by}${why}`;
}

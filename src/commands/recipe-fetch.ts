import { withDraftContext } from "../author/draft-context.ts";
import { openVerifier } from "../author/verify.ts";
import type { Context } from "../context.ts";
import { describeError, exitStatusFor, type ProblemKind, UserError } from "../core/errors.ts";
import { sourceName } from "../core/plan/artifact.ts";
import { plural } from "../core/plural.ts";
import type { Recipe } from "../core/recipe.ts";

/** The result for one source. */
interface FetchedSource {
  readonly recipe: string;
  readonly platform: string;
  readonly source: string;
  /** `error`: the bytes match their digest, but the recipe describes their contents wrongly. */
  readonly state: "ok" | "wrong" | "error" | "unavailable";
  /** The number of compared files, if all matched. */
  readonly files?: number;
  readonly message?: string;
}

/** Permanent faults of a source; after any other error its state is unknown. */
const faults: Readonly<
  Partial<Record<ProblemKind, { code: ProblemKind; state: FetchedSource["state"] }>>
> = {
  integrity: { code: "integrity", state: "wrong" },
  recipe: { code: "recipe", state: "error" },
};

/** `recipe check --fetch`: compares every source's bytes with the recipe. */
export async function fetchSources(
  context: Context,
  files: readonly string[],
  recipes: readonly Recipe[],
): Promise<number> {
  const { options, stdout, clock } = context;
  const sources: FetchedSource[] = [];
  const codes: ProblemKind[] = [];
  await withDraftContext(context, async (draft) => {
    const { verify } = openVerifier(draft);
    for (const { name, artifacts, bins } of recipes) {
      for (const [platform, listed] of Object.entries(artifacts)) {
        for (const artifact of listed) {
          const source = { recipe: name, platform, source: sourceName(artifact) };
          const settled = await verify(artifact, artifact.bins ?? bins).then(
            (count): FetchedSource => ({ ...source, state: "ok", files: count }),
            (error: unknown): FetchedSource => {
              if (!(error instanceof UserError)) throw error;
              // A source that cannot be fetched may still be pinned correctly.
              const { code = "network", state } = faults[error.kind] ?? {
                state: "unavailable",
              };
              codes.push(code);
              return { ...source, state, message: describeError(error) };
            },
          );
          context.signal.throwIfAborted();
          sources.push(settled);
          if (options.json === false) stdout.write(`${renderSource(settled)}\n`);
        }
      }
    }
  });
  if (options.json !== false) {
    const at = clock().toISOString();
    stdout.write(`${JSON.stringify({ schema: 1, at, files, problems: [], sources }, null, 2)}\n`);
  } else {
    const count = (state: FetchedSource["state"]): number =>
      sources.filter((each) => each.state === state).length;
    const states = ["ok", "wrong", "error", "unavailable"] as const;
    const said = states.filter((state) => state !== "error" || count(state) > 0);
    const sum = said.map((state) => `${count(state)} ${state}`).join(", ");
    stdout.write(
      `${plural(recipes.length, "recipe")}, ${plural(sources.length, "source")}: ${sum}\n`,
    );
  }
  return exitStatusFor(codes, options.strict);
}

function renderSource({ recipe, platform, source, state, files, message }: FetchedSource): string {
  const many = files !== undefined && files !== 1 ? ` (${plural(files, "file")})` : "";
  const why = message === undefined ? "" : `: ${message}`;
  return `${state}  ${recipe} ${platform} ${source}${many}${why}`;
}

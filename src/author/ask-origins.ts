import { parse } from "yaml";
import { describeError, UserError } from "../core/errors.ts";
import { parseDebLock } from "../core/locks/deb-lock.ts";
import { placedSources } from "../core/recipes/findings.ts";
import { type RecipeDocument, recipeSchema } from "../core/recipes/schema.ts";
import { type Answer, type Newest, newestOf, type Unanswered } from "./newest.ts";
import { namedOrigin, nameOfOrigin, originOf, type Versions } from "./versions.ts";

/** A recipe, and what its origins answered. */
export interface Asked {
  readonly text: string;
  readonly document: RecipeDocument;
  /** Their names; the first is that of the preferred source. */
  readonly origins: readonly string[];
  readonly newest: Newest;
}

/** Asks all origins of a recipe. `readLock` gives the text of a lock beside it. */
export async function askOrigins(
  text: string,
  versions: Versions,
  readLock: (name: string) => string | undefined,
): Promise<Asked> {
  const document = recipeSchema.parse(parse(text));
  const sources = placedSources(document);
  const { versions: named, release } = document;
  const all = [
    ...sources.flatMap((placed) => originOf(placed, release) ?? []),
    ...(named === undefined ? [] : [namedOrigin(named)]),
  ];
  const origins = new Map(
    all.map((origin) => [`${nameOfOrigin(origin)} ${origin.tag} ${origin.arch}`, origin]),
  );
  const answers = await Promise.all(
    [...origins.values()].map(async (origin): Promise<Answer> => {
      const answer = await orWhy(versions.of(origin));
      return { origin, ...("why" in answer ? { versions: answer } : answer) };
    }),
  );
  const lock = sources.flatMap(({ source }) => (source.deb && source.lock) || [])[0];
  const parsed = lock === undefined ? undefined : parseDebLock(readLock(lock) ?? "", lock);
  const stale = parsed?.ok ? await orWhy(versions.newerThan(parsed.held, release)) : 0;
  return {
    ...{ text, document },
    origins: [...new Set([...origins.values()].map(nameOfOrigin))],
    newest: newestOf(document, answers, typeof stale === "number" ? stale : 0), // why not is said of the origin
  };
}

/** What an origin answers; or why it cannot be asked. */
async function orWhy<T>(work: Promise<T>): Promise<T | Unanswered> {
  return await work.catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    return { why: describeError(error), shared: error.shared?.message };
  });
}

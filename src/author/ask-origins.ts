import { parse } from "yaml";
import { describeError, UserError } from "../core/errors.ts";
import { parseDebLock } from "../core/locks/deb-lock.ts";
import { placedSources } from "../core/recipes/findings.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { type RecipeDocument, recipeSchema } from "../core/recipes/schema.ts";
import type { DraftContext } from "./draft.ts";
import { type Answer, type Newest, newestOf } from "./newest.ts";
import { viewPackage } from "./npm-command.ts";
import { nameOfOrigin, originOf, type Versions } from "./versions.ts";

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
  const origins = new Map(
    sources.flatMap((placed) => {
      const origin = originOf(placed);
      return origin
        ? [[`${nameOfOrigin(origin)} ${origin.tag} ${origin.arch}`, origin] as const]
        : [];
    }),
  );
  const answers = await Promise.all(
    [...origins.values()].map(
      async (origin): Promise<Answer> => ({ origin, versions: await orWhy(versions.of(origin)) }),
    ),
  );
  const lock = sources.flatMap(({ source }) => (source.deb && source.lock) || [])[0];
  const stale = lock === undefined ? 0 : await staleDebs(lock, readLock(lock), versions);
  return {
    ...{ text, document },
    origins: [...new Set([...origins.values()].map(nameOfOrigin))],
    newest: newestOf(document, answers, stale),
  };
}

/** What an origin answers; or why it cannot be asked. */
async function orWhy<T>(work: Promise<T>): Promise<T | string> {
  return await work.catch((error: unknown) => {
    if (error instanceof UserError) return describeError(error);
    throw error;
  });
}

async function staleDebs(lock: string, text = "", versions: Versions): Promise<number> {
  const parsed = parseDebLock(text, lock);
  const found = parsed.ok ? await orWhy(versions.newerThan(parsed.held)) : 0;
  return typeof found === "number" ? found : 0; // that apt's release cannot be read is said of its origin
}

/** A new version may come under another licence, which only a person can accept: it is named. */
export async function licenceNote(
  { document, newest }: Asked,
  draft: DraftContext,
): Promise<string[]> {
  const npm = placedSources(document).flatMap(({ source }) => source.npm ?? [])[0];
  if (npm === undefined || newest.version === document.version) return [];
  const { name, version } = splitPackage(npm);
  const to = version.replace(document.version, newest.version);
  const [old, now] = await Promise.all(
    [version, to].map(async (each) => (await viewPackage(`${name}@${each}`, draft)).license),
  );
  const isSame = JSON.stringify(old) === JSON.stringify(now);
  return isSame ? [] : [`licence: ${String(old)} -> ${String(now)}`];
}

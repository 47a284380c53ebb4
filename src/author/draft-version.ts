import { parse } from "yaml";
import { upstreamVersion } from "../core/deb-version.ts";
import { describeError, UserError } from "../core/errors.ts";
import { describeKind } from "../core/plan/kinds.ts";
import { platformKeys } from "../core/platform.ts";
import type { Recipe } from "../core/recipe.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { type RecipeDocument, type RecipeSource, recipeSchema } from "../core/recipes/schema.ts";
import { isRefusal } from "../net/errors.ts";
import { type DraftContext, today } from "./draft-context.ts";
import { openPinner } from "./pin.ts";
import { type Draft, readDraft, renderDraft } from "./recipe-text.ts";
import { openVerifier } from "./verify.ts";

/** A recipe to be written at another version. */
export interface VersionWish {
  readonly recipe: Recipe;
  /** The text of its file. */
  readonly text: string;
  readonly version: string;
}

/**
 * The recipe of a tool at another version: its sources with that version in place of its own, pinned by
 * what is fetched from there. Sources that do not name the version, or do not have it, are left out with
 * a note. Throws a UserError where none is left, or a program is elsewhere in that version's archive.
 */
export async function draftAtVersion(wish: VersionWish, context: DraftContext): Promise<Draft> {
  const from = recipeSchema.parse(parse(wish.text));
  const asked = withVersion(from, wish.version);
  if (Object.keys(asked.artifacts).length === 0) throw nothingNamesVersion(from, wish.version);
  const { artifacts, locks } = await pinAll(asked, context);
  const provenance = `the recipe of ${from.version} with this version in its place; digests computed from what was served on ${today(context)}`;
  const draft = { document: { ...asked, provenance, artifacts }, locks };
  await verifyAll(draft, context);
  return draft;
}

/** A version in a text, as a whole: `1.7` is not in `11.7`, `1.7.1` or `2.1.7`. */
export function atVersion(text: string, from: string, to: string): string {
  const literal = from.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const whole = new RegExp(`(?<!\\d|\\d\\.)${literal}(?!\\d|\\.\\d)`, "g");
  return text.replace(whole, () => to);
}

/** The document with only those sources that name its version, at the other one; their pins are old. */
export function withVersion(document: RecipeDocument, version: string): RecipeDocument {
  const entries = platformKeys.flatMap((key) => {
    const listed = [document.artifacts[key] ?? []].flat() as RecipeSource[];
    const named = listed.flatMap((source) => sourceAtVersion(source, document, version) ?? []);
    const plain = named.filter(({ deb }) => deb === undefined);
    // A Debian package has a version of its own: as a later source it is left out.
    const chosen = listed.some(({ deb }) => deb === undefined) ? plain : named;
    return chosen.length > 0 ? [[key, chosen.length === 1 ? chosen[0] : chosen] as const] : [];
  });
  const isDebian = entries.some(([, source]) => [source].flat()[0]?.deb !== undefined);
  const bins = binsAtVersion(document.bins, document.version, version);
  const own = isDebian ? upstreamVersion(version) : version;
  return { ...document, version: own, bins, artifacts: Object.fromEntries(entries) };
}

const origins = ["url", "npm", "pypi", "go"] as const;

function sourceAtVersion(
  source: RecipeSource,
  { version: from }: RecipeDocument,
  version: string,
): RecipeSource | undefined {
  if (source.deb !== undefined) {
    return { ...source, deb: `${splitPackage(source.deb).name}@${version}` };
  }
  const origin = origins.find((field) => source[field] !== undefined);
  const text = origin && source[origin];
  if (origin === undefined || text === undefined) return undefined;
  if (source.version !== undefined) return undefined;
  if (source.go !== undefined && source.sum === undefined) return undefined; // pinned by hand
  const changed = atVersion(text, from, version);
  if (changed === text) return undefined;
  const bins = source.bins && binsAtVersion(source.bins, from, version);
  const { wheel } = source;
  const file = wheel !== undefined && { wheel: atVersion(wheel, from, version) };
  return { ...source, [origin]: changed, ...file, ...(bins && { bins }) };
}

function binsAtVersion(bins: RecipeDocument["bins"], from: string, to: string) {
  return Object.fromEntries(
    Object.entries(bins).map(([name, path]) => [name, atVersion(path, from, to)]),
  );
}

function nothingNamesVersion({ name, version, artifacts }: RecipeDocument, wanted: string) {
  const sources = Object.values(artifacts).flat() as RecipeSource[];
  const [first] = sources.flatMap(({ url, npm, go }) => url ?? (npm && `npm:${npm}`) ?? go ?? []);
  return new UserError(
    "E_DRAFT_SOURCE",
    `no source of the recipe ${name} ${version} names its version, so that of ${wanted} is not known`,
    {
      hint: `Name the source itself: openclaw-install-skill-deps recipe new SOURCE --name ${name}, where SOURCE is like ${first}`,
    },
  );
}

/** Pins every source; one that the server does not have is left out while others are left. */
async function pinAll(document: RecipeDocument, context: DraftContext) {
  const pin = openPinner(context);
  const text = renderDraft(document); // of which Debian's locks are made
  const locks: Record<string, string> = {};
  const artifacts: Record<string, RecipeSource | RecipeSource[]> = {};
  const refusals: unknown[] = [];
  for (const key of platformKeys) {
    const pinned: RecipeSource[] = [];
    for (const source of [document.artifacts[key] ?? []].flat() as RecipeSource[]) {
      try {
        const { fields, lock } = await pin(source, text);
        if (lock) locks[lock.name] = lock.text;
        pinned.push({ ...withoutSize(source), ...fields } as RecipeSource);
      } catch (error) {
        if (!isAbsent(error)) throw error;
        refusals.push(error);
        const message = `${key}: left out: ${describeError(error)}`;
        context.emit({ type: "note", message });
      }
    }
    const [only, ...more] = pinned;
    if (only) artifacts[key] = more.length > 0 ? pinned : only;
  }
  if (Object.keys(artifacts).length === 0) throw refusals[0];
  return { artifacts: artifacts as RecipeDocument["artifacts"], locks };
}

/** The server answered, and does not have this version or all that it needs. */
export function isAbsent(error: unknown): boolean {
  const problem = error instanceof UserError ? error.problem : undefined;
  return isRefusal(error) || problem === "E_NPM_VERSION" || problem === "E_NO_WHEEL";
}

/** Of the old version; what pins a source gives the new one where it has one. */
function withoutSize({ size: _, ...source }: RecipeSource): RecipeSource {
  return source;
}

/** Reads the draft as an installation would, and checks that each program is where it says. */
async function verifyAll({ document, locks }: Draft, context: DraftContext): Promise<void> {
  const { artifacts, bins } = readDraft(document.name, renderDraft(document), locks);
  const { verify } = openVerifier(context);
  for (const artifact of Object.values(artifacts).flat()) {
    if (describeKind(artifact).isBuilt) continue;
    await verify(artifact, artifact.bins ?? bins).catch((error: unknown) => {
      if (!(error instanceof UserError) || error.kind !== "recipe") throw error;
      throw new UserError(
        "E_DRAFT_PROGRAM",
        `${document.name} ${document.version}: ${error.message}`,
        {
          cause: error.cause,
          hint: `This version's archive is another: recipe new URL [URL] --name ${document.name} finds the programs in it.`,
        },
      );
    });
  }
}

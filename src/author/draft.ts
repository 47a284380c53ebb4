import { UserError } from "../core/errors.ts";
import { isBinName, isToolName, isVersion } from "../core/names.ts";
import type { PlatformKey } from "../core/platform.ts";
import { formatOfUrl, urlRule } from "../core/recipes/rules.ts";
import type { RecipeDocument, RecipeSource } from "../core/recipes/schema.ts";
import { shownUrl, shownWord, whySecret } from "../core/shown-url.ts";
import { type DraftContext, today } from "./draft-context.ts";
import { placeholder, versionTest } from "./recipe-text.ts";
import { readReleaseName } from "./release-name.ts";
import {
  inspectRelease,
  keyOfRelease,
  type Release,
  type ReleaseRequest,
  workDirIn,
} from "./release-program.ts";

/** What the author states besides the source. */
export interface DraftWish {
  /** The tool's name; absent: that of the source. */
  readonly name?: string | undefined;
  /** Programs; empty: those that the source names, else the one with the tool's name. */
  readonly bins: readonly string[];
  /** Is given the tool's name before anything is downloaded. Throws a UserError if there must be no recipe of it. */
  readonly accept: (name: string) => void;
}

/** A release that was inspected, and the source of a recipe that pins it. */
export interface PinnedSource {
  readonly source: RecipeSource;
  readonly key: PlatformKey;
  readonly release: Release;
}

/** The draft of a recipe from the URLs of a release, one for each platform. */
export async function draftFromUrls(
  urls: readonly string[],
  wish: DraftWish,
  context: DraftContext,
): Promise<RecipeDocument> {
  for (const url of urls) {
    const wrong = urlRule(url) ?? whySecret(url);
    if (wrong !== undefined) throw wrongUrl(url, wrong);
    if (new URL(url).search === "") continue;
    const message = `the recipe holds the whole of ${shownUrl(url)}, also the query`;
    context.emit({ type: "warning", problem: "E_RECIPE_ADVICE", message });
  }
  const [first = ""] = urls;
  const known = readReleaseName(first);
  const name = toolName(wish, known.name, first);
  const pinned: PinnedSource[] = [];
  for (const [i, url] of urls.entries()) {
    const dir = await workDirIn(context.dir, `release-${i}`);
    pinned.push(await pinUrl({ url, name, bins: wish.bins, dir, http: context.http }));
  }
  return {
    name,
    description: placeholder("what it is, in one line"),
    homepage: known.homepage ?? placeholder("the project's website, an https:// URL"),
    license: placeholder("its SPDX expression, such as MIT"),
    version: known.version ?? placeholder("the release's version"),
    provenance: `sha256 computed from what ${new URL(first).host} served on ${today(context)}`,
    ...pinnedParts(pinned),
  };
}

async function pinUrl(
  given: Pick<ReleaseRequest, "url" | "name" | "bins" | "dir" | "http">,
): Promise<PinnedSource> {
  const { url } = given;
  const format = formatOfUrl(url) ?? "raw";
  const release = await inspectRelease({ ...given, format, isPrivate: true });
  const { sha256, size, strip } = release;
  const source = { url, sha256: sha256.hex, size, ...(strip > 0 && { strip }) };
  return { source, release, key: keyOfRelease(release, readReleaseName(url).arch) };
}

function wrongUrl(url: string, wrong: string): UserError {
  const hint =
    "Recipes are read by others, and in logs. Put a login for the host into netrc, or a token into npmrc: they are sent to it.";
  const isSecret = whySecret(url) !== undefined;
  return new UserError("E_DRAFT_SOURCE", `${shownWord(url)} ${wrong}`, isSecret ? { hint } : {});
}

/** `bins`, `test` and `artifacts` of releases for several platforms. */
export function pinnedParts(
  pinned: readonly PinnedSource[],
): Pick<RecipeDocument, "bins" | "test" | "artifacts"> {
  const bins = pinned[0]?.release.bins ?? {};
  const artifacts: Partial<Record<PlatformKey, RecipeSource | RecipeSource[]>> = {};
  for (const { key, source, release } of pinned) {
    const own = Object.entries(release.bins).filter(([bin, path]) => bins[bin] !== path);
    const whole: RecipeSource = {
      ...source,
      ...(release.glibc !== undefined && key.endsWith("-glibc") && { glibc: release.glibc }),
      ...(own.length > 0 && { bins: Object.fromEntries(own) }),
    };
    const others = artifacts[key];
    artifacts[key] = others === undefined ? whole : [others, whole].flat();
  }
  return { bins, test: versionTest(bins), artifacts };
}

/**
 * The wished name, or what the source is called, if it is valid for a recipe's file. Throws a UserError (`usage`) that
 * requests one, or that of `accept`.
 */
export function toolName(wish: DraftWish, called: string | undefined, from: string): string {
  const name = wish.name ?? called;
  if (name !== undefined && isToolName(name)) {
    wish.accept(name);
    return name;
  }
  throw new UserError("E_DRAFT_NAME", `${name ?? from} is not a valid name for a recipe`, {
    hint: "Give the tool's name with --name: lower case letters, digits and ._+-",
  });
}

/**
 * The requested programs of a package, with their paths; all if none is requested. Throws a
 * UserError that lists the programs.
 */
export function chooseBins(
  all: Readonly<Record<string, string>>,
  wanted: readonly string[],
  from: string,
  hint?: string,
): Record<string, string> {
  const names = wanted.length > 0 ? wanted : Object.keys(all).filter(isBinName);
  const missing = names.find((name) => !Object.hasOwn(all, name));
  if (missing === undefined && names.length > 0) {
    return Object.fromEntries(names.map((name) => [name, all[name] ?? ""]));
  }
  const what = missing === undefined ? "has no program" : `has no program ${missing}`;
  const has = Object.keys(all).join(", ") || "none";
  const message = `${from} ${what}; its programs are: ${has}`;
  throw new UserError("E_DRAFT_PROGRAM", message, { hint });
}

/** A registry's version that is valid in a recipe. */
export function plainVersion(version: string, from: string): string {
  if (isVersion(version)) return version;
  throw new UserError(
    "E_DRAFT",
    `${from} has the version ${version}, which is not valid in a recipe`,
  );
}

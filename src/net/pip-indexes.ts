import { pathToFileURL } from "node:url";
import { isThere, orNothing } from "../io/files.ts";
import { firstOf, named, type Setting, unquoted, withSlash, wrongSetting } from "./setting.ts";

/** Where pip and uv find packages. */
export interface PipIndexes {
  /** The named indexes in the order in which they are tried; each ends with `/`. */
  readonly indexes: readonly string[];
  /** False if pip tries its own default index before them. */
  readonly isDefaultReplaced: boolean;
  /** Files, pages and directories of wheels, tried before the indexes. */
  readonly findLinks: readonly string[];
}

type Texts = Readonly<Record<string, string | undefined>>;

/**
 * Reads them. uv's variables are used if pip's own are not set.
 * @param settings from pip's files
 * @param home the user's home directory, absolute
 */
export function readPipIndexes(env: Texts, settings: Texts, home: string): PipIndexes {
  const findLinks = linksOf(env, settings, home);
  const noIndex = env.PIP_NO_INDEX || settings["no-index"] || env.UV_NO_INDEX || "";
  if (/^(1|y|yes|t|true|on)$/i.test(noIndex.trim())) {
    return { indexes: [], isDefaultReplaced: true, findLinks };
  }
  const first = firstOf([
    named("PIP_INDEX_URL", env.PIP_INDEX_URL),
    named("UV_DEFAULT_INDEX", env.UV_DEFAULT_INDEX),
    named("UV_INDEX_URL", env.UV_INDEX_URL),
    named("pip's index-url", settings["index-url"]),
  ]);
  const more = firstOf([
    named("PIP_EXTRA_INDEX_URL", env.PIP_EXTRA_INDEX_URL),
    named("pip's extra-index-url", settings["extra-index-url"]),
  ]);
  const uvs = [
    named("UV_INDEX", env.UV_INDEX),
    named("UV_EXTRA_INDEX_URL", env.UV_EXTRA_INDEX_URL),
  ];
  const indexes = [...new Set([...first, ...more, ...uvs.flat()].flatMap(asIndexes))];
  return { indexes, isDefaultReplaced: first.length > 0, findLinks };
}

/** Invalid entries are skipped, as in pip; so are those that depend on the working directory. */
function linksOf(env: Texts, settings: Texts, home: string): string[] {
  const pips = firstOf([
    named("PIP_FIND_LINKS", env.PIP_FIND_LINKS),
    named("pip's find-links", settings["find-links"]),
  ]).flatMap(({ value }) => unquoted(value).split(/\s+/));
  const uvs = (env.UV_FIND_LINKS ?? "").split(",").map((text) => text.trim());
  const places = [...pips, ...uvs].map((text) => text.replace(/^~(?=\/)/, home));
  const urls = places.map((text) => (text.startsWith("/") ? pathToFileURL(text).href : text));
  return [...new Set(urls)].filter((url) => /^(https?|file):/i.test(url) && URL.canParse(url));
}

/** URLs separated by blanks; in uv an index may have a name: `internal=https://…`. */
function asIndexes({ name, value }: Setting): string[] {
  const words = unquoted(value).split(/\s+/);
  return words.map((word) => {
    const named = word.replace(/^[A-Za-z0-9_-]+=(?=(https?|file):)/, "");
    const isPath = named.startsWith("/") && orNothing(() => isThere(named)) === true;
    const address = isPath ? pathToFileURL(named).href : named;
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url && /^(https?|file):$/.test(url.protocol)) return withSlash(url);
    throw wrongSetting(
      { name, value: word },
      "is not an http or https URL",
      "See `pip config list`, PIP_INDEX_URL, UV_DEFAULT_INDEX and UV_INDEX_URL; it looks like https://host/simple/.",
    );
  });
}

/** As in pip: of the locations on a URL's host the one whose path has the longest common prefix. */
export function nearestTo(url: URL, places: readonly string[]): URL | undefined {
  const near = places.map((each) => new URL(each)).filter(({ origin }) => origin === url.origin);
  const common = (path: string): number => {
    const at = [...path].findIndex((character, i) => character !== url.pathname[i]);
    return at === -1 ? path.length : at;
  };
  return near.reduce<URL | undefined>(
    (best, each) => (best && common(best.pathname) >= common(each.pathname) ? best : each),
    undefined,
  );
}

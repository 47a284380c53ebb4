import { basename } from "node:path/posix";
import { type Digest, parseIntegrity } from "../../core/digest.ts";
import { reworded, UserError } from "../../core/errors.ts";
import { shownUrl } from "../../core/shown-url.ts";
import { asFields, type Fields, trimmed } from "../../core/values.ts";
import type { Download, DownloadRequest } from "../../net/download.ts";
import { isNetwork, isRefusal, nothingIf } from "../../net/errors.ts";
import type { Http } from "../../net/http.ts";
import type { NpmConfig } from "../../net/npm-config.ts";

/** The configured npm registries. */
export interface NpmRegistry {
  readonly http: Http;
  readonly npm: NpmConfig;
}

export interface TarballRequest extends NpmRegistry, Omit<DownloadRequest, "url" | "headers"> {
  readonly name: string;
  readonly version: string;
}

/** A possible address of a tarball. */
export interface TarballAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Downloads a package's tarball. Any source is acceptable, because the pinned digest is verified.
 */
export async function downloadTarball(request: TarballRequest): Promise<Download> {
  const { http, npm, name, version, ...rest } = request;
  return await fromRegistry({ name, version }, { http, npm }, (address) =>
    http.download({ ...address, ...rest }),
  );
}

/**
 * Fetches a package's tarball from its registry. Nearly every registry uses npm's URL layout, which
 * saves a document per package. If that address does not work, the package's document names the
 * tarball, as for npm (many registries have no document per version). Throws a UserError: `network`
 * if it cannot be fetched, else what `fetch` threw.
 */
export async function fromRegistry<T>(
  { name, version }: { readonly name: string; readonly version: string },
  registry: NpmRegistry,
  fetch: (address: TarballAddress) => Promise<T>,
): Promise<T> {
  const { npm } = registry;
  const base = npm.registryFor(name);
  const usual = `${base}${name}/-/${basename(name)}-${version}.tgz`;
  const from = (url: string): Promise<T> => fetch({ url, headers: npm.headersFor(url, base) });
  try {
    return await from(usual);
  } catch (error) {
    if (!isWrongAddress(error)) throw error;
    const named = await tarballsOf(name, version, registry).catch((why: unknown) => {
      throw neither(error, why);
    });
    return await firstOf(
      named.filter((url) => url !== usual),
      from,
      error,
    );
  }
}

/** True if the server responded with something else than the tarball. */
function isWrongAddress(error: unknown): error is UserError {
  return isRefusal(error) || (error instanceof UserError && error.kind === "integrity");
}

/** The error if neither the tarball nor the document can be fetched. */
function neither(tarball: UserError, document: unknown): unknown {
  if (!isNetwork(document) || tarball.kind === "integrity") return tarball;
  const error = document as UserError;
  return reworded(error, `${tarball.message}; ${error.message}`, { cause: tarball.cause });
}

async function firstOf<T>(
  urls: readonly string[],
  from: (url: string) => Promise<T>,
  before: UserError,
): Promise<T> {
  let failure = before;
  for (const url of urls) {
    try {
      return await from(url);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** Accepted types; the second is for registries that know no other. */
const [abridged, whole] = [
  "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*",
  "application/json",
];

/** When a version was published; large, because a registry says it with all else about the package. */
export async function publishedAt(
  name: string,
  version: string,
  { http, npm }: NpmRegistry,
): Promise<number> {
  const base = npm.registryFor(name);
  const url = documentUrl(name, base);
  const document = await http.json(url, { ...npm.headersFor(url, base), accept: whole });
  return Date.parse(String(asFields(asFields(document)?.time)?.[version]));
}

/** What the package says about itself in a version; undefined where the registry has no document of it. */
export async function versionDocument(
  name: string,
  version: string,
  { http, npm }: NpmRegistry,
): Promise<Fields | undefined> {
  const base = npm.registryFor(name);
  const url = `${documentUrl(name, base)}/${version}`;
  return asFields(await http.json(url, npm.headersFor(url, base)).catch(nothingIf(isRefusal)));
}

/**
 * The versions in a package's document. Throws a UserError (`network`) if the registry has none.
 */
export async function versionsOf(name: string, { http, npm }: NpmRegistry): Promise<Fields> {
  const base = npm.registryFor(name);
  const url = documentUrl(name, base);
  const ask = (accept: string): Promise<unknown> =>
    http.json(url, { ...npm.headersFor(url, base), accept });
  const document = await ask(abridged).catch((error: unknown) => {
    if (!isRefusal(error)) throw error;
    return ask(whole);
  });
  const versions = asFields(asFields(document)?.versions);
  if (versions) return versions;
  throw new UserError(
    "E_NOT_A_REGISTRY",
    `${shownUrl(url)} did not respond with a package's versions`,
  );
}

/**
 * The digest that a registry names for a version's tarball. Throws a UserError (`network`) if it
 * names none.
 */
export async function digestOfVersion(
  name: string,
  version: string,
  registry: NpmRegistry,
): Promise<Digest> {
  const { dist, document } = await distOf(name, version, registry);
  const digest = parseIntegrity(trimmed(dist.integrity) ?? "");
  if (digest) return digest;
  const what = `names no sha512 or sha256 for ${name}@${version}`;
  throw new UserError("E_NOT_LISTED", `${document} ${what}`);
}

/**
 * What a package's document says about the tarball of a version, and the document's URL for messages. Throws a
 * UserError (`network`) if it does not have the version.
 */
async function distOf(
  name: string,
  version: string,
  registry: NpmRegistry,
): Promise<{ readonly dist: Fields; readonly document: string }> {
  const versions = await versionsOf(name, registry);
  const document = shownUrl(documentUrl(name, registry.npm.registryFor(name)));
  const found = Object.hasOwn(versions, version) ? asFields(versions[version]) : undefined;
  if (found) return { dist: asFields(found.dist) ?? {}, document };
  throw new UserError("E_NOT_LISTED", `${document} has no ${name}@${version}`);
}

function documentUrl(name: string, registry: string): string {
  return registry + name.replace("/", "%2f");
}

/** The URLs of a version's tarball, from the package's document; the best one first. */
async function tarballsOf(
  name: string,
  version: string,
  registry: NpmRegistry,
): Promise<readonly string[]> {
  const { npm } = registry;
  const base = npm.registryFor(name);
  const { dist, document } = await distOf(name, version, registry);
  const tarball = trimmed(dist.tarball) ?? "";
  const isUrl = tarball !== "" && URL.canParse(tarball, documentUrl(name, base));
  const url = isUrl ? new URL(tarball, documentUrl(name, base)) : undefined;
  if (url && /^https?:$/.test(url.protocol)) return addressesOf(url, new URL(base), npm);
  throw new UserError("E_NOT_LISTED", `${document} has no URL for ${name}@${version}`);
}

/**
 * A mirror's documents may still name the host that it mirrors, which is replaced by the mirror
 * itself, or http instead of https.
 */
function addressesOf(tarball: URL, registry: URL, npm: NpmConfig): string[] {
  const { pathname, search } = tarball;
  if (tarball.origin !== registry.origin && npm.isReplacedHost(tarball)) {
    const below = pathname.startsWith(registry.pathname)
      ? []
      : [registry.pathname + pathname.slice(1)];
    return [...below, pathname].map((path) => new URL(path + search, registry).href);
  }
  const isSecure = registry.protocol === "https:" && registry.hostname === tarball.hostname;
  if (!isSecure || tarball.protocol === "https:") return [tarball.href];
  return [new URL(pathname + search, registry).href, tarball.href];
}

import { type Digest, parseHexDigest, sha256Hex } from "./digest.ts";

/** Limit for a catalogue, and for all recipes with their locks (bytes). */
export const maxCatalogue = 64 * 1024 * 1024;

interface SpecBase {
  /** The spec without secrets: its name in messages and in the manifest. */
  readonly called: string;
  /** What the file must have. */
  readonly digest?: Digest;
}

/** Where a catalogue is: the value of `--catalogue`. */
export type CatalogueSpec =
  | (SpecBase & { readonly kind: "npm"; readonly name: string; readonly version: string })
  | (SpecBase & { readonly kind: "url"; readonly url: string })
  | (SpecBase & { readonly kind: "file"; readonly path: string });

const npmSpec = /^npm:((?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*)@(\d+\.\d+\.\d+(?:[-+][\w.+-]+)?)$/i;

/**
 * Reads `npm:NAME@VERSION`, a URL or a file's path, each with or without `#sha256=HEX`. `absolute`
 * resolves a path. Returns a clause that says what is wrong with another value.
 */
export function parseCatalogueSpec(
  text: string,
  absolute: (path: string) => string,
): CatalogueSpec | string {
  const [where = "", ...after] = text.split("#");
  const digest = after.length === 0 ? undefined : digestOf(after.join("#"));
  if (digest === null) return "has no digest after #: write #sha256= and 64 hexadecimal digits";
  const pinned = digest && { digest };
  const suffix = digest ? `#${digest.algorithm}=${digest.hex}` : "";
  if (where.startsWith("npm:")) {
    const [, name, version] = npmSpec.exec(where) ?? [];
    if (name === undefined || version === undefined) {
      return "names no exact version: write npm:openclaw-install-skill-deps@1.2.3";
    }
    return { kind: "npm", name, version, called: where + suffix, ...pinned };
  }
  if (/^https?:\/\//i.test(where)) return readUrl(where, suffix, pinned);
  if (/^[a-z][a-z0-9+.-]*:/i.test(where)) return "is neither npm:, an http URL nor a path";
  if (where === "") return "is empty";
  const path = absolute(where);
  return { kind: "file", path, called: path + suffix, ...pinned };
}

function readUrl(
  text: string,
  suffix: string,
  pinned: { readonly digest: Digest } | undefined,
): CatalogueSpec | string {
  if (!URL.canParse(text)) return "is not a URL";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") {
    return "holds a password, which others could read: put it into .netrc";
  }
  // A query may be a secret, but it can also decide what is served.
  const query = url.search === "" ? "" : `?${sha256Hex(url.search).slice(0, 8)}`;
  const called = `${url.origin}${url.pathname}${query}${suffix}`;
  return { kind: "url", url: url.href, called, ...pinned };
}

/** Null if it is no digest. */
function digestOf(text: string): Digest | null {
  const [, algorithm, hex = ""] = /^(sha256|sha512)[=:-]([0-9a-f]+)$/i.exec(text) ?? [];
  const known = algorithm?.toLowerCase();
  if (known !== "sha256" && known !== "sha512") return null;
  return parseHexDigest(known, hex) ?? null;
}

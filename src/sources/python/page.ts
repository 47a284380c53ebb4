import { orNothing } from "../../core/or-nothing.ts";
import { asFields, trimmed } from "../../core/values.ts";
import type { Text } from "../../net/download.ts";
import { looksLikePage } from "../../net/web-page.ts";

/** A file that a page of an index lists. */
export interface IndexFile {
  /** http, https or file. */
  readonly url: string;
  readonly name: string;
  /** Lower-case hexadecimal, if the index has it. */
  readonly sha256?: string;
  /** Bytes, if the index has it. */
  readonly size?: number;
  /** Withdrawn by its authors: only for requests of exactly this version. */
  readonly isYanked: boolean;
  /** The URL of its attestations (PEP 740). */
  readonly provenance?: string;
}

/**
 * The files that a page of the simple API lists, in JSON (PEP 691) or HTML (PEP 503), whatever type
 * the server declares. Other contents list nothing. As in pip, the file's name is the last part of
 * its URL: servers truncate the texts of their links.
 */
export async function parsePage({ text, url }: Text): Promise<IndexFile[]> {
  const body = text.replace(/^\ufeff/, "").trimStart();
  return body.startsWith("{") ? fromJson(body, url) : await fromHtml(body, url);
}

/** True for a web page that is no list of files: a login form, words of a proxy, what a script would fill. */
export function isOtherPage(text: string, files: readonly IndexFile[]): boolean {
  if (!looksLikePage(text) || files.some(({ name }) => isPackageFile.test(name))) return false;
  return !listHeading.test(text) && />\s*[^<\s]|<script\b/i.test(text);
}

const isPackageFile = /\.(whl|zip|egg|tgz|tar\.\w+)$/i;
/** What indexes and servers write above a list, also an empty one. */
const listHeading = /\b(links for|index of|directory listing|repository-version)\b/i;

function fromJson(text: string, page: URL): IndexFile[] {
  const files = asFields(parseJson(text))?.files;
  if (!Array.isArray(files)) return [];
  return files.flatMap((each: unknown) => {
    const { url, filename, hashes, yanked, size, provenance } = asFields(each) ?? {};
    const sha256 = trimmed(asFields(hashes)?.sha256);
    return asFile(url, page, { filename, sha256, size, provenance, isYanked: Boolean(yanked) });
  });
}

function parseJson(text: string): unknown {
  return orNothing(() => JSON.parse(text));
}

async function fromHtml(text: string, page: URL): Promise<IndexFile[]> {
  const { Parser } = await import("htmlparser2");
  let base: URL | undefined;
  const links: (Known & { readonly href: string })[] = [];
  const parser = new Parser({
    onopentag(name, { href, "data-yanked": yanked, "data-provenance": provenance }) {
      if (href === undefined) return;
      if (name === "a") links.push({ href, provenance, isYanked: yanked !== undefined });
      if (name === "base" && URL.canParse(href, page.href)) base ??= new URL(href, page);
    },
  });
  parser.write(text);
  parser.end();
  return links.flatMap(({ href, ...known }) => asFile(href, base ?? page, known));
}

interface Known {
  readonly filename?: unknown;
  readonly sha256?: string | undefined;
  readonly size?: unknown;
  readonly isYanked: boolean;
  readonly provenance?: unknown;
}

/** Empty if the URL is not one that a file can be fetched from. */
function asFile(address: unknown, from: URL, known: Known): IndexFile[] {
  if (typeof address !== "string" || !URL.canParse(address, from.href)) return [];
  const url = new URL(address, from);
  // A server's page must not refer to local files.
  if (!/^https?:$/.test(url.protocol) && url.protocol !== from.protocol) return [];
  const fragment = /(?:^#|&)sha256=([0-9a-f]{64})(?=&|$)/i.exec(url.hash)?.[1];
  url.hash = "";
  const sha256 = (fragment ?? known.sha256)?.toLowerCase();
  const name = trimmed(known.filename) ?? nameOf(url);
  const size = Number.isSafeInteger(known.size) && Number(known.size) > 0 && Number(known.size);
  const { isYanked } = known;
  const said = trimmed(known.provenance);
  const provenance = said && URL.canParse(said, from.href) && new URL(said, from).href;
  return [
    {
      ...{ url: url.href, name, isYanked },
      ...(sha256 && { sha256 }),
      ...(size && { size }),
      ...(provenance && { provenance }),
    },
  ];
}

/** The last part of a URL, as a name. */
export function nameOf({ pathname }: URL): string {
  const last = pathname.replace(/\/+$/, "").split("/").at(-1) ?? "";
  return orNothing(() => decodeURIComponent(last)) ?? last;
}

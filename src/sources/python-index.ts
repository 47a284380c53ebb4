import { UserError } from "../core/errors.ts";
import type { LockedWheel } from "../core/recipe.ts";
import { isNotFound } from "../net/errors.ts";
import type { Http, Text } from "../net/http.ts";
import type { PipConfig } from "../net/pip-config.ts";

const accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.9";

/** Where an index says that a file lies. */
export interface IndexFile {
  readonly url: string;
  readonly name: string;
  /** Lower-case hexadecimal, where the index gives it. */
  readonly sha256?: string;
}

/**
 * The files of a package, as the simple API lists them (JSON or HTML), from the first of the indexes
 * that knows it. Where a file comes from does not matter: only the pinned digest is believed.
 */
export async function filesOf(
  name: string,
  indexes: readonly string[],
  { http, pip }: { http: Http; pip: PipConfig },
): Promise<readonly IndexFile[]> {
  for (const index of indexes) {
    const page = `${index}${name}/`;
    const headers = { accept, ...pip.headersFor(page) };
    const found = await http.text(page, { headers, ...pip.through }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (found) return found.text.trimStart().startsWith("{") ? fromJson(found) : fromHtml(found);
  }
  throw new UserError("network", `no configured Python index has ${name}`, {
    hint: "See `pip config list`; the index must serve the package under its simple API.",
  });
}

/** The address of a wheel; throws a UserError (`network`) where the index does not list it. */
export function addressOf(wheel: LockedWheel, files: readonly IndexFile[]): string {
  const found =
    files.find(({ sha256 }) => sha256 === wheel.digest.hex) ??
    files.find(({ name }) => name === wheel.file);
  if (found) return found.url;
  throw new UserError("network", `the Python index does not list ${wheel.file}`, {
    hint: "It may hold packages back for some days, or have removed this one: try another index.",
  });
}

function fromJson({ text, url }: Text): IndexFile[] {
  const { files } = JSON.parse(text) as { files?: unknown };
  if (!Array.isArray(files)) return [];
  return files.flatMap(({ filename, url: address, hashes }) =>
    typeof filename === "string" ? asFile(filename, address, url, hashes?.sha256) : [],
  );
}

function fromHtml({ text, url }: Text): IndexFile[] {
  const base = /<base\s[^>]*href\s*=\s*["']([^"']+)["']/i.exec(text)?.[1];
  const from = base !== undefined && URL.canParse(base, url.href) ? new URL(base, url) : url;
  const anchors = text.matchAll(/<a\s[^>]*?href\s*=\s*["']([^"']+)["'][^>]*>([^<]*)<\/a>/gi);
  return [...anchors].flatMap(([, href = "", name = ""]) => {
    const [address = "", fragment = ""] = unescapeHtml(href).split("#");
    return asFile(
      unescapeHtml(name).trim(),
      address,
      from,
      /sha256=([0-9a-f]{64})/i.exec(fragment)?.[1],
    );
  });
}

function asFile(name: string, address: unknown, from: URL, sha256: unknown): IndexFile[] {
  if (typeof address !== "string" || !URL.canParse(address, from.href)) return [];
  const url = new URL(address, from).href;
  return [{ url, name, ...(typeof sha256 === "string" ? { sha256: sha256.toLowerCase() } : {}) }];
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  "#39": "'",
  "#x27": "'",
};

function unescapeHtml(text: string): string {
  return text.replace(
    /&([a-z]+|#\w+);/gi,
    (whole, name: string) => entities[name.toLowerCase()] ?? whole,
  );
}

import { type PlatformKey, platformKeys } from "../platform.ts";
import { type RecipeSource, sourceSchema } from "./schema.ts";

/** What is wrong at a place of the document; becomes a RecipeProblem once its line is known. */
export interface Finding {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly example?: string;
}

/** A well-formed source and where it stands in the document. */
export interface PlacedSource {
  readonly key: PlatformKey;
  readonly path: readonly (string | number)[];
  readonly source: RecipeSource;
}

/** A finding whose message starts with the place: `artifacts.linux-x64.url must …`. */
export function finding(path: Finding["path"], what: string, example?: string): Finding {
  const place = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
  const message = `${place.slice(1) || "the document"} ${what}`;
  return { path, message, ...(example !== undefined && { example }) };
}

/** The well-formed sources of a document that need not be well-formed elsewhere. */
export function placedSources(document: unknown): PlacedSource[] {
  const artifacts = member(document, "artifacts");
  return platformKeys.flatMap((key) => {
    const value = member(artifacts, key);
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.flatMap((item, index) => {
      const source = sourceSchema.safeParse(item).data;
      const path = ["artifacts", key, ...(Array.isArray(value) ? [index] : [])];
      return source ? [{ key, path, source }] : [];
    });
  });
}

/** A field of what may be no object; undefined where it is none or has none of that name. */
export function member(value: unknown, key: string): unknown {
  const isObject = typeof value === "object" && value !== null && Object.hasOwn(value, key);
  return isObject ? (value as Record<string, unknown>)[key] : undefined;
}

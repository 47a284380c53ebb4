import { type PlatformKey, platformKeys } from "../platform.ts";
import { type RecipeDocument, type RecipeSource, recipeSchema, sourceSchema } from "./schema.ts";

/** An error at a place of the document; becomes a RecipeProblem when its line is known. */
export interface Finding {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly example?: string;
}

/** A well-formed source and its place in the document. */
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

/** The well-formed sources of a document; other parts may be malformed. */
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

/** A well-formed field of a document; undefined if it is malformed or missing. */
export function fieldOf<Name extends keyof RecipeDocument>(
  document: unknown,
  name: Name,
): RecipeDocument[Name] | undefined {
  const { data } = recipeSchema.shape[name].safeParse(member(document, name));
  return data as RecipeDocument[Name] | undefined;
}

/** A field of a value that may be no object; undefined if it has no field of that name. */
export function member(value: unknown, key: string): unknown {
  const isObject = typeof value === "object" && value !== null && Object.hasOwn(value, key);
  return isObject ? (value as Record<string, unknown>)[key] : undefined;
}

import { isMap, isScalar, parseDocument, type YAMLMap } from "yaml";
import { UserError } from "../core/errors.ts";
import { member, type PlacedSource, placedSources } from "../core/recipes/findings.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import { type DigestField, digestFields } from "../core/recipes/sources.ts";
import { type Edit, edited, endOfLine, indentAt, inPlaceOf, lineBreakOf } from "./lines.ts";

/** A field that pins a source, and its place. */
export interface PinnedField {
  readonly path: readonly (string | number)[];
  readonly fields: Partial<Record<DigestField | "sum" | "size" | "glibc", string | number>>;
}

/**
 * The sources of a document with any pins, because these are recreated. A source's well-formed pins
 * stay, so that their kind is kept.
 */
export function pinnableSources(document: unknown): PlacedSource[] {
  const bare = structuredClone(document);
  const listed = Object.values((member(bare, "artifacts") ?? {}) as object).flat();
  for (const source of listed) if (typeof source === "object" && source) plainPins(source);
  return placedSources(bare);
}

/** Only the kind of a digest counts; its digits may be anything until it is computed. */
function plainPins(source: Record<string, unknown>): void {
  if (typeof source.size !== "number") delete source.size;
  for (const [field, text] of Object.entries(wellFormed)) if (field in source) source[field] = text;
}

const wellFormed: Readonly<Record<string, string>> = {
  sha256: "0".repeat(64),
  sha512: "0".repeat(128),
  integrity: `sha512-${Buffer.alloc(64).toString("base64")}`,
  sum: `h1:${Buffer.alloc(32).toString("base64")}`,
};

/** The kind of digest that a source has, or should have. */
export function digestField(source: RecipeSource): DigestField {
  const own = digestFields.find((field) => source[field]);
  return own ?? (source.npm === undefined ? "sha256" : "integrity");
}

/**
 * Writes pins into a recipe's text and leaves everything else unchanged. Returns the changes, a
 * line each.
 */
export function writePins(
  text: string,
  pins: readonly PinnedField[],
): { readonly text: string; readonly changes: readonly string[] } {
  const document = parseDocument(text, { version: "1.2" });
  const edits: Edit[] = [];
  const changes: string[] = [];
  for (const { path, fields } of pins) {
    const source = document.getIn(path, true);
    if (!isMap(source)) throw new UserError("E_LOCK_SOURCE", `${path.join(".")} is not a source`);
    for (const [field, value] of Object.entries(fields)) {
      const made = editOf(source, field, value, text);
      if (!made) continue;
      edits.push(made.edit);
      changes.push(`${path.join(".")}.${field}: ${made.old} -> ${value}`);
    }
  }
  return { text: edited(text, edits), changes };
}

/** Undefined if the field has this value already. */
function editOf(
  source: YAMLMap,
  field: string,
  value: string | number,
  text: string,
): { readonly edit: Edit; readonly old: string } | undefined {
  const there = source.get(field, true);
  if (!isScalar(there) || !there.range) {
    return { edit: addition(source, field, value, text), old: "none" };
  }
  const old = String(there.value ?? "");
  const [from, to] = there.range;
  const written = inPlaceOf(text.slice(from, to), String(value));
  return old === String(value) ? undefined : { edit: { from, to, text: written }, old };
}

/** After the first field of a source, which is its origin. */
function addition(source: YAMLMap, field: string, value: string | number, text: string): Edit {
  const [first] = source.items;
  const [key, origin] = [first?.key, first?.value];
  if (!isScalar(key) || !isScalar(origin) || !key.range || !origin.range) {
    throw new UserError("E_LOCK_SOURCE", "a source does not begin with url, npm or go");
  }
  if (source.flow) {
    const at = origin.range[1];
    return { from: at, to: at, text: `, ${field}: ${value}` };
  }
  const at = endOfLine(text, origin.range[1]);
  const added = `${lineBreakOf(text)}${indentAt(text, key.range[0])}${field}: ${value}`;
  return { from: at, to: at, text: added };
}

import { Document, isMap, isSeq, parse, parseDocument, type YAMLMap } from "yaml";
import type { SignedBy } from "../../core/recipe.ts";
import { placedSources } from "../../core/recipes/findings.ts";
import { nameSigner, signerOf } from "../../core/signed.ts";
import { edited, endOfLine, indentAt, lineBreakOf } from "../lines.ts";
import type { FindSignatures } from "./check.ts";

/** A recipe's text with what signs its sources, and what changed in that. */
interface Recorded {
  readonly text: string;
  /** Each once. */
  readonly signed: readonly SignedBy[];
  /** What a person should know: a signature that is no longer there, another signer. */
  readonly notes: readonly string[];
}

/**
 * Checks the signatures of all sources of a recipe and records them in its text. What is recorded already stays as
 * it is while the signer is the same and `isSame`: the source is. Throws a UserError if one is wrong.
 */
export async function recordSignatures(
  text: string,
  lockOf: (name: string) => string | undefined,
  find: FindSignatures,
  { day, isSame = false }: { readonly day: string; readonly isSame?: boolean },
): Promise<Recorded> {
  const notes = new Set<string>();
  const all = new Map<string, SignedBy>();
  let result = text;
  // From the end, so that the places of those before stay.
  for (const { path, source } of placedSources(parse(text)).reverse()) {
    const found = await find(source, source.lock && lockOf(source.lock));
    for (const each of found) all.set(signerOf(each), each);
    const before = (source.signed ?? []) as readonly SignedBy[];
    for (const note of differences(before, found)) notes.add(note);
    const now = found.map((each) => {
      const old = before.find((known) => isSame && isEqual(known, each));
      return { ...each, checked: old?.checked ?? day };
    });
    result = writeSigned(result, path, now);
  }
  return { text: result, signed: [...all.values()].reverse(), notes: [...notes].reverse() };
}

function isEqual({ checked: _, ...known }: SignedBy, { checked: __, ...found }: SignedBy): boolean {
  const sorted = (each: object) =>
    JSON.stringify(
      Object.entries(each)
        .filter(([, v]) => v !== undefined)
        .sort(),
    );
  return sorted(known) === sorted(found);
}

/** What is no longer as it was recorded. */
export function differences(before: readonly SignedBy[], now: readonly SignedBy[]): string[] {
  return before.flatMap((old) => {
    const same = now.filter(({ kind }) => kind === old.kind);
    if (same.some((each) => signerOf(each) === signerOf(old))) return [];
    const [other] = same;
    return [
      other
        ? `signer changed: ${nameSigner(old)} -> ${other.by}`
        : `no longer signed: ${nameSigner(old)}`,
    ];
  });
}

type Path = readonly (string | number)[];

/** Replaces the field `signed` of a source; everything else in the text stays. */
export function writeSigned(text: string, path: Path, signed: readonly SignedBy[]): string {
  const bare = withoutSigned(text, path);
  if (signed.length === 0) return bare;
  const source = parseDocument(bare, { version: "1.2" }).getIn(path, true);
  if (!isMap(source)) return bare;
  const last = endOf(bare, source);
  const items = signed.map(oneLine);
  const first = (source.items[0]?.key as { range?: [number] } | undefined)?.range?.[0] ?? 0;
  const start = lineBreakOf(text) + indentAt(bare, first);
  const lines = ["signed:", ...items.map((item) => `  - ${item}`)];
  const added = source.flow
    ? `, signed: [${items.join(", ")}]`
    : lines.map((line) => start + line).join("");
  return edited(bare, [{ from: last, to: last, text: added }]);
}

/** One signature on one line. */
function oneLine(signed: SignedBy): string {
  const known = Object.entries(signed).filter(([, value]) => value !== undefined);
  const document = new Document(Object.fromEntries(known), { version: "1.2" });
  if (isMap(document.contents)) document.contents.flow = true;
  return document.toString({ lineWidth: 0 }).trim();
}

function withoutSigned(text: string, path: Path): string {
  const source = parseDocument(text, { version: "1.2" }).getIn(path, true);
  const at = isMap(source) ? source.items.findIndex(({ key }) => String(key) === "signed") : -1;
  if (!isMap(source) || at < 0) return text;
  const pair = source.items[at];
  const from = (pair?.key as { range?: [number] } | undefined)?.range?.[0] ?? 0;
  const end = isSeq(pair?.value) ? (pair.value.range?.[1] ?? from) : from;
  const before = text.slice(0, from).replace(source.flow ? /,\s*$/ : /\r?\n[ ]*$/, "");
  const rest = text.slice(end);
  // The end of a block is behind its line break.
  return before + (text.slice(from, end).endsWith("\n") ? lineBreakOf(text) + rest : rest);
}

/** Where the last field of a source ends. */
function endOf(text: string, { items, range, flow }: YAMLMap): number {
  if (flow)
    return (
      text.lastIndexOf("}", (range?.[1] ?? 1) - 1) -
      (/\s\}$/.test(text.slice(0, range?.[1])) ? 1 : 0)
    );
  const value = items.at(-1)?.value as { range?: [number, number] } | undefined;
  return endOfLine(text, value?.range?.[1] ?? 0);
}

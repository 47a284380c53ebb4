import type { SignatureKind } from "../../core/recipe.ts";
import type { SignatureContext } from "./evidence.ts";

/** Says that a key is trusted because it is the first one that was seen. */
export function firstUse(key: string, from: string, { draft }: SignatureContext): void {
  const message = `${key} is trusted from now on; it comes from ${from}. Compare it with what its owner says elsewhere`;
  draft.emit({ type: "note", message });
}

/** Says that a signature was not checked, and how its key is named. */
export function keyIsMissing(
  kind: SignatureKind,
  url: string,
  example: string,
  { draft }: SignatureContext,
): void {
  const message = `${url} was not checked, because its key is not known. To check it, write into the source "signed: [{ kind: ${kind}, by: ${example} }]" and run recipe pin`;
  draft.emit({ type: "warning", problem: "E_RECIPE_ADVICE", message });
}

import { UserError } from "../../core/errors.ts";
import type { SignatureKind, SignedBy } from "../../core/recipe.ts";
import type { RecipeKind } from "../../core/recipes/artifacts.ts";
import type { RecipeSource } from "../../core/recipes/schema.ts";
import { shownWord } from "../../core/shown-url.ts";
import type { DraftContext } from "../draft-context.ts";
import type { TrustRoot } from "./trust-root.ts";

/** A pinned source whose signatures are looked for. */
export interface Subject {
  readonly source: RecipeSource;
  /** The text of its lock. */
  readonly lock?: string | undefined;
  /** What its recipe says already: names keys that are trusted. */
  readonly recorded: readonly SignedBy[];
}

/** The context of all checks of a run. */
export interface SignatureContext {
  readonly draft: DraftContext;
  /** Sigstore's authorities and npm's keys; opened at the first use. */
  readonly trust: () => Promise<TrustRoot>;
  /** A path for a new file of this run. */
  readonly file: () => string;
  /** What `make` returned for this key before. */
  readonly memo: <T>(key: string, make: () => Promise<T>) => Promise<T>;
  /** Called for an answer that is neither a signature nor "there is none". */
  readonly doubt: (doubt: Doubt) => void;
}

/** Why it is not known whether something is signed. */
export interface Doubt {
  /** `example.com answered with a web page` */
  readonly why: string;
  /** The address where a signature may be, or the kind of signature. */
  readonly at: string;
}

/**
 * A kind of signature: finds those of a source, and verifies each. Throws a UserError (`integrity`) if one is there
 * and is wrong; returns an empty list if there is none.
 */
export interface SignatureCheck {
  readonly kinds: readonly SignatureKind[];
  readonly sources: readonly RecipeKind[];
  find(subject: Subject, context: SignatureContext): Promise<readonly SignedBy[]>;
}

/** A signature that is there, and is not what it should be. */
export function wrongSignature(what: string, why: string, cause?: unknown): UserError {
  return new UserError("E_SIGNATURE", `${shownWord(what)}: ${why}`, { cause });
}

/** Says that a key is trusted because it is the first one that was seen. */
export function firstUse(key: string, from: string, { draft }: SignatureContext): void {
  const message = `${key} is trusted from now on; it comes from ${shownWord(from)}. Compare it with what its owner says elsewhere`;
  draft.emit({ type: "note", message });
}

/** Says that a signature was not checked, and how its key is named. */
export function keyIsMissing(
  kind: SignatureKind,
  url: string,
  example: string,
  { draft }: SignatureContext,
): void {
  const message = `${shownWord(url)} was not checked, because its key is not known. To check it, write into the source "signed: [{ kind: ${kind}, by: ${example} }]" and run recipe pin`;
  draft.emit({ type: "warning", problem: "E_RECIPE_ADVICE", message });
}

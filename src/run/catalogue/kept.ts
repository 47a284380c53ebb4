import type { CatalogueSpec } from "../../core/catalogue-spec.ts";
import { UserError } from "../../core/errors.ts";
import type { Manifest, StoredCatalogue } from "../../core/manifest.ts";
import { type CompiledCatalogue, OtherSchema, parseCompiled } from "../../io/inputs/compiled.ts";
import { readStoredCatalogue } from "../../io/volume/catalogues.ts";
import type { GivenKey } from "./key.ts";

/** The catalogue that `--catalogue` names. */
export interface NamedCatalogue extends CompiledCatalogue {
  /** The spec without secrets. */
  readonly called: string;
  readonly sha256: string;
  readonly from: "volume" | "seed" | "file" | "network";
  /** What the manifest records of it. */
  readonly record: StoredCatalogue;
  readonly text: string;
}

/** Where copies of it may be. */
export interface CatalogueStores {
  readonly prefix: string;
  readonly manifest: Pick<Manifest, "catalogues" | "catalogueTimes">;
  readonly seed?: (Pick<Manifest, "catalogues"> & { readonly dir: string }) | undefined;
}

interface Kept {
  readonly kept?: NamedCatalogue;
  /** Why a copy that is there cannot be read: it is for another version of this command. */
  readonly unreadable?: UserError;
}

/** The copy in the volume, else in the seed, that was verified with the same key. */
export async function keptCatalogue(
  { called }: CatalogueSpec,
  given: GivenKey | undefined,
  { prefix, manifest, seed }: CatalogueStores,
): Promise<Kept> {
  const stores = [
    { dir: prefix, from: "volume", ...manifest } as const,
    ...(seed ? [{ ...seed, from: "seed" } as const] : []),
  ];
  let unreadable: UserError | undefined;
  for (const { dir, from, catalogues } of stores) {
    const copy = readStoredCatalogue(dir, { catalogues }, called);
    if (!copy || (given?.key && given.key.text !== copy.record.key)) continue;
    const { text, record } = copy;
    if (isOlder(record.signedAt, called, manifest)) continue;
    try {
      const compiled = parseCompiled(text, (read) => read(), called);
      const kept = { ...compiled, called, sha256: record.sha256, from, record, text };
      return { kept };
    } catch (error) {
      if (!(error instanceof OtherSchema)) throw error; // its digest is right
      unreadable ??= await explained(text, called);
    }
  }
  return unreadable ? { unreadable } : {};
}

async function explained(text: string, called: string): Promise<UserError> {
  const { checkCatalogue } = await import("./check.ts");
  try {
    checkCatalogue(text, called);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error(`${called} can be read after all`);
}

/** True if the volume has had a catalogue of this name that was signed later. */
export function isOlder(
  signedAt: number | undefined,
  called: string,
  { catalogueTimes = {} }: CatalogueStores["manifest"],
): boolean {
  return signedAt !== undefined && signedAt < (catalogueTimes[called] ?? 0);
}

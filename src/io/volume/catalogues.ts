import { join } from "node:path";
import { maxCatalogue } from "../../core/catalogue-spec.ts";
import { sha256Hex } from "../../core/digest.ts";
import { layout } from "../../core/layout.ts";
import type { Manifest, StoredCatalogue } from "../../core/manifest.ts";
import { writeAtomically } from "../files.ts";
import { readPlain } from "../input.ts";
import { openShare } from "./volume.ts";

/** A catalogue of a volume, whose bytes have the digest that the manifest records. */
export interface CatalogueInVolume {
  readonly record: StoredCatalogue;
  readonly text: string;
}

/** The volume's copy of a catalogue; undefined if it has none, or the copy is damaged. */
export function readStoredCatalogue(
  prefix: string,
  { catalogues }: Pick<Manifest, "catalogues">,
  spec: string,
): CatalogueInVolume | undefined {
  const record = catalogues && Object.hasOwn(catalogues, spec) ? catalogues[spec] : undefined;
  const text = record && readPlain(join(prefix, layout.catalogueFile(record.sha256)), maxCatalogue);
  if (record === undefined || text === undefined) return undefined;
  return sha256Hex(text) === record.sha256 ? { record, text } : undefined;
}

/** Writes a catalogue under the name of its digest, in one step. */
export async function storeCatalogue(prefix: string, text: string): Promise<void> {
  await openShare(prefix, layout.catalogues);
  await writeAtomically(join(prefix, layout.catalogueFile(sha256Hex(text))), text);
}

/** The specs whose copy in the volume is missing or damaged. */
export function damagedCatalogues(prefix: string, manifest: Manifest): string[] {
  return Object.keys(manifest.catalogues ?? {}).filter(
    (spec) => readStoredCatalogue(prefix, manifest, spec) === undefined,
  );
}

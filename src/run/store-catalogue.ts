import type { Manifest, StoredCatalogue } from "../core/manifest.ts";
import { readStoredCatalogue, storeCatalogue } from "../io/volume/catalogues.ts";
import { editManifest } from "../io/volume/manifest-file.ts";
import type { Emit } from "../report/events.ts";
import type { OpenSeed } from "./apply-context.ts";
import type { FoundCatalogue, NamedCatalogue } from "./catalogue/find.ts";
import { withManifestLease } from "./manifest-lease.ts";

/** A volume and its manifest when the run began. */
interface Volume {
  readonly prefix: string;
  readonly manifest: Manifest;
}

/**
 * Stores the catalogue that a run used, and records it: first the file, then the manifest, so that a
 * run that is killed leaves at most a file that the next one prunes. Writes nothing if the volume has
 * it and the last run used it, too.
 */
export async function storeNamedCatalogue(
  named: FoundCatalogue | undefined,
  { prefix, manifest }: Volume,
  emit: Emit,
): Promise<void> {
  const { catalogue } = named ?? {};
  if (named ? !catalogue : manifest.catalogue === undefined) return;
  const isStored = catalogue === undefined || hasCopy(catalogue, { prefix, manifest });
  if (isStored && manifest.catalogue === catalogue?.called) return;
  if (catalogue && !isStored) await storeCatalogue(prefix, catalogue.text);
  const change = (current: Manifest) => recordIn(current, catalogue);
  await withManifestLease(prefix, emit, () => editManifest(prefix, manifest.platform, change));
}

function hasCopy({ called, record }: NamedCatalogue, { prefix, manifest }: Volume): boolean {
  const there = readStoredCatalogue(prefix, manifest, called)?.record;
  const { sha256, key, signedAt } = record;
  return there?.sha256 === sha256 && there.key === key && there.signedAt === signedAt;
}

/**
 * Specs whose catalogue in another volume is missing, damaged or older here. The newest signature that
 * was ever seen here counts.
 */
export function missingCatalogues(
  theirs: Manifest["catalogues"] = {},
  { prefix, manifest }: Volume,
): string[] {
  return Object.entries(theirs).flatMap(([spec, record]) => {
    const { signedAt } = record;
    const newest = manifest.catalogueTimes?.[spec];
    const isOlder = signedAt !== undefined && newest !== undefined && signedAt < newest;
    const here = readStoredCatalogue(prefix, manifest, spec)?.record;
    const isHere = here && (signedAt === undefined || here.sha256 === record.sha256);
    return isOlder || isHere ? [] : [spec];
  });
}

/** Copies the catalogues of an unpacked bundle or another volume, whose digests are compared. */
export async function importCatalogues(
  { dir, catalogues }: Pick<OpenSeed, "dir" | "catalogues">,
  { prefix, manifest }: Volume,
  emit: Emit,
): Promise<void> {
  for (const spec of missingCatalogues(catalogues, { prefix, manifest })) {
    const copy = readStoredCatalogue(dir, { catalogues }, spec);
    if (!copy) continue;
    await storeCatalogue(prefix, copy.text);
    const change = (current: Manifest) => addRecord(current, spec, copy.record);
    await withManifestLease(prefix, emit, () => editManifest(prefix, manifest.platform, change));
    emit({ type: "note", message: `the catalogue ${spec} was copied, too` });
  }
}

function recordIn(current: Manifest, catalogue: NamedCatalogue | undefined): void {
  if (!catalogue) {
    delete current.catalogue;
    return;
  }
  current.catalogue = catalogue.called;
  addRecord(current, catalogue.called, catalogue.record);
}

/** Another run may have stored a newer one meanwhile: that one stays. */
function addRecord(current: Manifest, spec: string, record: StoredCatalogue): void {
  const { signedAt } = record;
  if (signedAt !== undefined && signedAt < (current.catalogueTimes?.[spec] ?? 0)) return;
  current.catalogues = { ...current.catalogues, [spec]: record };
  if (signedAt !== undefined) {
    current.catalogueTimes = { ...current.catalogueTimes, [spec]: signedAt };
  }
}

/** Drops the catalogues that no run uses any more; what was signed when stays known. */
export async function forgetCatalogues(
  { prefix, manifest }: Volume,
  used: readonly string[],
  emit: Emit,
): Promise<Manifest> {
  const isUnused = (spec: string): boolean => !used.includes(spec);
  if (!Object.keys(manifest.catalogues ?? {}).some(isUnused)) return manifest;
  const change = (current: Manifest): void => {
    const kept = Object.entries(current.catalogues ?? {}).filter(
      ([spec]) => !isUnused(spec) || spec === current.catalogue,
    );
    current.catalogues = Object.fromEntries(kept);
  };
  return await withManifestLease(prefix, emit, () =>
    editManifest(prefix, manifest.platform, change),
  );
}

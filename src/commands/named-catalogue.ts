import type { Context } from "../context.ts";
import { type ProblemKind, UserError } from "../core/errors.ts";
import { isDirectory } from "../io/files.ts";
import { isFilledElsewhere } from "../io/volume/volume.ts";
import { warningOf } from "../report/events.ts";
import type { InstalledState } from "../run/inputs/state.ts";

/** The catalogue in JSON documents; null is the bundled one. */
export function catalogueDocument({ named }: Pick<InstalledState, "named">) {
  if (!named) return null;
  const { called, catalogue, failure } = named;
  const signedAt = catalogue?.record.signedAt;
  return {
    spec: called,
    version: catalogue?.version ?? null,
    sha256: catalogue?.sha256 ?? null,
    signedAt: signedAt === undefined ? undefined : new Date(signedAt * 1000).toISOString(),
    problem: failure?.problem,
  };
}

/** One line for people; undefined for the bundled catalogue. */
export function describeCatalogue(state: Pick<InstalledState, "named">): string | undefined {
  const document = catalogueDocument(state);
  if (!document) return undefined;
  const { spec, version, sha256 } = document;
  return sha256 === null
    ? `catalogue: ${spec}, which cannot be used now`
    : `catalogue: ${spec} (${version}, sha256:${sha256.slice(0, 12)})`;
}

/**
 * The failure of a catalogue counts if something was asked of it: a newer one, or a program that is
 * not installed. What is installed stays in use without it.
 */
export function failureOfCatalogue(
  { named, plan }: InstalledState,
  { options }: Context,
): readonly ProblemKind[] {
  const { failure, catalogue } = named ?? {};
  if (!failure) return [];
  const isMissed =
    options.verb === "update" ||
    failure.kind === "integrity" ||
    (!catalogue && plan.unmet.length > 0);
  return isMissed ? [failure.kind] : [];
}

/** Stores the catalogue in a volume that can be written to; another volume is filled elsewhere. */
export async function recordCatalogue(
  { named, prefix, manifest }: InstalledState,
  { reporter: { emit } }: Context,
): Promise<void> {
  if (!named && manifest.catalogue === undefined) return;
  if (!isDirectory(prefix)) return;
  const { storeNamedCatalogue } = await import("../run/store-catalogue.ts");
  try {
    await storeNamedCatalogue(named, { prefix, manifest }, emit);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (isFilledElsewhere(error)) return;
    emit(warningOf(error, `the catalogue could not be stored in the volume: ${error.message}`));
  }
}

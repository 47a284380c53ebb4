import { formatDigest } from "../../core/digest.ts";
import type { NpmPackageArtifact } from "../../core/recipe.ts";
import type { Staged } from "../context.ts";
import { type ArchiveContext, pinnedArchive, type SourceKind } from "../kind.ts";
import { stageOneArchive } from "../one-archive.ts";
import { downloadTarball } from "./registry.ts";

/** One package tarball of the configured npm registry, used as an archive. */
async function stageNpmPackage(
  artifact: NpmPackageArtifact,
  context: ArchiveContext,
): Promise<Staged> {
  const { name, version } = artifact;
  const { http, npm } = context;
  const tarball = { ...artifact, from: `${name}@${version}`, format: "npm" } as const;
  return await stageOneArchive(tarball, context, async (request) =>
    downloadTarball({ http, npm: await npm(), name, version, ...request }),
  );
}

export const npmPackage: SourceKind<NpmPackageArtifact> = {
  stage: stageNpmPackage,
  pinnedBy(artifact, bins) {
    const { name, version, digest, strip } = artifact;
    const what = [name, version, formatDigest(digest), strip];
    return pinnedArchive(what, bins, (context) => stageNpmPackage(artifact, context));
  },
};

import { join } from "node:path";
import { formatDigest } from "../../core/digest.ts";
import type { NpmPackageArtifact } from "../../core/recipe.ts";
import { rm } from "../../io/disk.ts";
import { extract, limitsFor } from "../../unpack/extract.ts";
import type { Staged } from "../context.ts";
import { type ArchiveContext, type SourceKind, stageToCompare } from "../kind.ts";
import { checkPrograms, makeTree } from "../tree.ts";
import { downloadTarball } from "./registry.ts";

/** One package tarball of the machine's npm registry, used as an archive. */
async function stageNpmPackage(
  artifact: NpmPackageArtifact,
  context: ArchiveContext,
): Promise<Staged> {
  const { name, version, digest, size, strip } = artifact;
  const { http, onProgress, signal } = context;
  const file = join(context.dir, "download");
  context.onPhase?.("download");
  const download = await downloadTarball({
    http,
    npm: await context.npm(),
    name,
    version,
    digest,
    file,
    onProgress,
    hasAlternative: context.hasAlternative ?? false,
    ...(size === undefined ? {} : { size }),
    ...(signal === undefined ? {} : { signal }),
  });
  context.onPhase?.("unpack");
  const tree = await makeTree(context.dir);
  const { written } = context;
  const limits = limitsFor(download.size);
  await extract({ file, format: "npm", into: tree, strip, limits, written, signal });
  await rm(file, { force: true });
  await checkPrograms(tree, context.bins, true);
  const { kind } = artifact;
  const from = `${name}@${version}`;
  return { tree, source: { kind, from, digest: formatDigest(digest), size: download.size } };
}

export const npmPackage: SourceKind<NpmPackageArtifact> = {
  stage: stageNpmPackage,
  pinnedBy(artifact, bins) {
    const { name, version, digest, strip } = artifact;
    const id = JSON.stringify([name, version, formatDigest(digest), strip, bins]);
    const stage = (context: ArchiveContext) => stageNpmPackage(artifact, context);
    return [{ id, fetch: (dir, context) => stageToCompare(stage, dir, bins, context) }];
  },
};

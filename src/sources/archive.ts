import { formatDigest } from "../core/digest.ts";
import { type ArchiveArtifact, isPlainFormat } from "../core/recipe.ts";
import { shownUrl } from "../core/shown-url.ts";
import type { Staged } from "./context.ts";
import { type ArchiveContext, pinnedArchive, type SourceKind } from "./kind.ts";
import { stageOneArchive } from "./one-archive.ts";
import { onlyProgram } from "./tree.ts";

/** An archive or a plain program at a literal URL. */
async function stageArchive(artifact: ArchiveArtifact, context: ArchiveContext): Promise<Staged> {
  const { url, format } = artifact;
  const { isPrivate } = context;
  const rawPath = isPlainFormat(format) ? onlyProgram(context.bins) : undefined;
  return await stageOneArchive({ ...artifact, from: shownUrl(url), rawPath }, context, (request) =>
    context.http.download({ url, isPrivate, ...request }),
  );
}

export const archive: SourceKind<ArchiveArtifact> = {
  stage: stageArchive,
  pinnedBy(artifact, bins) {
    const { url, digest, format, strip } = artifact;
    const what = [url, formatDigest(digest), format, strip];
    return pinnedArchive(what, bins, (context) => stageArchive(artifact, context));
  },
};

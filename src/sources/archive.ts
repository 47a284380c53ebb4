import { join } from "node:path";
import { formatDigest } from "../core/digest.ts";
import { type ArchiveArtifact, isPlainFormat } from "../core/recipe.ts";
import { rmSync } from "../io/disk.ts";
import { extract, limitsFor } from "../unpack/extract.ts";
import type { Staged } from "./context.ts";
import { type ArchiveContext, type SourceKind, stageToCompare } from "./kind.ts";
import { checkPrograms, makeTree, onlyProgram } from "./tree.ts";

/**
 * An archive or a plain program at a literal URL. It is hashed while it is downloaded, and nothing of it is
 * unpacked before its digest is known: no decoder ever sees a stranger's bytes, a download can be resumed
 * or started again, and to read it once more from the page cache is some 3 % of the work.
 */
async function stageArchive(artifact: ArchiveArtifact, context: ArchiveContext): Promise<Staged> {
  const { url, digest, size, format, strip } = artifact;
  const file = join(context.dir, "download");
  const rawPath = isPlainFormat(format) ? { rawPath: onlyProgram(context.bins) } : {};
  context.onPhase?.("download");
  const download = await context.http.download({
    url,
    file,
    digest,
    hasAlternative: context.hasAlternative ?? false,
    onProgress: context.onProgress,
    ...(size === undefined ? {} : { size }),
    ...(context.signal === undefined ? {} : { signal: context.signal }),
  });
  context.onPhase?.("unpack");
  const tree = await makeTree(context.dir);
  const limits = limitsFor(download.size);
  const { written, onNote, signal } = context;
  const more = { ...rawPath, ...(onNote && { onNote }) };
  await extract({ file, format, into: tree, strip, limits, written, signal, ...more });
  rmSync(file, { force: true }); // a `raw` one was moved
  await checkPrograms(tree, context.bins, true);
  const { kind } = artifact;
  const source = { kind, from: url, digest: formatDigest(digest), size: download.size };
  return { tree, source };
}

export const archive: SourceKind<ArchiveArtifact> = {
  stage: stageArchive,
  pinnedBy(artifact, bins) {
    const { url, digest, format, strip } = artifact;
    const id = JSON.stringify([url, formatDigest(digest), format, strip, bins]);
    const stage = (context: ArchiveContext) => stageArchive(artifact, context);
    return [{ id, fetch: (dir, context) => stageToCompare(stage, dir, bins, context) }];
  },
};

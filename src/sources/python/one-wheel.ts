import { formatDigest } from "../../core/digest.ts";
import type { WheelArtifact } from "../../core/recipe.ts";
import type { Staged } from "../context.ts";
import { type ArchiveContext, pinnedArchive, type SourceKind } from "../kind.ts";
import { stageOneArchive } from "../one-archive.ts";
import { downloadWheel, type PythonIndexes } from "./index.ts";
import { indexesFor } from "./indexes.ts";

/** A wheel that is used as an archive: its program is not Python's. The programs become executable. */
async function stageWheel(
  artifact: WheelArtifact,
  context: ArchiveContext,
  indexes: () => Promise<PythonIndexes>,
): Promise<Staged> {
  const { name, version } = artifact;
  const archive = { ...artifact, from: `${name}@${version}`, format: "wheel" } as const;
  return await stageOneArchive(archive, context, async (request) =>
    downloadWheel({ ...(await indexes()), ...request, wheel: artifact }),
  );
}

export const oneWheel: SourceKind<WheelArtifact> = {
  stage(artifact, context) {
    const { http, toolchains } = context;
    return stageWheel(artifact, context, async () =>
      indexesFor(http, await toolchains.anyPython(), toolchains, await toolchains.systemIndex()),
    );
  },
  pinnedBy(artifact, bins) {
    const { file, digest, strip } = artifact;
    const what = [file, formatDigest(digest), strip];
    return pinnedArchive(what, bins, (context, { http, pip }) =>
      stageWheel(artifact, context, async () => ({ http, pip: await pip() })),
    );
  },
};

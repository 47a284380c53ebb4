import { formatDigest } from "../../core/digest.ts";
import type { WheelArtifact } from "../../core/recipe.ts";
import { type StageContext, type Staged, toolchainsOf } from "../context.ts";
import { type ArchiveContext, type SourceKind, stageToCompare } from "../kind.ts";
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

async function stageWheelHere(artifact: WheelArtifact, context: StageContext): Promise<Staged> {
  const toolchains = toolchainsOf(context);
  return await stageWheel(artifact, context, async () =>
    indexesFor(
      context.http,
      await toolchains.anyPython(),
      toolchains,
      await toolchains.systemIndex(),
    ),
  );
}

export const oneWheel: SourceKind<WheelArtifact> = {
  stage: stageWheelHere,
  pinnedBy(artifact, bins) {
    const { file, digest, strip } = artifact;
    const id = JSON.stringify([file, formatDigest(digest), strip, bins]);
    return [
      {
        ...{ id, isArchive: true },
        fetch: (dir, context) =>
          stageToCompare(
            (each) =>
              stageWheel(artifact, each, async () => {
                return { http: context.http, pip: await context.pip() };
              }),
            dir,
            bins,
            context,
          ),
      },
    ];
  },
};

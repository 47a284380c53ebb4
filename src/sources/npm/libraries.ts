import { maxLibraryBytes, tooLarge } from "../../core/libraries/limits.ts";
import type { NodeLibrariesArtifact } from "../../core/recipe.ts";
import type { StageContext, Staged } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { pinnedPackages, placePackages } from "./packages.ts";

/** The packages of a library set: a tree with `node_modules` alone, for every Node. */
async function stageNodeLibraries(
  { kind, packages }: NodeLibrariesArtifact,
  context: StageContext,
): Promise<Staged> {
  const refuse = (received: number): void => {
    if (received > maxLibraryBytes) throw tooLarge();
  };
  const { tree, size, digest } = await placePackages(packages, context, refuse);
  return { tree, source: { kind, from: `${packages.length} npm packages`, digest, size } };
}

export const nodeLibraries: SourceKind<NodeLibrariesArtifact> = {
  stage: stageNodeLibraries,
  pinnedBy: ({ packages }) => pinnedPackages(packages),
};

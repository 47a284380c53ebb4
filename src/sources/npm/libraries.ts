import { UserError } from "../../core/errors.ts";
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
  const { tree, size, digest } = await placePackages(packages, context, { onBytes: refuse }).catch(
    notListed,
  );
  return { tree, source: { kind, from: `${packages.length} npm packages`, digest, size } };
}

/** A skill's lock may name a version that was removed or never published: trying again does not help. */
function notListed(error: unknown): never {
  if (!(error instanceof UserError) || error.problem !== "E_NOT_LISTED") throw error;
  const { message, cause } = error;
  throw new UserError("E_LIBRARIES_NOT_LISTED", message, { cause });
}

export const nodeLibraries: SourceKind<NodeLibrariesArtifact> = {
  stage: stageNodeLibraries,
  pinnedBy: ({ packages }) => pinnedPackages(packages),
};

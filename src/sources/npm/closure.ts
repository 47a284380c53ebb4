import type { NpmClosureArtifact } from "../../core/recipe.ts";
import type { StageContext, Staged } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { checkPrograms } from "../tree.ts";
import { pinnedPackages, placePackages } from "./packages.ts";

/**
 * A JavaScript program with all its dependencies, each one verified against the lock. Package
 * scripts are never run.
 */
async function stageNpmClosure(
  artifact: NpmClosureArtifact,
  context: StageContext,
): Promise<Staged> {
  const { packages, without = [] } = artifact;
  const { tree, size, digest } = await placePackages(packages, context, { without });
  await checkPrograms(tree, context.bins, false);
  const { kind, name, version } = artifact;
  const source = { kind, from: `${name}@${version}`, digest, size };
  const starts = Object.values(context.bins).map((path) => [path, { runtime: "node" }] as const);
  return { tree, source, starts: Object.fromEntries(starts) };
}

export const npmClosure: SourceKind<NpmClosureArtifact> = {
  stage: stageNpmClosure,
  pinnedBy: ({ packages }) => pinnedPackages(packages),
};

import type { Artifact } from "../core/recipe.ts";
import { stageArchive } from "./archive.ts";
import type { StageContext, Staged } from "./context.ts";
import { stageDebian } from "./debian.ts";
import { stageNpmClosure } from "./npm-closure.ts";
import { stageNpmPackage } from "./npm-package.ts";

/**
 * Downloads, verifies and unpacks an artifact, and checks that each promised program is there.
 * Throws a UserError that says what is wrong; the caller discards `context.dir`.
 */
export async function stage(artifact: Artifact, context: StageContext): Promise<Staged> {
  switch (artifact.kind) {
    case "archive":
      return await stageArchive(artifact, context);
    case "npm-package":
      return await stageNpmPackage(artifact, context);
    case "npm-closure":
      return await stageNpmClosure(artifact, context);
    case "debian":
      return await stageDebian(artifact, context);
  }
}

import type { Artifact, ArtifactKind, ArtifactOf } from "../core/recipe.ts";
import { archive } from "./archive.ts";
import type { StageContext, Staged } from "./context.ts";
import { debian } from "./debian/debian.ts";
import { goBuild } from "./go/build.ts";
import { goModule } from "./go/module.ts";
import type { PinnedArchive, PinnedFile, SourceKind } from "./kind.ts";
import { npmClosure } from "./npm/closure.ts";
import { nodeLibraries } from "./npm/libraries.ts";
import { npmPackage } from "./npm/package.ts";
import { pythonLibraries } from "./python/libraries.ts";
import { oneWheel } from "./python/one-wheel.ts";
import { compileOwnModules } from "./python/own-modules.ts";
import { python } from "./python/python.ts";
import type { Bins } from "./tree.ts";

const unresolved = ({ from }: { readonly from: string }): never => {
  throw new Error(`${from} was not resolved`);
};

/** Every kind of source. */
const kinds: { readonly [Kind in ArtifactKind]: SourceKind<ArtifactOf<Kind>> } = {
  archive,
  "npm-package": npmPackage,
  "npm-closure": npmClosure,
  debian,
  python,
  wheel: oneWheel,
  "go-module": goModule,
  "go-build": goBuild,
  "python-libraries": pythonLibraries,
  "node-libraries": nodeLibraries,
  declared: { stage: unresolved, pinnedBy: unresolved },
  "declared-libraries": { stage: unresolved, pinnedBy: unresolved },
};

/**
 * Downloads, verifies and unpacks an artifact, and checks that each named program exists. Throws a
 * UserError; the caller discards `context.dir`.
 */
export async function stage(artifact: Artifact, context: StageContext): Promise<Staged> {
  const kind: SourceKind<Artifact> = kinds[artifact.kind];
  const staged = await kind.stage(artifact, context);
  if (context.runsHere) await compileOwnModules(staged, artifact.bytecode, context);
  return staged;
}

/** Everything that an artifact pins, to be fetched and compared without an installation. */
export function pinnedBy(artifact: Artifact, bins: Bins): readonly (PinnedFile | PinnedArchive)[] {
  const kind: SourceKind<Artifact> = kinds[artifact.kind];
  return kind.pinnedBy(artifact, bins);
}

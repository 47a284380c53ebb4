import { pythonOfLine } from "../../core/library-set.ts";
import { minorOf } from "../../core/locks/wheel-tags.ts";
import { selectWheels } from "../../core/locks/wheels.ts";
import type { PythonLibrariesArtifact } from "../../core/recipe.ts";
import { type StageContext, type Staged, toolchainsOf } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { makeTree } from "../tree.ts";
import { indexesFor } from "./indexes.ts";
import {
  compileModules,
  digestOfWheels,
  fetchWheels,
  pinnedWheels,
  placeWheels,
} from "./wheels.ts";

/**
 * The packages of a library set for one line of Python: a tree with `site-packages` alone. The line decides which
 * wheels fit, so no Python has to be there; one of that line in the volume compiles the modules. The programs and
 * data files of wheels are left out, and nothing of them is run.
 */
async function stagePythonLibraries(
  { kind, line, wheels: locked }: PythonLibrariesArtifact,
  context: StageContext,
): Promise<Staged> {
  const toolchains = toolchainsOf(context);
  const minor = pythonOfLine(line) ?? line;
  const wheels = selectWheels(locked, minor, context.platform);
  const python = await toolchains.anyPython();
  const tree = await makeTree(context.dir, ["site-packages"]);
  context.onPhase?.("download");
  const indexes = await indexesFor(context.http, python, toolchains);
  const { files, size } = await fetchWheels(wheels, indexes, context);
  context.onPhase?.("unpack");
  await placeWheels(wheels, files, { ...context, tree, parts: [] });
  if (python && context.runsHere && minorOf(python.version) === minor) {
    await compileModules(python.program, tree, context);
  }
  const from = `${wheels.length} wheels for ${line}`;
  return { tree, source: { kind, from, digest: digestOfWheels(wheels), size } };
}

export const pythonLibraries: SourceKind<PythonLibrariesArtifact> = {
  stage: stagePythonLibraries,
  pinnedBy: ({ wheels }) => pinnedWheels(wheels),
};

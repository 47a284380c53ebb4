import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { pythonOfLine } from "../../core/library-set.ts";
import { minorOf } from "../../core/locks/wheel-tags.ts";
import { selectWheels } from "../../core/locks/wheels.ts";
import type { PythonLibrariesArtifact } from "../../core/recipe.ts";
import { nameSome } from "../../core/wording.ts";
import type { StageContext, Staged } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { makeTree } from "../tree.ts";
import { indexesFor } from "./indexes.ts";
import { missingLibraries } from "./system-libraries.ts";
import {
  compileModules,
  digestOfWheels,
  fetchWheels,
  pinnedWheels,
  placeWheels,
} from "./wheels.ts";

/**
 * The packages of a library set for one line of Python: a tree with `site-packages` alone. The line decides which
 * wheels fit, so no Python has to be there. The programs and data files of wheels are left out, and nothing of
 * them is run.
 */
async function stagePythonLibraries(
  { kind, line, wheels: locked, index }: PythonLibrariesArtifact,
  context: StageContext,
): Promise<Staged> {
  const { toolchains } = context;
  const minor = pythonOfLine(line) ?? line;
  // Where markers exclude everything that the files name, nothing is needed.
  const wheels = locked.length === 0 ? [] : selectWheels(locked, minor, context.platform);
  const python = await toolchains.anyPython();
  const tree = await makeTree(context.dir, ["site-packages"]);
  context.onPhase?.("download");
  const indexes = await indexesFor(context.http, python, toolchains, index);
  const { files, size } = await fetchWheels(wheels, indexes, context);
  context.onPhase?.("unpack");
  await placeWheels(wheels, files, { ...context, tree, parts: [] });
  await sayMissing(tree, minor, context);
  const isOwn = python !== undefined && minorOf(python.version) === minor;
  await compile(isOwn ? python.program : toolchains.systemPython(minor), tree, context);
  const from = `${wheels.length} wheels for ${line}`;
  return { tree, source: { kind, from, digest: digestOfWheels(wheels), size } };
}

/** The sandbox's image may have what this machine lacks, so that is no error. */
async function sayMissing(tree: string, minor: string, context: StageContext): Promise<void> {
  if (!context.runsHere) return;
  const missing = await missingLibraries(join(tree, "site-packages"), context.platform);
  if (missing.length === 0) return;
  const message = `modules of its packages for Python ${minor} need libraries of the system that are not here: ${nameSome(missing, 5)}`;
  context.onWarning?.("E_LIBRARIES_SYSTEM", message);
}

/**
 * Compiles the modules, if there is a Python of their line: scripts that cannot write beside them would compile them
 * at each start, which takes matplotlib a second. Without it they work as well, so a Python that fails is no error.
 */
async function compile(
  program: string | undefined,
  tree: string,
  context: StageContext,
): Promise<void> {
  if (program === undefined || !context.runsHere) return;
  try {
    await compileModules(program, tree, context);
  } catch (error) {
    const isItsFault =
      error instanceof UserError && ["E_DOES_NOT_RUN", "E_SETUP"].includes(error.problem);
    if (!isItsFault) throw error;
    context.onNote?.(error.message);
  }
}

export const pythonLibraries: SourceKind<PythonLibrariesArtifact> = {
  stage: stagePythonLibraries,
  pinnedBy: ({ wheels }) => pinnedWheels(wheels),
};

import { basename, join } from "node:path";
import { type EntryPoint, renderEntryPoint, renderScript } from "../../core/locks/entry-points.ts";
import { minorOf } from "../../core/locks/wheel-tags.ts";
import { selectWheels } from "../../core/locks/wheels.ts";
import type { PythonArtifact } from "../../core/recipe.ts";
import { readFile, writeFile } from "../../io/disk.ts";
import { lstatIfExists, withContext } from "../../io/files.ts";
import type { StageContext, Staged, Start } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { checkPrograms, makeTree } from "../tree.ts";
import { indexesFor } from "./indexes.ts";
import {
  compileModules,
  digestOfWheels,
  fetchWheels,
  pinnedWheels,
  placeWheels,
} from "./wheels.ts";

/**
 * A Python program with all its dependencies, each wheel verified against the lock:
 *
 * 1. choose the wheels for the volume's own Python and this platform;
 * 2. find them in the configured indexes, fetch and verify them, several at once;
 * 3. unpack them, in pip's order, into one `site-packages`; run nothing of them;
 * 4. write a small start script per program; compile all modules with the Python that will run
 * them.
 */
async function stagePython(artifact: PythonArtifact, context: StageContext): Promise<Staged> {
  const { toolchains } = context;
  const python = await toolchains.python();
  const wheels = selectWheels(artifact.wheels, python.version, context.platform);
  const tree = await makeTree(context.dir, ["site-packages", "bin"]);
  context.onPhase?.("download");
  const indexes = await indexesFor(context.http, python, toolchains);
  const { files, size } = await fetchWheels(wheels, indexes, context);
  context.onPhase?.("unpack");
  const placing = { ...context, tree, program: artifact.name, parts: ["data", "scripts"] as const };
  const entryPoints = await placeWheels(wheels, files, placing);
  const starts: Record<string, Start> = {};
  for (const path of new Set(Object.values(context.bins))) {
    if (await writeStarter(tree, path, entryPoints)) starts[path] = { runtime: "python3" };
  }
  if (context.runsHere) await compileModules(python.program, tree, context);
  await checkPrograms(tree, context.bins, false);
  const { kind, name, version } = artifact;
  const digest = digestOfWheels(wheels);
  const line = minorOf(python.version);
  const source = { kind, from: `${name}@${version}`, digest, size, ...(line && { python: line }) };
  return { tree, source, starts };
}

/** True if it was written; a binary program or a sh script is started directly. */
async function writeStarter(
  tree: string,
  path: string,
  entryPoints: ReadonlyMap<string, EntryPoint>,
): Promise<boolean> {
  const name = basename(path);
  const target = join(tree, path);
  const write = (bytes: string | Buffer, mode: number) =>
    withContext("write", target, writeFile(target, bytes, { mode }));
  const entryPoint = entryPoints.get(name);
  if (entryPoint) {
    await write(renderEntryPoint(entryPoint), 0o644);
    return true;
  }
  const script = join(tree, "scripts", name);
  if (!(await lstatIfExists(script))?.isFile()) return false; // checkPrograms reports what is missing
  const bytes = await readFile(script);
  const isPython = /^#!.*\bpythonw?[\d.]*(\s|$)/.test(bytes.toString("latin1", 0, 200));
  await (isPython ? write(renderScript(name), 0o644) : write(bytes, 0o755));
  return isPython;
}

export const python: SourceKind<PythonArtifact> = {
  stage: stagePython,
  pinnedBy: ({ wheels }) => pinnedWheels(wheels),
};

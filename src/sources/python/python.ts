import { basename, join } from "node:path";
import { formatDigest, sha256Hex } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import { type EntryPoint, renderEntryPoint, renderScript } from "../../core/locks/entry-points.ts";
import { installOrder, neededBy } from "../../core/locks/wheel-order.ts";
import { minorOf, normalName } from "../../core/locks/wheel-tags.ts";
import { selectWheels } from "../../core/locks/wheels.ts";
import type { LockedWheel, PythonArtifact } from "../../core/recipe.ts";
import { mkdir, readFile, rm, writeFile } from "../../io/disk.ts";
import { lstatIfExists, textOf, withContext } from "../../io/files.ts";
import type { Http } from "../../net/http.ts";
import { type StageContext, type Staged, type Start, toolchainsOf } from "../context.ts";
import { fetchAll } from "../fetch-all.ts";
import type { SourceKind } from "../kind.ts";
import type { Interpreter, Toolchains } from "../toolchains.ts";
import { checkPrograms, makeTree } from "../tree.ts";
import { compileBytecode } from "./bytecode.ts";
import { downloadWheel, type PythonIndexes } from "./index.ts";
import { type OpenWheel, openWheel, placeWheel } from "./wheel.ts";

const wheelsAtOnce = 6;

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
  const toolchains = toolchainsOf(context);
  const python = await toolchains.python();
  const wheels = selectWheels(artifact.wheels, python.version, context.platform);
  const tree = await makeTree(context.dir, ["site-packages", "bin"]);
  context.onPhase?.("download");
  const { hasAlternative } = context;
  const indexes = await indexesFor(context.http, python, toolchains);
  const size = wheels.reduce((sum, wheel) => sum + wheel.size, 0);
  const how = { atOnce: wheelsAtOnce, total: size };
  const files = await fetchAll(
    wheels,
    how,
    context,
    async (wheel, { file, signal, onProgress }) => {
      await downloadWheel({ ...indexes, wheel, file, hasAlternative, signal, onProgress });
      return file;
    },
  );
  context.onPhase?.("unpack");
  const entryPoints = await placeAll(artifact.name, wheels, files, { ...context, tree });
  const starts: Record<string, Start> = {};
  for (const path of new Set(Object.values(context.bins))) {
    if (await writeStarter(tree, path, entryPoints)) starts[path] = { runtime: "python3" };
  }
  if (context.runsHere) await compile(python, tree, context);
  await checkPrograms(tree, context.bins, false);
  const { kind, name, version } = artifact;
  const digest = `sha256:${sha256Hex(listOf(wheels))}`;
  const line = minorOf(python.version);
  const source = { kind, from: `${name}@${version}`, digest, size, ...(line && { python: line }) };
  return { tree, source, starts };
}

/**
 * Unpacks the wheels into one tree, in pip's order, the program's own last. Returns their entry
 * points by program name.
 */
async function placeAll(
  program: string,
  wheels: readonly LockedWheel[],
  files: readonly string[],
  { dir, tree, signal }: Pick<StageContext, "dir" | "signal"> & { readonly tree: string },
): Promise<ReadonlyMap<string, EntryPoint>> {
  const open = new Map<string, OpenWheel>();
  for (const [i, wheel] of wheels.entries()) {
    const file = files[i] ?? "";
    open.set(wheel.name, await openWheel(wheel, file, join(dir, `wheel-${i}`), signal));
    await rm(file, { force: true });
  }
  const needs = [...open].map(([name, { metadata }]) => {
    const isProgram = name === normalName(program);
    return { name, needs: isProgram ? [...open.keys()] : neededBy(metadata) };
  });
  const entryPoints = new Map<string, EntryPoint>();
  for (const name of installOrder(needs)) {
    const wheel = open.get(name);
    if (!wheel) continue;
    await placeWheel(wheel, tree);
    for (const script of wheel.scripts) entryPoints.delete(script);
    for (const [script, entryPoint] of wheel.entryPoints) entryPoints.set(script, entryPoint);
  }
  return entryPoints;
}

/** One line per wheel, sorted by name: independent of the lock's order. */
function listOf(wheels: readonly LockedWheel[]): string {
  return wheels
    .map(({ file, digest }) => `${file} ${formatDigest(digest)}\n`)
    .sort()
    .join("");
}

/** The indexes of the machine's pip; the default one is that of the volume's pip. */
async function indexesFor(
  http: Http,
  python: Interpreter,
  toolchains: Toolchains,
): Promise<PythonIndexes> {
  const pip = await toolchains.pip();
  if (pip.isDefaultReplaced) return { http, pip };
  const minor = minorOf(python.version);
  const models = `lib/python${minor}/site-packages/pip/_internal/models/index.py`;
  const text = await textOf(join(python.tree, models));
  const address = /^PyPI = PackageIndex\(\s*"(https:\/\/[^"]+\/)"/m.exec(text)?.[1];
  if (address !== undefined) return { http, pip, defaultIndex: `${address}simple/` };
  if (pip.indexes.length + pip.findLinks.length > 0) return { http, pip };
  throw new UserError("E_NO_REGISTRY", "no Python index is configured here");
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

async function compile(python: Interpreter, tree: string, context: StageContext): Promise<void> {
  const home = join(context.dir, "compile");
  await mkdir(home);
  await compileBytecode(python.program, join(tree, "site-packages"), home, context.signal);
}

export const python: SourceKind<PythonArtifact> = {
  stage: stagePython,
  pinnedBy: ({ wheels }) =>
    wheels.map((wheel) => ({
      id: `pypi ${wheel.file} ${formatDigest(wheel.digest)}`,
      async fetch(file, { http, pip, signal }) {
        await downloadWheel({ http, pip: await pip(), wheel, file, signal });
      },
    })),
};

import { join } from "node:path";
import pLimit from "p-limit";
import { formatDigest, sha256Hex } from "../../core/digest.ts";
import { reworded, UserError } from "../../core/errors.ts";
import type { DebianArtifact, DebianPackage } from "../../core/recipe.ts";
import { shortageSaid } from "../../core/system-error.ts";
import { saidIn } from "../../core/wording.ts";
import { mkdir, rm } from "../../io/disk.ts";
import { run } from "../../io/exec.ts";
import { listNames } from "../../io/files.ts";
import { unpackDeb } from "../../unpack/deb.ts";
import { limitsFor } from "../../unpack/extract.ts";
import { type TreeWriter, treeWriter } from "../../unpack/tree.ts";
import type { StageContext, Staged } from "../context.ts";
import { fetchAll } from "../fetch-all.ts";
import type { SourceKind } from "../kind.ts";
import { checkPrograms, makeTree } from "../tree.ts";
import { downloadDeb } from "./mirrors.ts";
import { relocate } from "./tree.ts";

/** Packages are small and latency dominates, as with npm's. */
const packagesAtOnce = 12;

/** Milliseconds that a recipe's `setup` may run. */
const setupTimeout = 60_000;

/**
 * A program of Debian with all its dependencies, each one verified against the lock and unpacked
 * into one relocatable tree. Package scripts are never run.
 */
async function stageDebian(artifact: DebianArtifact, context: StageContext): Promise<Staged> {
  const { packages, kind, name, version, start } = artifact;
  const tree = await makeTree(context.dir);
  context.onPhase?.("download");
  const size = await unpackAll(artifact, tree, context);
  await checkPrograms(tree, context.bins, true);
  const starts = await relocate({ tree, bins: context.bins, start });
  if (start.setup) await setUp(start.setup, tree, context);
  const list = packages.map((each) => `${each.name} ${formatDigest(each.digest)}\n`).sort();
  const digest = `sha256:${sha256Hex(list.join(""))}`;
  const source = { kind, from: `${name}@${version}`, digest, size };
  return { tree, source, interpreter: pythonOf(tree), starts };
}

/**
 * Fetches packages in parallel and unpacks them one by one; returns the bytes downloaded. One
 * writer for all packages, so that none writes through another's link.
 */
async function unpackAll(
  { packages, snapshot }: DebianArtifact,
  tree: string,
  context: StageContext,
): Promise<number> {
  const { http } = context;
  const apt = await context.apt();
  const total = packages.reduce((sum, { size }) => sum + size, 0);
  const writer = treeWriter(tree, 0, limitsFor(total));
  const unpacking = pLimit(1);
  const how = { atOnce: packagesAtOnce, total };
  try {
    await fetchAll(packages, how, context, async (locked, { file, signal, onProgress }) => {
      await downloadDeb({ http, apt, locked, snapshot, file, signal, onProgress });
      await unpacking(() => unpackOne(file, locked, writer, signal));
    });
    writer.finish();
    return total;
  } finally {
    writer.close();
  }
}

/** Relative to the tree; scripts of its packages are started with it. */
function pythonOf(tree: string): string | undefined {
  const name = listNames(join(tree, "usr/bin")).find((each) => /^python3\.\d+$/.test(each));
  return name && `usr/bin/${name}`;
}

async function unpackOne(
  file: string,
  { name, version }: DebianPackage,
  writer: TreeWriter,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  try {
    await unpackDeb(file, writer);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw reworded(error, `${name} ${version}: ${error.message}`);
  }
  await rm(file, { force: true });
}

/** Runs a command in the tree that replaces a package's script. */
async function setUp(setup: readonly string[], tree: string, context: StageContext): Promise<void> {
  const [bin = "", ...args] = setup;
  const shown = setup.join(" ");
  if (!context.runsHere) {
    throw new UserError("E_SETUP", `${shown} must run once on a machine of its own platform`);
  }
  const home = join(context.dir, "setup");
  await mkdir(home);
  const program = join(tree, context.bins[bin] ?? bin);
  const env = { PATH: "/usr/bin:/bin", HOME: home, TMPDIR: home, LANG: "C.UTF-8" };
  const { signal } = context;
  const argv = [program, ...args] as const;
  const finished = await run({ argv, env, cwd: home, timeout: setupTimeout, signal });
  await rm(home, { recursive: true, force: true });
  if (finished.status === 0) return;
  const said = saidIn(finished.stderr || finished.stdout, 0, 3);
  const short = shortageSaid(`${shown} fails`, said);
  if (short) throw short;
  throw new UserError("E_SETUP", `${shown} fails with exit status ${finished.status}: ${said}`, {
    hint: "The program was not installed. Check whether this image can run it.",
  });
}

export const debian: SourceKind<DebianArtifact> = {
  stage: stageDebian,
  pinnedBy: ({ snapshot, packages }) =>
    packages.map((locked) => ({
      id: `deb ${locked.path} ${formatDigest(locked.digest)}`,
      async fetch(file, { http, apt, signal }) {
        await downloadDeb({ http, apt: await apt(), locked, snapshot, file, signal });
      },
    })),
};

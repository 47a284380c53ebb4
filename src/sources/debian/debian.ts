import { join } from "node:path";
import pLimit from "p-limit";
import { formatDigest, sha256Hex } from "../../core/digest.ts";
import { reworded, UserError } from "../../core/errors.ts";
import type { DebianArtifact, DebianPackage } from "../../core/recipe.ts";
import { shortageSaid } from "../../core/system-error.ts";
import { mkdir, rm } from "../../io/disk.ts";
import { run } from "../../io/exec.ts";
import { unpackDeb } from "../../unpack/deb.ts";
import { limitsFor } from "../../unpack/extract.ts";
import { type TreeWriter, treeWriter } from "../../unpack/tree.ts";
import type { StageContext, Staged } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { checkPrograms, makeTree } from "../tree.ts";
import { downloadDeb } from "./mirrors.ts";
import { relocate } from "./tree.ts";

/** Packages are small and latency rules, as with npm's. */
const packagesAtOnce = 12;

/** Milliseconds that a recipe's `setup` may take. */
const setupTimeout = 60_000;

/**
 * A program of Debian with every package it needs, each one verified against the lock and unpacked
 * into one tree that runs from anywhere. No package's script is ever run.
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
  return { tree, source: { kind, from: `${name}@${version}`, digest, size }, starts };
}

/** Bytes downloaded. One writer for all packages, so that none writes through another one's link. */
async function unpackAll(
  artifact: DebianArtifact,
  tree: string,
  context: StageContext,
): Promise<number> {
  const { packages } = artifact;
  const total = packages.reduce((sum, { size }) => sum + size, 0);
  const writer = treeWriter(tree, 0, limitsFor(total));
  try {
    await fetchAll(artifact, total, writer, context);
    writer.finish();
    return total;
  } finally {
    writer.close();
  }
}

/** Several come at once and are unpacked one by one. The first failure ends the others. */
async function fetchAll(
  { packages, snapshot }: DebianArtifact,
  total: number,
  writer: TreeWriter,
  context: StageContext,
): Promise<void> {
  const apt = await context.apt();
  const [downloads, unpacking] = [pLimit(packagesAtOnce), pLimit(1)];
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(context.signal ? [context.signal] : [])]);
  const received = packages.map(() => 0);
  const fetchPackage = async (locked: DebianPackage, index: number): Promise<void> => {
    signal.throwIfAborted();
    const file = join(context.dir, `download-${index}`);
    const onProgress = (bytes: number): void => {
      received[index] = bytes;
      context.onProgress(
        received.reduce((sum, one) => sum + one, 0),
        total,
      );
    };
    await downloadDeb({ http: context.http, apt, locked, snapshot, file, signal, onProgress });
    await unpacking(() => unpackOne(file, locked, writer, signal));
  };
  const fetching = packages.map((locked, i) => downloads(() => fetchPackage(locked, i)));
  try {
    await Promise.all(fetching);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(fetching); // nothing writes into the tree that the caller now removes
    throw error;
  }
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

/** Runs what a package would have prepared by a script, from the tree and for the tree. */
async function setUp(setup: readonly string[], tree: string, context: StageContext): Promise<void> {
  const [bin = "", ...args] = setup;
  const shown = setup.join(" ");
  if (!context.runsHere) {
    throw new UserError("E_SETUP", `${shown} must be run once on a machine of its own platform`, {
      hint: "Install it there: this one cannot prepare it.",
    });
  }
  const home = join(context.dir, "setup");
  await mkdir(home);
  const program = join(tree, context.bins[bin] ?? bin);
  const env = { PATH: "/usr/bin:/bin", HOME: home, TMPDIR: home, LANG: "C.UTF-8" };
  const { signal } = context;
  const finished = await run({
    argv: [program, ...args],
    env,
    cwd: home,
    timeout: setupTimeout,
    ...(signal && { signal }),
  });
  await rm(home, { recursive: true, force: true });
  if (finished.status === 0) return;
  const said = (finished.stderr || finished.stdout).trim().split("\n").slice(0, 3).join(" | ");
  const short = shortageSaid(`${shown} fails`, said);
  if (short) throw short;
  throw new UserError("E_SETUP", `${shown} fails with exit status ${finished.status}: ${said}`, {
    hint: "The program was not installed. See whether this image can run it.",
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

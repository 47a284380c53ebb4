import type { VerifiedRecord } from "../core/manifest.ts";
import { withAliases } from "../core/plan/aliases.ts";
import { openDeclaration } from "../core/plan/artifact.ts";
import { keyOfBuild } from "../core/plan/command.ts";
import { type InstallStep, installationKey, isForced, versionOf } from "../core/plan/plan.ts";
import { linkBins } from "../io/volume/bins.ts";
import { acquireLease, type Lease } from "../io/volume/lease.ts";
import { findTree, publish } from "../io/volume/store.ts";
import type { ApplyContext, ToolRun } from "./apply-context.ts";
import { isStagingGone, stagingGone } from "./cleanup.ts";
import { usedAgain } from "./older-version.ts";
import { awaitNeeds, stageTool } from "./stage.ts";
import { testTree } from "./test-tree.ts";

/** What makes recipes: few tools need it, and it takes milliseconds to load. */
const declared = () => import("./declared.ts");

/**
 * Installs one tool:
 *
 * 1. pin a tool that only its skill declares, so that its step is like any other;
 * 2. reuse an intact tree that is already there;
 * 3. else acquire the tool's lease, so that no other run does the same work;
 * 4. fetch, verify and unpack: the first source that works, and whose needs are installed, makes a
 * tree in staging;
 * 5. run its smoke test there;
 * 6. publish it: rename the tree to `lib/TOOL/VERSION-KEY/`;
 * 7. link its programs into `bin/`, one rename per program.
 *
 * `commit` writes the returned record into the manifest, with those of the other tools.
 */
export async function installTool(given: InstallStep, run: ToolRun): Promise<VerifiedRecord> {
  const { context, staging, needs } = run;
  const { prefix, emit } = context;
  const { tool } = given;
  const began = performance.now();
  const phase = (name: "test" | "publish") => emit({ type: "phase", tool, phase: name });
  const open = openDeclaration(given.artifacts);
  let lease: Lease | undefined;
  try {
    if (open && "set" in open) await awaitNeeds(given, needs); // what resolves it
    const step = open ? await (await declared()).resolveDeclared(open, given, run) : given; // 1
    let record = await findReusable(step, context); // 2
    if (!record) {
      const isDone = async (): Promise<boolean> => {
        record = await findReusable(step, context);
        return record !== undefined;
      };
      lease = await leaseTool(tool, context, isDone); // 3
      record ??= await findReusable(step, context);
    }
    let fallback = record && usedAgain(step, record.version);
    let [size, copyOf]: [number, string?] = [0];
    if (!record) {
      const staged = await stageTool(step, run); // 4
      phase("test");
      await testTree(step, staged.tree, staged.record, run, staged.needs); // 5
      phase("publish");
      const since = isForced(step) ? Number.POSITIVE_INFINITY : context.began;
      record = await publish(prefix, staged.tree, staged.written, staged.record, since); // 6
      fallback = staged.fallback;
      [size, copyOf] = [staged.received, staged.copyOf];
    }
    record = withAliases(record, step.aliases ?? {});
    await linkBins(prefix, record); // 7
    if (fallback) run.onFallback(fallback);
    const milliseconds = Math.round(performance.now() - began);
    const bins = Object.keys(record.bins);
    const { version } = record;
    const { title } = given;
    emit({ type: "installed", tool, version, title, bins, size, milliseconds, copyOf });
    return record;
  } catch (thrown) {
    const error = (await isStagingGone(staging.dir)) ? stagingGone(tool) : thrown;
    const wasPinned = given.declared !== undefined && (!open || open.recorded !== undefined);
    throw wasPinned ? (await declared()).howToAccept(tool, error) : error;
  } finally {
    await lease?.release();
  }
}

/**
 * A reusable tree, in the order of its sources: another run may have published it since the plan
 * was made, or the manifest was lost. To replace a damaged tree, only trees that were published
 * since this run began count: an older one may be forged.
 */
async function findReusable(
  step: InstallStep,
  { prefix, began, seed }: ApplyContext,
): Promise<VerifiedRecord | undefined> {
  if (isForced(step)) return undefined;
  const since = step.reason === "missing" ? 0 : began;
  const contents = seed?.keepsRecords ? step.seed?.record.contents : undefined;
  for (const { version, key } of treesOf(step)) {
    const record = await findTree(prefix, step.tool, version, key, since);
    if (record && (contents ?? record.contents) === record.contents) return record;
  }
  return undefined;
}

function treesOf(step: InstallStep): { version: string; key: string }[] {
  const { recipe, artifacts, seed, ownPackage } = step;
  if (ownPackage) return [{ version: step.version, key: keyOfBuild(ownPackage) }];
  if (!recipe) return seed ? [seed.record] : [];
  return artifacts.map((artifact) => ({
    version: versionOf(recipe, artifact),
    key: installationKey(recipe, artifact),
  }));
}

/** Undefined if another run installed it in the meantime. */
async function leaseTool(
  tool: string,
  { prefix, signal, emit }: ApplyContext,
  isDone: () => Promise<boolean>,
): Promise<Lease | undefined> {
  const message = `${tool}: waiting for another run that is installing it`;
  const onWait = () => emit({ type: "note", message });
  return await acquireLease({ prefix, name: tool, signal, isDone, onWait });
}

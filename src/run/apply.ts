import pLimit from "p-limit";
import { UserError } from "../core/errors.ts";
import type { Manifest, SealedRecord } from "../core/manifest.ts";
import { withAliases } from "../core/plan/aliases.ts";
import {
  type InstallStep,
  installationKey,
  type LinkStep,
  type Plan,
  type Step,
  versionOf,
} from "../core/plan/plan.ts";
import { asUserError } from "../core/system-error.ts";
import { forgetFreshness } from "../io/freshness/record.ts";
import { linkBins } from "../io/volume/bins.ts";
import { acquireLease } from "../io/volume/lease.ts";
import { removeStaleFiles } from "../io/volume/stale-files.ts";
import { findTree, publish } from "../io/volume/store.ts";
import { openStaging, openVolume, type Staging, volumeTime } from "../io/volume/volume.ts";
import type { Failure } from "../report/events.ts";
import type { ApplyContext, Needs } from "./apply-context.ts";
import { asFailure, findMissing, isStagingGone, retireReplaced, stagingGone } from "./cleanup.ts";
import { commit } from "./commit.ts";
import { howToAccept, resolveDeclared } from "./declared.ts";
import { keptVersion, type OlderVersion, sayOlder, usedAgain } from "./older-version.ts";
import { type StagedTool, stageTool } from "./stage.ts";
import { testTree } from "./test-tree.ts";
import { shareToolchains } from "./toolchains.ts";

export interface Applied {
  readonly manifest: Manifest;
  readonly installed: readonly SealedRecord[];
  /** Tools that only had their links made anew. */
  readonly linked: readonly SealedRecord[];
  readonly failures: readonly Failure[];
  /** What is older than it should be, because nothing better could be had. */
  readonly fallbacks: readonly OlderVersion[];
}

/**
 * Carries out a plan:
 *  1. open the volume and drop what says "all present" (a kill from here on must not leave a lie);
 *  2. per tool, several at once: take up a whole tree that is there, or stage one: fetch, verify,
 *     unpack, smoke-test once what it needs is there. A lease keeps other runs from doing it too;
 *  3. publish the tree by rename and swing `bin/` over to it, one rename per program;
 *  4. write the manifest, which is the commit point;
 *  5. sweep what nobody owns any more.
 * A tool that fails is reported and leaves the others, and what was there before, as they are.
 *
 * A crash of the machine must not leave a manifest that promises what is not there. So these are put on
 * disk, in this order: every file and directory of a tree before it gets its name, the directory that has
 * the name, `lib/` and `bin/` once for all, the manifest and its directory; and a new login-shell script,
 * which a run takes for good where it is not the volume's. Nothing else is: downloads, staging and leases
 * are of no use afterwards, a record of the steady state is only compared, the last run's report only told.
 */
export async function applyPlan(plan: Plan, given: Omit<ApplyContext, "began">): Promise<Applied> {
  const { prefix } = given;
  for (const message of await openVolume(prefix)) given.emit({ type: "note", message });
  const context = { ...given, began: (await volumeTime(prefix)) ?? Number.POSITIVE_INFINITY };
  await forgetFreshness(prefix);
  await removeStaleFiles(prefix, context.manifest, true); // what dead runs left may be what fills the disk
  const staging = await openStaging(prefix);
  try {
    const done = await installAll(plan, context, staging);
    const { installed, linked, failures, fallbacks, bugs } = done;
    sayOlder(fallbacks, context.emit);
    const forced = new Set(plan.steps.flatMap((step) => (isForced(step) ? [step.tool] : [])));
    const resealed = [...context.resealed, ...linked.map((record) => sealedAnew(record, context))];
    const manifest = await commit({ ...context, resealed, fallbacks }, installed, forced);
    failures.push(...(await findMissing(context, installed)));
    await retireReplaced(context, installed, manifest);
    await removeStaleFiles(prefix, manifest);
    if (bugs.length > 0) throw bugs[0];
    return { manifest, installed, linked, failures, fallbacks };
  } finally {
    await staging.close();
  }
}

function sealedAnew(record: SealedRecord, { resealed }: ApplyContext): SealedRecord {
  const found = resealed.find(({ dir }) => dir === record.dir);
  return found ? { ...record, sealed: found.sealed } : record;
}

function isForced(step: Step): boolean {
  // A tree for another Python is whole, and of no use.
  return step.action === "install" && (step.reason === "forced" || step.reason === "other Python");
}

interface Results {
  readonly installed: SealedRecord[];
  readonly linked: SealedRecord[];
  readonly failures: Failure[];
  readonly fallbacks: OlderVersion[];
  /** What was thrown and is no UserError: told once everything else is committed. */
  readonly bugs: unknown[];
}

async function installAll(plan: Plan, context: ApplyContext, staging: Staging): Promise<Results> {
  const limit = pLimit(context.jobs);
  context.http.onQuiet((transfers) => {
    limit.concurrency = context.jobs + transfers;
  });
  const toolchains = shareToolchains(context, staging);
  const results: Results = { installed: [], linked: [], failures: [], fallbacks: [], bugs: [] };
  /** Tools of this run; each settles to its record, or undefined where it failed. */
  const running = new Map<string, Promise<SealedRecord | undefined>>();
  const ready = async (tool: string): Promise<SealedRecord | undefined> =>
    running.has(tool) ? running.get(tool) : context.manifest.tools[tool];

  const resolveAndInstall = async (given: InstallStep, needs: Needs): Promise<SealedRecord> => {
    const workDir = () => staging.room(given.tool);
    const install = async (step: InstallStep): Promise<SealedRecord> =>
      await installTool(step, context, {
        stage: (needs) => limit(() => stageTool(step, context, staging, toolchains, needs)),
        staging,
        needs,
        onFallback: (fallback) => results.fallbacks.push(fallback),
      });
    if (!given.declared) return await install(given);
    return await resolveDeclared(given, {
      context,
      toolchains: toolchains,
      needs,
      workDir: workDir,
    })
      .then(install)
      .catch((error: unknown) => {
        throw howToAccept(given.tool, error);
      });
  };
  for (const step of plan.steps) {
    if (step.action === "keep") continue;
    const work =
      step.action === "link"
        ? relink(step, context)
        : resolveAndInstall(step, new Map(step.needs.map((need) => [need, ready(need)])));
    const settled = work.then(
      (record) => {
        const done = step.action === "install" ? results.installed : results.linked;
        done.push(record);
        return record;
      },
      (thrown: unknown) => {
        const error = asUserError(thrown);
        if (!(error instanceof UserError) && !context.signal.aborted) results.bugs.push(error);
        const kept = step.action === "install" && keptVersion(step, error);
        if (kept) {
          results.fallbacks.push(kept);
          return context.manifest.tools[step.tool];
        }
        const failure = asFailure(step.tool, error);
        results.failures.push(failure);
        context.emit({ type: "failed", ...failure });
        return undefined;
      },
    );
    running.set(step.tool, settled);
  }
  await Promise.all(running.values());
  return results;
}

async function relink(step: LinkStep, context: ApplyContext): Promise<SealedRecord> {
  await linkBins(context.prefix, step.record);
  context.emit({ type: "linked", tool: step.tool, version: step.version, bins: step.bins });
  return step.record;
}

interface ToolWork {
  /** Takes its turn among those that fetch and unpack. */
  readonly stage: (needs: Needs) => Promise<StagedTool>;
  readonly staging: Staging;
  readonly needs: Needs;
  readonly onFallback: (fallback: OlderVersion) => void;
}

async function installTool(
  step: InstallStep,
  context: ApplyContext,
  { stage, staging, needs, onFallback }: ToolWork,
): Promise<SealedRecord> {
  const began = performance.now();
  const { tool } = step;
  const { prefix, emit } = context;
  const forced = isForced(step);
  // What was damaged may have a neighbour's forgery beside it: only what came since then is believed.
  const since = step.reason === "missing" ? 0 : context.began;
  const adopt = async () => (forced ? undefined : findWhole(step, prefix, since));
  let found = await adopt();
  const lease = found
    ? undefined
    : await acquireLease({
        prefix,
        name: tool,
        signal: context.signal,
        isDone: async () => {
          found = await adopt();
          return found !== undefined;
        },
        onWait: () =>
          emit({ type: "note", message: `${tool}: waiting for another run that is installing it` }),
      });
  try {
    found ??= await adopt();
    // Its wheels are chosen for the Python that will run them. To wait for that while it holds a
    // place among those at work could be to wait for itself.
    if (!found && step.artifacts.some(({ kind }) => kind === "python"))
      await awaitNeeds(step, needs);
    const staged = found ? undefined : await stage(needs);
    const published = found ?? (staged && (await install(step, context, staged, needs)));
    if (!published) throw new Error(`${tool} has neither a tree nor a source`);
    const record = withAliases(published, step.aliases ?? {});
    await linkBins(prefix, record);
    const fallback = staged ? staged.fallback : usedAgain(step, record.version);
    if (fallback) onFallback(fallback);
    const milliseconds = Math.round(performance.now() - began);
    const { version } = record;
    const size = found || record.source.seed ? 0 : record.source.size;
    emit({ type: "installed", tool, version, bins: Object.keys(record.bins), size, milliseconds });
    return record;
  } catch (error) {
    throw (await isStagingGone(staging.dir)) ? stagingGone(tool) : error;
  } finally {
    await lease?.release();
  }
}

/** Tests a staged tree once what it needs is there, and publishes it. */
async function install(
  step: InstallStep,
  context: ApplyContext,
  { tree, record, written }: StagedTool,
  needs: Needs,
): Promise<SealedRecord> {
  const { tool } = step;
  if (needs.size > 0) context.emit({ type: "phase", tool, phase: "wait" });
  await awaitNeeds(step, needs);
  context.emit({ type: "phase", tool, phase: "test" });
  await testTree(step, tree, record, context, needs);
  context.emit({ type: "phase", tool, phase: "publish" });
  return publish(
    context.prefix,
    tree,
    written,
    record,
    isForced(step) ? Number.POSITIVE_INFINITY : context.began,
  );
}

/** Another run may have published this very tree since the plan was made, or the manifest was lost. */
async function findWhole(
  step: InstallStep,
  prefix: string,
  since: number,
): Promise<SealedRecord | undefined> {
  for (const { version, key } of treesOf(step)) {
    const record = await findTree(prefix, step.tool, version, key, since);
    if (record) return record;
  }
  return undefined;
}

/** The trees that would do, in the order of their sources. */
function treesOf({ recipe, artifacts, seed }: InstallStep): { version: string; key: string }[] {
  if (!recipe) return seed ? [seed.record] : [];
  return artifacts.map((artifact) => ({
    version: versionOf(recipe, artifact),
    key: installationKey(recipe, artifact),
  }));
}

async function awaitNeeds(step: InstallStep, needs: Needs): Promise<void> {
  for (const [need, record] of needs) {
    if (await record) continue;
    throw new UserError("unmet", `${step.tool} needs ${need}, which could not be installed`, {
      hint: `Fix ${need} first (see its error).`,
      shared: { key: `needs ${need}`, message: `${need} could not be installed` },
    });
  }
}

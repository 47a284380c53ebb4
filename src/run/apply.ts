import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit from "p-limit";
import { offeredCodeCache } from "../core/code-cache.ts";
import { commandName } from "../core/layout.ts";
import { lineOfTool } from "../core/library-set.ts";
import type { Manifest, VerifiedRecord } from "../core/manifest.ts";
import { titleOfRecord } from "../core/plan/needed-by.ts";
import { isForced, type LinkStep, type Plan, type Step } from "../core/plan/plan.ts";
import { forgetFreshness } from "../io/freshness/record.ts";
import { linkBins } from "../io/volume/bins.ts";
import { releaseWrittenFiles } from "../io/volume/release-files.ts";
import { learnDigests, renewedRecords } from "../io/volume/renew-records.ts";
import { removeStaleFiles } from "../io/volume/stale-files.ts";
import type { WrittenDigests } from "../io/volume/tree-list.ts";
import { openStaging, openVolume, type Staging, volumeTime } from "../io/volume/volume.ts";
import type { Failure } from "../report/events.ts";
import type { ApplyContext, ApplyRequest, OpenSeed, SeedVolume } from "./apply-context.ts";
import { findMissing, removeReplaced } from "./cleanup.ts";
import { commit } from "./commit.ts";
import { failed, noResults, type Results, sayDispensable } from "./failed.ts";
import { installTool } from "./install-tool.ts";
import { type OlderVersion, sayOlder } from "./older-version.ts";
import { importCatalogues } from "./store-catalogue.ts";
import { starterOf } from "./test-tree.ts";
import { shareToolchains } from "./toolchains.ts";

export interface Applied {
  readonly manifest: Manifest;
  readonly installed: readonly VerifiedRecord[];
  /** Present if the volume got a copy of the command, or a link to it: it is not counted. */
  readonly command?: VerifiedRecord | undefined;
  /** Tools whose links were recreated without an installation. */
  readonly linked: readonly VerifiedRecord[];
  readonly failures: readonly Failure[];
  /** Tools with an older version than wanted, because nothing better was available. */
  readonly fallbacks: readonly OlderVersion[];
}

/**
 * Applies a plan:
 *
 * 1. open the volume and the seed; drop the freshness records, so that a run that is killed from
 * here on is not taken for complete;
 * 2. per tool, several at once: `installTool`, or recreate the links of what is there;
 * 3. write the manifest, which is the commit point;
 * 4. remove links of programs that are gone. Stale trees are left to `removeStaleFiles`, at the end of the command.
 *
 * A tool that fails is reported and changes neither the others nor its installed version.
 *
 * After a crash of the machine the manifest must not list anything that is missing. So these are
 * synced to disk, in this order: every file and directory of a tree before its rename, the
 * directory with its name, `lib/` and `bin/` once for all, the manifest and its directory; and a
 * new login-shell script, because runs keep an existing one. Nothing else is synced: downloads,
 * staging and leases are temporary, freshness records are compared with the disk, and the last
 * run's report is only informative.
 */
export async function applyPlan(plan: Plan, request: ApplyRequest): Promise<Applied> {
  const { prefix, manifest, emit } = request;
  const opening = openVolume(prefix); // 1
  if (plan.steps.some(isFetched)) request.http.prepare(); // while the file system is tried
  for (const message of await opening) emit({ type: "note", message });
  const began = (await volumeTime(prefix)) ?? Number.POSITIVE_INFINITY;
  await removeStaleFiles(prefix, manifest, true); // what dead runs left may be filling the disk
  const staging = await openStaging(prefix);
  try {
    const seed = request.seed && (await openSeed(request.seed, staging));
    const context: ApplyContext = { ...request, began, seed };
    await forgetFreshness(prefix);
    const done = await applyAll(plan, context, staging); // 2
    const after = await commitAll(plan, done, context); // 3
    const missing = await cleanUp(done, after, context); // 4
    if (done.installed.length > 0) {
      releaseWrittenFiles(staging.dir);
      const codeCache = offeredCodeCache();
      if (codeCache) codeCache.isComplete = true;
    }
    if (done.bugs.length > 0) throw done.bugs[0];
    return {
      manifest: after,
      installed: done.installed.filter(isTool),
      command: [...done.installed, ...done.linked].find((record) => !isTool(record)),
      linked: done.linked.filter(isTool),
      failures: [...done.failures, ...missing],
      fallbacks: done.fallbacks,
    };
  } finally {
    await staging.close();
  }
}

/** Results, with the updated records of library sets whose files got links. */
interface Done extends Results {
  readonly shared: readonly VerifiedRecord[];
}

async function applyAll(plan: Plan, context: ApplyContext, staging: Staging): Promise<Done> {
  const { prefix, manifest, reverified } = context;
  const known = Object.values(manifest.tools).map((record) => latest(record, reverified));
  const digests: WrittenDigests = new Map();
  if (plan.steps.some(isNewSet)) await learnDigests(prefix, known, digests);
  const results = await applySteps(plan, context, staging);
  const shared = await renewedRecords(prefix, [...known, ...results.installed], digests);
  const installed = inOrderOf(plan, results.installed).map((record) => latest(record, shared));
  return { ...results, installed, shared };
}

async function commitAll(plan: Plan, done: Done, context: ApplyContext): Promise<Manifest> {
  const { installed, linked, shared, fallbacks } = done;
  sayOlder(fallbacks, context.emit);
  const relinked = linked.map((record) => withNewFingerprint(record, context));
  const reverified = [...context.reverified, ...shared, ...relinked];
  const reasons = context.reasonsFor(installed.filter(isTool));
  const forced = stepsOf(plan).filter((step) => step.action === "install" && isForced(step));
  return await commit(
    { ...context, ...reasons, reverified, fallbacks },
    installed,
    new Set(forced.map(({ tool }) => tool)),
  );
}

/** Removes links of programs that are gone. Returns the trees that have disappeared in the meantime. */
async function cleanUp(
  { installed }: Done,
  manifest: Manifest,
  context: ApplyContext,
): Promise<Failure[]> {
  const { prefix, seed, emit } = context;
  if (seed?.catalogues) await importCatalogues(seed, { prefix, manifest }, emit);
  const missing = await findMissing(context, installed.filter(isTool));
  await removeReplaced(context, installed, manifest);
  return missing;
}

async function openSeed({ open, ...seed }: SeedVolume, staging: Staging): Promise<OpenSeed> {
  return { ...seed, dir: await open(() => staging.workDir("seed")) };
}

function stepsOf({ steps, command }: Plan): Step[] {
  return command ? [...steps, command] : [...steps];
}

function isTool({ tool }: VerifiedRecord): boolean {
  return tool !== commandName;
}

/** Tools finish in any order; they are reported in the plan's. */
function inOrderOf({ steps }: Plan, records: readonly VerifiedRecord[]): VerifiedRecord[] {
  const places = new Map(steps.map(({ tool }, place) => [tool, place]));
  const placeOf = ({ tool }: VerifiedRecord): number => places.get(tool) ?? 0;
  return [...records].sort((a, b) => placeOf(a) - placeOf(b));
}

function isFetched(step: Step): boolean {
  return step.action === "install" && step.artifacts.length > 0;
}

function isNewSet({ action, tool }: Step): boolean {
  return action === "install" && lineOfTool(tool) !== undefined;
}

function latest(record: VerifiedRecord, updated: readonly VerifiedRecord[]): VerifiedRecord {
  return updated.find(({ dir }) => dir === record.dir) ?? record;
}

function withNewFingerprint(record: VerifiedRecord, { reverified }: ApplyContext): VerifiedRecord {
  const found = reverified.find(({ dir }) => dir === record.dir);
  return found ? { ...record, sealed: found.sealed } : record;
}

async function applySteps(plan: Plan, context: ApplyContext, staging: Staging): Promise<Results> {
  const queue = pLimit(context.jobs);
  context.http.onQuiet((transfers) => {
    queue.concurrency = context.jobs + transfers;
  });
  const toolchains = shareToolchains(context, staging);
  const starter = starterOf(context, plan);
  const results = noResults();
  /** Tools of this run; each resolves to its record, or undefined if it failed. */
  const running = new Map<string, Promise<VerifiedRecord | undefined>>();
  const spare = new Map(plan.spare?.map((step) => [step.tool, step]));
  const ready = async (tool: string): Promise<VerifiedRecord | undefined> => {
    const step = spare.get(tool);
    if (step && !running.has(tool)) start(step);
    return running.has(tool) ? running.get(tool) : context.manifest.tools[tool];
  };

  const start = (step: Step): void => {
    if (step.action === "keep") return;
    const work = async (): Promise<VerifiedRecord | undefined> => {
      try {
        if (step.action === "link") return added(results.linked, await relink(step, context));
        const needs = new Map(step.needs.map((need) => [need, ready(need)]));
        const onFallback = (fallback: OlderVersion) => results.fallbacks.push(fallback);
        const run = { context, staging, toolchains, needs, ready, queue, starter, onFallback };
        return added(results.installed, await installTool(step, run));
      } catch (thrown) {
        return failed(step, thrown, { plan, context, results });
      }
    };
    running.set(step.tool, work());
  };
  for (const step of plan.steps) start(step);
  await nextTurn(); // connections are opened,
  await nextTurn(); // and requests sent, before files are copied
  // The volume's copy of the command gets the code that V8 has compiled: if none is stored, that of this whole run.
  if (plan.command && offeredCodeCache()?.isStored() !== false) start(plan.command);
  // A tool may start others.
  for (let count = 0; count < running.size; ) {
    count = running.size;
    await Promise.all(running.values());
  }
  if (plan.command && !running.has(commandName)) start(plan.command);
  await running.get(commandName);
  starter?.end();
  sayDispensable(context, results);
  return results;
}

function added(list: VerifiedRecord[], record: VerifiedRecord): VerifiedRecord {
  list.push(record);
  return record;
}

async function relink(step: LinkStep, context: ApplyContext): Promise<VerifiedRecord> {
  await linkBins(context.prefix, step.record);
  const { tool, version, bins, record } = step;
  context.emit({ type: "linked", tool, version, bins, title: titleOfRecord(record) });
  return step.record;
}

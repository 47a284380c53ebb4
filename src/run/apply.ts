import { rm } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { describeError, UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { InstalledRecord, Manifest } from "../core/manifest.ts";
import { type InstallStep, installationKey, type LinkStep, type Plan } from "../core/plan.ts";
import { platformId } from "../core/platform.ts";
import { linkBins } from "../io/bins.ts";
import { editManifest } from "../io/manifest-file.ts";
import { forgetSteady } from "../io/steady.ts";
import { findTree, publish } from "../io/store.ts";
import { openStaging, openVolume, type Staging, sweep } from "../io/volume.ts";
import type { Failure } from "../report/events.ts";
import { type ApplyContext, type Needs, stageTool, testTree } from "./stage.ts";

export interface Applied {
  readonly manifest: Manifest;
  readonly installed: readonly InstalledRecord[];
  /** How many tools only had their links made anew. */
  readonly linked: number;
  readonly failures: readonly Failure[];
}

/**
 * Carries out a plan:
 *  1. open the volume and drop what says "all present" (a kill from here on must not leave a lie);
 *  2. per tool, several at once: take up a whole tree that is there, or stage one: fetch, verify,
 *     unpack, smoke-test once what it needs is there;
 *  3. publish the tree by rename and swing `bin/` over to it, one rename per program;
 *  4. write the manifest, which is the commit point;
 *  5. sweep what nobody owns any more.
 * A tool that fails is reported and leaves the others, and what was there before, as they are.
 */
export async function applyPlan(plan: Plan, context: ApplyContext): Promise<Applied> {
  await openVolume(context.prefix);
  await forgetSteady(context.prefix);
  const staging = await openStaging(context.prefix);
  try {
    const { installed, linked, failures, bugs } = await installAll(plan, context, staging);
    const manifest = await editManifest(context.prefix, platformId(context.platform), (current) => {
      for (const record of installed) current.tools[record.tool] = record;
      if (context.skills) current.skills = [...context.skills];
    });
    await dropOldBins(context, installed, manifest);
    await sweep(context.prefix, manifest, staging.dir);
    if (bugs.length > 0) throw bugs[0];
    return { manifest, installed, linked, failures };
  } finally {
    await staging.close();
  }
}

interface Results {
  readonly installed: InstalledRecord[];
  linked: number;
  readonly failures: Failure[];
  /** What was thrown and is no UserError: told once everything else is committed. */
  readonly bugs: unknown[];
}

async function installAll(plan: Plan, context: ApplyContext, staging: Staging): Promise<Results> {
  const limit = pLimit(context.jobs);
  const results: Results = { installed: [], linked: 0, failures: [], bugs: [] };
  /** Tools of this run; each settles to its record, or undefined where it failed. */
  const running = new Map<string, Promise<InstalledRecord | undefined>>();
  const ready = async (tool: string): Promise<InstalledRecord | undefined> =>
    running.has(tool) ? running.get(tool) : context.manifest.tools[tool];

  for (const step of plan.steps) {
    if (step.action === "keep") continue;
    const work =
      step.action === "link"
        ? relink(step, context)
        : installTool(step, context, staging, limit, new Map(step.needs.map((n) => [n, ready(n)])));
    const settled = work.then(
      (record) => {
        if (step.action === "install") results.installed.push(record);
        else results.linked += 1;
        return record;
      },
      (error: unknown) => {
        if (!(error instanceof UserError) && !context.signal.aborted) results.bugs.push(error);
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

async function relink(step: LinkStep, context: ApplyContext): Promise<InstalledRecord> {
  await linkBins(context.prefix, step.record);
  context.emit({ type: "linked", tool: step.tool, version: step.version, bins: step.bins });
  return step.record;
}

async function installTool(
  step: InstallStep,
  context: ApplyContext,
  staging: Staging,
  limit: ReturnType<typeof pLimit>,
  needs: Needs,
): Promise<InstalledRecord> {
  const began = performance.now();
  const { tool, version } = step;
  const { prefix, emit } = context;
  const adopted = step.reason === "forced" ? undefined : await findWhole(step, prefix);
  const candidate = adopted ?? (await limit(() => stageTool(step, context, staging)));
  if (needs.size > 0) emit({ type: "phase", tool, phase: "wait" });
  await awaitNeeds(step, needs);
  let record: InstalledRecord;
  if ("tree" in candidate) {
    emit({ type: "phase", tool, phase: "test" });
    await testTree(step, candidate.tree, candidate.record, context, needs);
    emit({ type: "phase", tool, phase: "publish" });
    record = await publish(prefix, candidate.tree, candidate.record, step.reason === "forced");
  } else {
    record = candidate;
  }
  await linkBins(prefix, record);
  const milliseconds = Math.round(performance.now() - began);
  const size = adopted ? 0 : record.source.size;
  emit({ type: "installed", tool, version, bins: Object.keys(record.bins), size, milliseconds });
  return record;
}

/** Another run may have published this very tree since the plan was made, or the manifest was lost. */
async function findWhole(step: InstallStep, prefix: string): Promise<InstalledRecord | undefined> {
  for (const artifact of step.artifacts) {
    const key = installationKey(step.recipe, artifact);
    const record = await findTree(prefix, step.tool, step.version, key);
    if (record) return record;
  }
  return undefined;
}

async function awaitNeeds(step: InstallStep, needs: Needs): Promise<void> {
  for (const [need, record] of needs) {
    if (await record) continue;
    throw new UserError("unmet", `${step.tool} needs ${need}, which could not be installed`, {
      hint: `Mend ${need} first; its own message says how.`,
    });
  }
}

/** A program that a new version no longer has must not stay behind as a link into nothing. */
async function dropOldBins(
  context: ApplyContext,
  installed: readonly InstalledRecord[],
  manifest: Manifest,
): Promise<void> {
  const provided = new Set(Object.values(manifest.tools).flatMap(({ bins }) => Object.keys(bins)));
  for (const { tool } of installed) {
    for (const name of Object.keys(context.manifest.tools[tool]?.bins ?? {})) {
      if (provided.has(name)) continue;
      await rm(join(context.prefix, layout.binPath(name)), { force: true });
    }
  }
}

function asFailure(tool: string, error: unknown): Failure {
  const { code, hint } = error instanceof UserError ? error : { code: "busy" as const, hint: "" };
  return { tool, code, message: describeError(error), ...(hint ? { hint } : {}) };
}

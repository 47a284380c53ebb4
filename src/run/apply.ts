import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { describeError, UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { InstalledBin, InstalledRecord, Manifest, SelectedSkill } from "../core/manifest.ts";
import { type InstallStep, installationKey, type LinkStep, type Plan } from "../core/plan.ts";
import { type Platform, platformId } from "../core/platform.ts";
import type { Artifact } from "../core/recipe.ts";
import { smokeTest } from "../io/exec.ts";
import { follow } from "../io/files.ts";
import type { Http } from "../io/http.ts";
import type { NpmConfig } from "../io/npm-config.ts";
import { forgetSteady } from "../io/steady.ts";
import {
  editManifest,
  findTree,
  linkBins,
  openStaging,
  openVolume,
  publish,
  type Staging,
  sweep,
} from "../io/store.ts";
import type { Emit, Failure } from "../report/events.ts";
import { stage } from "../sources/source.ts";

export interface ApplyContext {
  readonly prefix: string;
  readonly platform: Platform;
  /** False where programs of this platform do not run on this machine. */
  readonly runsHere: boolean;
  readonly http: Http;
  readonly npm: () => Promise<NpmConfig>;
  readonly jobs: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Recorded in the manifest; undefined leaves what is there. */
  readonly skills: readonly SelectedSkill[] | undefined;
  /** RFC 3339, now. */
  readonly clock: () => Date;
  /** What the volume had when the plan was made. */
  readonly manifest: Manifest;
}

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
    const { installed, failures } = await installAll(plan, context, staging);
    const manifest = await editManifest(
      context.prefix,
      platformId(context.platform),
      (current) => {
        for (const record of installed) current.tools[record.tool] = record;
        if (context.skills) current.skills = [...context.skills];
      },
    );
    await dropOldBins(context, installed, manifest);
    await sweep(context.prefix, manifest, staging.dir);
    const linked = plan.steps.filter(({ action }) => action === "link").length;
    return { manifest, installed, linked, failures };
  } finally {
    await staging.close();
  }
}

async function installAll(
  plan: Plan,
  context: ApplyContext,
  staging: Staging,
): Promise<{ installed: InstalledRecord[]; failures: Failure[] }> {
  const limit = pLimit(context.jobs);
  const installed: InstalledRecord[] = [];
  const failures: Failure[] = [];
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
        if (step.action === "install") installed.push(record);
        return record;
      },
      (error: unknown) => {
        if (!(error instanceof UserError) && !context.signal.aborted) throw error;
        const failure = asFailure(step.tool, error);
        failures.push(failure);
        context.emit({ type: "failed", ...failure });
        return undefined;
      },
    );
    running.set(step.tool, settled);
  }
  await Promise.all(running.values());
  return { installed, failures };
}

async function relink(step: LinkStep, context: ApplyContext): Promise<InstalledRecord> {
  await linkBins(context.prefix, step.record);
  context.emit({ type: "linked", tool: step.tool, version: step.version, bins: step.bins });
  return step.record;
}

type Needs = ReadonlyMap<string, Promise<InstalledRecord | undefined>>;

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
  const candidate =
    adopted ?? (await limit(() => stageTool(step, context, staging)));
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

interface StagedTool {
  readonly tree: string;
  readonly record: InstalledRecord;
}

/** Tries the sources in order; the first failure is the one that is told, the others are its notes. */
async function stageTool(
  step: InstallStep,
  context: ApplyContext,
  staging: Staging,
): Promise<StagedTool> {
  const { tool, version, size } = step;
  context.emit({ type: "start", tool, version, ...(size === undefined ? {} : { size }) });
  const errors: UserError[] = [];
  for (const artifact of step.artifacts) {
    const dir = await staging.room(tool);
    try {
      return await stageArtifact(step, artifact, dir, context);
    } catch (error) {
      await rm(dir, { recursive: true, force: true });
      if (!(error instanceof UserError) || context.signal.aborted) throw error;
      errors.push(error);
    }
  }
  const [first, ...others] = errors;
  if (!first || others.length === 0) throw first ?? new Error(`${tool} has no source`);
  const also = others.map((error) => describeError(error)).join("; ");
  throw new UserError(first.code, `${first.message}; other sources failed too: ${also}`, {
    cause: first.cause,
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  });
}

async function stageArtifact(
  step: InstallStep,
  artifact: Artifact,
  dir: string,
  context: ApplyContext,
): Promise<StagedTool> {
  const { tool, recipe } = step;
  const bins = artifact.bins ?? recipe.bins;
  const { tree, source } = await stage(artifact, {
    http: context.http,
    npm: context.npm,
    platform: context.platform,
    dir,
    bins,
    signal: context.signal,
    onProgress: (received, total) =>
      context.emit({
        type: "progress",
        tool,
        received,
        ...(total === undefined ? {} : { total }),
      }),
    onPhase: (phase) => context.emit({ type: "phase", tool, phase }),
  });
  const key = installationKey(recipe, artifact);
  const record: InstalledRecord = {
    tool,
    version: step.version,
    key,
    dir: layout.treeDir(tool, step.version, key),
    source,
    bins: await describeBins(tree, layout.treeDir(tool, step.version, key), artifact, bins),
    needs: [...recipe.needs],
    license: recipe.license,
    recipe: recipe.origin,
    installedAt: context.clock().toISOString(),
  };
  return { tree, record };
}

async function describeBins(
  tree: string,
  dir: string,
  artifact: Artifact,
  bins: Readonly<Record<string, string>>,
): Promise<Record<string, InstalledBin>> {
  const described: Record<string, InstalledBin> = {};
  for (const [name, path] of Object.entries(bins)) {
    const size = (await follow(join(tree, path)))?.size ?? 0;
    const runtime = artifact.kind === "npm-closure" ? { runtime: "node" } : {};
    described[name] = { path: join(dir, path), size, ...runtime };
  }
  return described;
}

async function awaitNeeds(step: InstallStep, needs: Needs): Promise<void> {
  for (const [need, record] of needs) {
    if (await record) continue;
    throw new UserError("unmet", `${step.tool} needs ${need}, which could not be installed`, {
      hint: `Mend ${need} first; its own message says how.`,
    });
  }
}

async function testTree(
  step: InstallStep,
  tree: string,
  record: InstalledRecord,
  context: ApplyContext,
  needs: Needs,
): Promise<void> {
  const [name, ...args] = step.recipe.test;
  const bin = name === undefined ? undefined : record.bins[name];
  if (!context.runsHere || !bin) return;
  const program = join(tree, bin.path.slice(record.dir.length + 1));
  const runtime = bin.runtime === undefined ? undefined : await needs.get(bin.runtime);
  const interpreter = runtime?.bins[bin.runtime ?? ""];
  const home = join(tree, "..", "home");
  await mkdir(home, { recursive: true });
  await smokeTest(step.tool, {
    argv: interpreter
      ? [join(context.prefix, interpreter.path), program, ...args]
      : [program, ...args],
    env: {
      PATH: `${join(context.prefix, layout.bin)}:/usr/local/bin:/usr/bin:/bin`,
      HOME: home,
      TMPDIR: home,
      LANG: "C.UTF-8",
      CI: "1", // many programs skip first-run questions and update checks then
    },
    cwd: home,
    timeout: 30_000,
  });
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

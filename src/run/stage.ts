import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describeError, UserError } from "../core/errors.ts";
import { runtimeFlags } from "../core/launcher.ts";
import { layout } from "../core/layout.ts";
import type { InstalledBin, Manifest, SealedRecord, SelectedSkill } from "../core/manifest.ts";
import { type InstallStep, installationKey } from "../core/plan.ts";
import type { Platform } from "../core/platform.ts";
import type { Artifact } from "../core/recipe.ts";
import { smokeTest } from "../io/exec.ts";
import { follow } from "../io/files.ts";
import type { DraftRecord } from "../io/store.ts";
import type { Staging } from "../io/volume.ts";
import type { Http } from "../net/http.ts";
import type { NpmConfig } from "../net/npm-config.ts";
import type { Emit } from "../report/events.ts";
import type { StageContext } from "../sources/context.ts";
import { stage } from "../sources/source.ts";
import { type LanguagePlace, pythonOf, type SharedLanguages } from "./languages.ts";

export interface ApplyContext {
  readonly prefix: string;
  readonly platform: Platform;
  /** False where programs of this platform do not run on this machine. */
  readonly runsHere: boolean;
  readonly http: Http;
  readonly npm: () => Promise<NpmConfig>;
  /** Of the machine, for Python programs and Go builds. */
  readonly languages: LanguagePlace;
  readonly jobs: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Recorded in the manifest; undefined leaves what is there. */
  readonly skills: readonly SelectedSkill[] | undefined;
  /** RFC 3339, now. */
  readonly clock: () => Date;
  /** When the run began to change the volume, in ms of the volume's clock. */
  readonly began: number;
  /** What the volume had when the plan was made. */
  readonly manifest: Manifest;
  /** What is on disk in its place cannot be used. */
  readonly brokenManifest: boolean;
  /** Records to be written although nothing is installed anew. */
  readonly resealed: readonly SealedRecord[];
}

/** A tree that is ready to be tested and published, and what will be recorded of it. */
export interface StagedTool {
  readonly tree: string;
  readonly record: DraftRecord;
}

/** Tries the sources in order; the first failure is the one that is told, the others are its notes. */
export async function stageTool(
  step: InstallStep,
  context: ApplyContext,
  staging: Staging,
  languages: SharedLanguages,
  needs: Needs,
): Promise<StagedTool> {
  const { tool, version, size } = step;
  context.emit({ type: "start", tool, version, ...(size === undefined ? {} : { size }) });
  const errors: UserError[] = [];
  for (const [i, artifact] of step.artifacts.entries()) {
    const dir = await staging.room(tool);
    try {
      const hasAlternative = i < step.artifacts.length - 1;
      const python = () => pythonOf(context.prefix, tool, needs);
      const given = { dir, hasAlternative, languages: { ...languages, python } };
      return await stageArtifact(step, artifact, context, given);
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
  context: ApplyContext,
  given: Pick<StageContext, "dir" | "hasAlternative" | "languages">,
): Promise<StagedTool> {
  const { tool, recipe } = step;
  const bins = artifact.bins ?? recipe.bins;
  const { tree, source } = await stage(artifact, {
    http: context.http,
    npm: context.npm,
    platform: context.platform,
    ...given,
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
  const record: DraftRecord = {
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
    const stats = await follow(join(tree, path));
    const runtime = runtimeOf(artifact, stats?.mode ?? 0);
    described[name] = {
      path: join(dir, path),
      size: stats?.size ?? 0,
      ...(runtime && { runtime }),
    };
  }
  return described;
}

/** A wheel may bring a program that is one by itself; a starter is none. */
function runtimeOf({ kind }: Artifact, mode: number): string | undefined {
  if (kind === "npm-closure") return "node";
  return kind === "python" && (mode & 0o111) === 0 ? "python3" : undefined;
}

/** Tools of this run that a tool needs: each settles to its record, or undefined where it failed. */
export type Needs = ReadonlyMap<string, Promise<SealedRecord | undefined>>;

/** Runs the recipe's smoke test in a staged tree, with the runtime that it needs. */
export async function testTree(
  step: InstallStep,
  tree: string,
  record: DraftRecord,
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
      ? [join(context.prefix, interpreter.path), ...runtimeFlags(bin), program, ...args]
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

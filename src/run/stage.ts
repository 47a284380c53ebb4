import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describeError, UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { InstalledBin, Manifest, SealedRecord, SelectedSkill } from "../core/manifest.ts";
import { type InstallStep, installationKey, versionOf } from "../core/plan.ts";
import type { Platform } from "../core/platform.ts";
import type { Artifact, Recipe } from "../core/recipe.ts";
import { smokeTest } from "../io/exec.ts";
import { follow } from "../io/files.ts";
import type { DraftRecord } from "../io/store.ts";
import type { WrittenDigests } from "../io/tree-list.ts";
import type { Staging } from "../io/volume.ts";
import type { AptConfig } from "../net/apt-config.ts";
import type { Http } from "../net/http.ts";
import type { NpmConfig } from "../net/npm-config.ts";
import type { Emit } from "../report/events.ts";
import { takeTree } from "../sources/foreign-tree.ts";
import { stage } from "../sources/source.ts";

export interface ApplyContext {
  readonly prefix: string;
  readonly platform: Platform;
  /** False where programs of this platform do not run on this machine. */
  readonly runsHere: boolean;
  readonly http: Http;
  readonly npm: () => Promise<NpmConfig>;
  /** The directory of the seed that a step's `seed` speaks of. */
  readonly seed: string | undefined;
  readonly apt: () => Promise<AptConfig>;
  readonly jobs: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Recorded in the manifest; undefined leaves what is there. */
  readonly skills: readonly SelectedSkill[] | undefined;
  /** Tools that somebody asks for by name; recorded too. */
  readonly requested: readonly string[];
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
  readonly written: WrittenDigests;
}

/** A place that has a tool's tree. */
interface Source {
  /** Brings it into an empty directory. */
  readonly bring: (dir: string) => Promise<StagedTool>;
  /** Another version than the one that is wanted. */
  readonly isWayOut?: boolean;
}

/** Tries the sources in order; the first failure is the one that is told, the others are its notes. */
export async function stageTool(
  step: InstallStep,
  context: ApplyContext,
  staging: Staging,
): Promise<StagedTool> {
  const { tool, version, size } = step;
  context.emit({ type: "start", tool, version, ...(size === undefined ? {} : { size }) });
  const errors: UserError[] = [];
  for (const source of sourcesOf(step, context)) {
    // Wrong bytes are to be heard of, not to be made up for.
    if (source.isWayOut && errors.some(({ code }) => code === "integrity")) break;
    const room = await staging.room(tool);
    try {
      const staged = await source.bring(room);
      if (step.seed) sayInstead(staged, errors, context);
      return staged;
    } catch (error) {
      await rm(room, { recursive: true, force: true });
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

function sourcesOf(step: InstallStep, context: ApplyContext): Source[] {
  const { recipe, artifacts, seed } = step;
  const downloads = artifacts.map((artifact, i): Source => {
    if (!recipe) throw new Error(`${step.tool} has an artifact and no recipe`);
    const hasAlternative = i < artifacts.length - 1;
    return { bring: (dir) => stageArtifact(step, recipe, artifact, dir, context, hasAlternative) };
  });
  const { seed: from } = context;
  if (!seed || from === undefined) return downloads;
  const bring: Source["bring"] = (dir) => copySeed(from, seed.record, dir, context);
  return seed.isFirst ? [{ bring }, ...downloads] : [...downloads, { bring, isWayOut: true }];
}

/** A seed that is not whole, or that was taken because nothing better could be had, is no secret. */
function sayInstead(
  { record: { tool, version, source } }: StagedTool,
  [first]: readonly UserError[],
  { emit }: ApplyContext,
): void {
  if (!first) return;
  const message = `${tool}: ${describeError(first)}; ${version} from ${source.seed ?? source.from} is used`;
  emit({ type: "warning", message, ...(first.hint === undefined ? {} : { hint: first.hint }) });
}

async function copySeed(
  seed: string,
  sealed: SealedRecord,
  dir: string,
  context: ApplyContext,
): Promise<StagedTool> {
  context.emit({ type: "phase", tool: sealed.tool, phase: "copy" });
  const tree = await takeTree({
    from: seed,
    called: `the seed ${seed}`,
    record: sealed,
    room: dir,
    move: false,
  });
  const { contents: _contents, sealed: _sealed, ...published } = sealed;
  const source = { ...published.source, seed };
  const record = { ...published, source, installedAt: context.clock().toISOString() };
  return { tree, record, written: new Map() };
}

async function stageArtifact(
  step: InstallStep,
  recipe: Recipe,
  artifact: Artifact,
  room: string,
  context: ApplyContext,
  hasAlternative: boolean,
): Promise<StagedTool> {
  const { tool } = step;
  const bins = artifact.bins ?? recipe.bins;
  const written: WrittenDigests = new Map();
  const { tree, source, programs } = await stage(artifact, {
    http: context.http,
    npm: context.npm,
    apt: context.apt,
    platform: context.platform,
    runsHere: context.runsHere,
    dir: room,
    bins,
    written,
    hasAlternative,
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
  const version = versionOf(recipe, artifact);
  const dir = layout.treeDir(tool, version, key);
  const record: DraftRecord = {
    tool,
    version,
    key,
    dir,
    source,
    bins: await describeBins(tree, dir, artifact, bins, programs ?? {}),
    needs: [...recipe.needs],
    license: recipe.license,
    recipe: recipe.origin,
    installedAt: context.clock().toISOString(),
  };
  return { tree, record, written };
}

async function describeBins(
  tree: string,
  dir: string,
  artifact: Artifact,
  bins: Readonly<Record<string, string>>,
  programs: Readonly<Record<string, string>>,
): Promise<Record<string, InstalledBin>> {
  const described: Record<string, InstalledBin> = {};
  for (const [name, path] of Object.entries(bins)) {
    const size = (await follow(join(tree, path)))?.size ?? 0;
    const runtime = artifact.kind === "npm-closure" ? { runtime: "node" } : {};
    const started = programs[path];
    const program =
      started === undefined ? {} : { program: await describeProgram(tree, dir, started) };
    described[name] = { path: join(dir, path), size, ...runtime, ...program };
  }
  return described;
}

async function describeProgram(
  tree: string,
  dir: string,
  path: string,
): Promise<{ path: string; size: number }> {
  return { path: join(dir, path), size: (await follow(join(tree, path)))?.size ?? 0 };
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
  const [name, ...args] = step.recipe?.test ?? [];
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

import { join } from "node:path";
import { describeError, UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { InstalledBin, SealedRecord } from "../core/manifest.ts";
import { sourceName, unfitArtifacts } from "../core/plan/artifact.ts";
import { type InstallStep, installationKey, versionOf } from "../core/plan/plan.ts";
import type { Artifact, Recipe } from "../core/recipe.ts";
import { asUserError } from "../core/system-error.ts";
import { rm } from "../io/disk.ts";
import { statIfExists, tolerate } from "../io/files.ts";
import type { DraftRecord } from "../io/volume/store.ts";
import type { WrittenDigests } from "../io/volume/tree-list.ts";
import type { Staging } from "../io/volume/volume.ts";
import { HurriedError } from "../net/errors.ts";
import type { StageContext, Start } from "../sources/context.ts";
import { importTree } from "../sources/import-tree.ts";
import { stage } from "../sources/source.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import type { ApplyContext, Needs } from "./apply-context.ts";
import { type OlderVersion, olderVersion } from "./older-version.ts";
import { pythonOf, type SharedToolchains } from "./toolchains.ts";

/** A tree that is ready to be tested and published, and what will be recorded of it. */
export interface StagedTool {
  readonly tree: string;
  readonly record: DraftRecord;
  readonly written: WrittenDigests;
  /** Present where it is an older version than the one that is wanted: why that could not be had. */
  readonly fallback?: OlderVersion;
}

/** A place that has a tool's tree. */
interface Source {
  /** Its URL, its name in a registry, or the seed. */
  readonly called: string;
  /** Brings it into an empty directory. */
  readonly fetch: (dir: string) => Promise<StagedTool>;
  /** The same for who has nowhere else to go: slow servers are waited for. */
  readonly fetchPatiently?: (dir: string) => Promise<StagedTool>;
  /** Another version than the one that is wanted. */
  readonly isWayOut?: boolean;
  /** Takes minutes of this machine's time. */
  readonly isBuilt?: boolean;
  /** Which of the errors it replaces: its own, when it was in haste. */
  readonly replaces?: number;
}

/** Tries the sources in order; the first failure is the one that is told, the others are its notes. */
export async function stageTool(
  step: InstallStep,
  context: ApplyContext,
  staging: Staging,
  toolchains: SharedToolchains,
  needs: Needs,
): Promise<StagedTool> {
  const { tool, version, size } = step;
  context.emit({ type: "start", tool, version, ...(size === undefined ? {} : { size }) });
  const errors: UserError[] = [];
  const python = () => pythonOf(context.prefix, tool, needs);
  const sources = sourcesOf(step, context, { ...toolchains, python });
  const again: Source[] = [];
  function* inTurn(): Generator<Source> {
    yield* sources.filter(({ isWayOut, isBuilt }) => !isWayOut && !isBuilt);
    yield* again;
    // An older version that is at hand is better than minutes of building; update builds.
    yield* sources.filter(({ isWayOut }) => isWayOut);
    yield* sources.filter(({ isBuilt }) => isBuilt);
  }
  const tellSkipped = (source: string, why: string): void =>
    context.emit({ type: "detail", message: `${tool}: skipped ${source}: ${why}` });
  for (const { artifact, reason } of unfitArtifacts(step.recipe, context.platform))
    tellSkipped(sourceName(artifact), reason);
  for (const source of inTurn()) {
    // Wrong bytes are to be heard of, not to be made up for.
    if (source.isWayOut && errors.some(({ code }) => code === "integrity")) {
      tellSkipped(source.called, "another source gave wrong bytes");
      continue;
    }
    const workDir = await staging.room(tool);
    try {
      const staged = await source.fetch(workDir);
      const fallback = olderVersion(step, staged.record.version, errors);
      if (fallback) return { ...staged, fallback };
      sayInstead(step, staged, errors, context);
      return staged;
    } catch (thrown) {
      const error = asUserError(thrown);
      // A go that was ended may still write there for a moment.
      await tolerate(rm(workDir, { recursive: true, force: true, maxRetries: 5 }));
      if (!(error instanceof UserError) || context.signal.aborted) throw error;
      const at = source.replaces ?? errors.length;
      errors[at] = error;
      tellSkipped(source.called, describeError(error));
      const { fetchPatiently } = source;
      if (error instanceof HurriedError && fetchPatiently)
        again.push({ called: source.called, fetch: fetchPatiently, replaces: at });
    }
  }
  throw allFailed(tool, errors);
}

function allFailed(tool: string, [first, ...others]: readonly UserError[]): Error {
  if (!first || others.length === 0) return first ?? new Error(`${tool} has no source`);
  const also = others.map((error) => error.shared?.message ?? describeError(error));
  const message = others.map((error) => describeError(error)).join("; ");
  return new UserError(first.code, `${first.message}; other sources failed too: ${message}`, {
    cause: first.cause,
    also,
    ...(first.shared && { shared: first.shared }),
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  });
}

function sourcesOf(step: InstallStep, context: ApplyContext, toolchains: Toolchains): Source[] {
  const { recipe, artifacts, seed } = step;
  const downloads = artifacts.map((artifact, i): Source => {
    if (!recipe) throw new Error(`${step.tool} has an artifact and no recipe`);
    const hasAlternative = i < artifacts.length - 1;
    const fetch = (hasAlternative: boolean) => (dir: string) =>
      stageArtifact(recipe, artifact, context, { hasAlternative, toolchains, dir });
    const isBuilt = artifact.kind === "go-build";
    const called = sourceName(artifact);
    return { called, fetch: fetch(hasAlternative), fetchPatiently: fetch(false), isBuilt };
  });
  const { seed: from } = context;
  if (!seed || from === undefined) return downloads;
  const fetch: Source["fetch"] = (dir) => copySeed(from, seed.record, dir, context);
  const copy = { called: `the seed ${from}`, fetch };
  return seed.isFirst ? [copy, ...downloads] : [...downloads, { ...copy, isWayOut: true }];
}

/** A seed that is not whole, and bytes that are wrong, are no secret. */
function sayInstead(
  step: InstallStep,
  { record: { tool, version, source } }: StagedTool,
  errors: readonly UserError[],
  { emit }: ApplyContext,
): void {
  const first = step.seed ? errors[0] : errors.find(({ code }) => code === "integrity");
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
  const { tree, written } = await importTree({
    from: seed,
    called: `the seed ${seed}`,
    record: sealed,
    workDir: dir,
    move: false,
  });
  const { contents: _contents, sealed: _sealed, ...published } = sealed;
  const source = { ...published.source, seed };
  const record = { ...published, source, installedAt: context.clock().toISOString() };
  return { tree, record, written };
}

async function stageArtifact(
  recipe: Recipe,
  artifact: Artifact,
  context: ApplyContext,
  given: Pick<StageContext, "dir" | "hasAlternative" | "toolchains">,
): Promise<StagedTool> {
  const { name: tool } = recipe;
  const bins = artifact.bins ?? recipe.bins;
  const written: WrittenDigests = new Map();
  const { tree, source, starts } = await stage(artifact, {
    http: context.http,
    npm: context.npm,
    apt: context.apt,
    platform: context.platform,
    runsHere: context.runsHere,
    ...given,
    bins,
    written,
    signal: context.signal,
    onProgress: (received, total) =>
      context.emit({
        type: "progress",
        tool,
        received,
        ...(total === undefined ? {} : { total }),
      }),
    onPhase: (phase) => context.emit({ type: "phase", tool, phase }),
    onNote: (message) => context.emit({ type: "note", message: `${tool}: ${message}` }),
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
    bins: await describeBins(tree, dir, bins, starts ?? {}),
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
  bins: Readonly<Record<string, string>>,
  starts: Readonly<Record<string, Start>>,
): Promise<Record<string, InstalledBin>> {
  const described: Record<string, InstalledBin> = {};
  const sized = async (path: string) => {
    const size = (await statIfExists(join(tree, path)))?.size ?? 0;
    return { path: join(dir, path), size };
  };
  for (const [name, path] of Object.entries(bins)) {
    const { runtime, program } = starts[path] ?? {};
    described[name] = {
      ...(await sized(path)),
      ...(runtime !== undefined && { runtime }),
      ...(program !== undefined && { program: await sized(program) }),
    };
  }
  return described;
}

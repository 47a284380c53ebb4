import { join } from "node:path";
import { offeredCodeCache } from "../core/code-cache.ts";
import { commandName, layout } from "../core/layout.ts";
import type { InstalledBin, VerifiedRecord } from "../core/manifest.ts";
import { sourceName } from "../core/plan/artifact.ts";
import { keyOfBuild } from "../core/plan/command.ts";
import { describeKind } from "../core/plan/kinds.ts";
import { needsOf } from "../core/plan/needs.ts";
import {
  type InstallStep,
  installationKey,
  type OwnPackage,
  versionOf,
} from "../core/plan/plan.ts";
import type { Artifact, Recipe } from "../core/recipe.ts";
import { orNothing, statIfExists } from "../io/files.ts";
import type { DraftRecord } from "../io/volume/store.ts";
import type { WrittenDigests } from "../io/volume/tree-list.ts";
import type { StageContext, Start } from "../sources/context.ts";
import { copyPackage } from "../sources/copy-package.ts";
import { importTree } from "../sources/import-tree.ts";
import { stage } from "../sources/source.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import type { ApplyContext, OpenSeed } from "./apply-context.ts";
import type { OlderVersion } from "./older-version.ts";

/** A tree that is ready to be tested and published, and its record. */
export interface StagedTool {
  readonly tree: string;
  readonly record: DraftRecord;
  readonly written: WrittenDigests;
  /** Bytes that were downloaded for it. */
  readonly received: number;
  /** The seed or bundle that it is a copy of. */
  readonly copyOf?: string;
  /** Why the wanted version was not available, if this is an older one. */
  readonly fallback?: OlderVersion;
}

/** `toolchains` has the Python among the candidate's `needs`. */
type Fetch = (dir: string, toolchains: Toolchains) => Promise<StagedTool>;

/** A possible source of a tool's tree. */
export interface Candidate {
  /** Its URL, its name in a registry, or the seed. */
  readonly called: string;
  /** Fetches it into an empty directory. */
  readonly fetch: Fetch;
  /** The same for the last candidate: waits longer for slow servers. */
  readonly fetchPatiently?: Fetch;
  /** Tools that its programs need. */
  readonly needs: readonly string[];
  /** Its packages depend on the Python among `needs`, which must be installed first. */
  readonly isChosenByPython?: boolean;
  /** A fallback: another version than the wanted one. */
  readonly isWayOut?: boolean;
  /** Built locally, which takes minutes. */
  readonly isBuilt?: boolean;
  /** The index of the error that it replaces: its own, of the first, impatient try. */
  readonly replaces?: number;
}

/** The sources of a tool, in the order of its plan. */
export function candidatesOf(step: InstallStep, context: ApplyContext): Candidate[] {
  const { recipe, artifacts, seed, ownPackage } = step;
  if (ownPackage) {
    const fetch: Candidate["fetch"] = (dir) => stageOwnPackage(ownPackage, dir, context);
    return [{ called: ownPackage.dir, fetch, needs: [] }];
  }
  const downloads = artifacts.map((artifact, i): Candidate => {
    if (!recipe) throw new Error(`${step.tool} has an artifact but no recipe`);
    const hasAlternative = i < artifacts.length - 1;
    const fetch =
      (hasAlternative: boolean): Fetch =>
      (dir, toolchains) =>
        stageArtifact(recipe, artifact, context, { hasAlternative, toolchains, dir });
    const { isBuilt = false, isChosenByPython = false } = describeKind(artifact);
    return {
      called: sourceName(artifact),
      fetch: fetch(hasAlternative),
      fetchPatiently: fetch(false),
      needs: needsOf(recipe, artifact),
      isBuilt,
      isChosenByPython,
    };
  });
  const { seed: from } = context;
  if (!seed || !from) return downloads;
  const fetch: Candidate["fetch"] = (dir) => stageFromSeed(from, seed.record, dir, context);
  const copy = { called: from.called, fetch, needs: seed.record.needs };
  return seed.isFirst ? [copy, ...downloads] : [...downloads, { ...copy, isWayOut: true }];
}

async function stageFromSeed(
  { dir, called, moves = false, keepsRecords = false }: OpenSeed,
  theirs: VerifiedRecord,
  workDir: string,
  { emit, clock }: ApplyContext,
): Promise<StagedTool> {
  emit({ type: "phase", tool: theirs.tool, phase: "copy" });
  const from = { from: dir, called, record: theirs, workDir, move: moves };
  const { tree, written } = await importTree(from);
  const { contents: _contents, sealed: _sealed, ...draft } = theirs;
  const source = { ...draft.source, seed: dir };
  const noted = { ...draft, source, installedAt: clock().toISOString() };
  return { tree, record: keepsRecords ? draft : noted, written, received: 0, copyOf: called };
}

async function stageOwnPackage(
  own: OwnPackage,
  workDir: string,
  { emit, clock, runsHere }: ApplyContext,
): Promise<StagedTool> {
  emit({ type: "phase", tool: commandName, phase: "copy" });
  const tree = join(workDir, "tree");
  copyPackage(own, tree);
  // Without it the copy starts as well, only later.
  if (runsHere) orNothing(() => offeredCodeCache()?.write(join(tree, "dist")));
  const { version, license } = own;
  const key = keyOfBuild(own);
  const dir = layout.treeDir(commandName, version, key);
  const record: DraftRecord = {
    tool: commandName,
    version,
    key,
    dir,
    source: {
      kind: "package",
      from: `${commandName}@${version}`,
      digest: `sha256:${own.build}`,
      size: 0,
    },
    bins: await describeBins(tree, dir, { [commandName]: `entrypoint/${commandName}` }, {}),
    needs: [],
    license,
    recipe: "bundled",
    installedAt: clock().toISOString(),
  };
  return { tree, record, written: new Map(), received: 0 };
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
  const { http, npm, apt, platform, runsHere, signal } = context;
  const { tree, source, starts } = await stage(artifact, {
    http,
    npm,
    apt,
    platform,
    runsHere,
    signal,
    ...given,
    bins,
    written,
    isPrivate: recipe.origin !== "bundled" && recipe.declared === undefined,
    ...eventsOf(recipe, context),
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
    needs: [...needsOf(recipe, artifact)],
    license: recipe.license,
    recipe: recipe.origin,
    ...(recipe.libraries && {
      libraries: { ...recipe.libraries, names: [...recipe.libraries.names] },
    }),
    installedAt: context.clock().toISOString(),
  };
  return { tree, record, written, received: source.size };
}

function eventsOf({ name: tool, declared }: Recipe, { emit }: ApplyContext) {
  const by = declared ? `the skill ${declared.by}` : tool;
  return {
    onProgress: (received, total) => emit({ type: "progress", tool, received, total }),
    onPhase: (phase) => emit({ type: "phase", tool, phase }),
    onNote: (message) => emit({ type: "note", message: `${tool}: ${message}` }),
    onWarning: (problem, message) =>
      emit({ type: "warning", problem, message: `${by}: ${message}` }),
  } satisfies Partial<StageContext>;
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

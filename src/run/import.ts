import { UserError } from "../core/errors.ts";
import type { Manifest, SealedRecord } from "../core/manifest.ts";
import type { ImportStep } from "../core/plan/import.ts";
import { requestedTools } from "../core/plan/required-by.ts";
import { asUserError } from "../core/system-error.ts";
import { forgetFreshness } from "../io/freshness/record.ts";
import { linkBins } from "../io/volume/bins.ts";
import { acquireLease } from "../io/volume/lease.ts";
import { removeStaleFiles } from "../io/volume/stale-files.ts";
import { findTree, publish } from "../io/volume/store.ts";
import { openStaging, openVolume, type Staging, volumeTime } from "../io/volume/volume.ts";
import type { Failure } from "../report/events.ts";
import { importTree } from "../sources/import-tree.ts";
import type { Applied } from "./apply.ts";
import type { ApplyContext } from "./apply-context.ts";
import { asFailure, findMissing, isStagingGone, retireReplaced, stagingGone } from "./cleanup.ts";
import { type CommitContext, commit } from "./commit.ts";

/** Another volume, whose tools are taken into ours. */
export interface OtherVolume {
  readonly manifest: Manifest;
  /** What a message calls it. */
  readonly called: string;
  /**
   * Gives its directory (absolute); `room` is an empty directory of ours, for what must be unpacked
   * first. Whatever lies in the directory is believed only after it was looked at in our staging.
   */
  readonly open: (workDir: string) => Promise<string>;
  /** True where its trees may be moved out of it, because `open` has put them into the room. */
  readonly move: boolean;
}

export type ImportContext = Omit<CommitContext, "skills" | "requested" | "fallbacks"> & {
  readonly signal: ApplyContext["signal"];
};

type CopyStep = Extract<ImportStep, { action: "take" }>;

/**
 * Takes tools of another volume (a bundle that is unpacked, a seed in an image) into ours, as
 * `applyPlan` installs them:
 *  1. open our volume, drop what says "all present", open the other one;
 *  2. per tool: take up the very tree if it is there, or stage, verify and publish theirs by rename,
 *     and swing `bin/` over to it. A lease keeps other runs from doing it too. Nothing of it is run;
 *  3. write the manifest, which is the commit point, and sweep.
 * A tool that fails is reported and leaves the others, and what was there before, as they are.
 */
export async function importVolume(
  other: OtherVolume,
  steps: readonly ImportStep[],
  context: ImportContext,
): Promise<Applied> {
  const { prefix } = context;
  for (const message of await openVolume(prefix)) context.emit({ type: "note", message });
  const began = (await volumeTime(prefix)) ?? Number.POSITIVE_INFINITY;
  await removeStaleFiles(prefix, context.manifest, true);
  const staging = await openStaging(prefix);
  try {
    const from = await other.open(await staging.room("other"));
    await forgetFreshness(prefix);
    const wanted = steps.filter((step) => step.action === "take");
    const { installed, failures, bugs } = await copyAll(wanted, { ...other, from }, began, {
      ...context,
      staging,
    });
    const forced = new Set(wanted.flatMap(({ tool, why }) => (why === "forced" ? [tool] : [])));
    const reasons = reasonsFor(installed, other.manifest, context.manifest);
    const manifest = await commit({ ...context, ...reasons, fallbacks: [] }, installed, forced);
    failures.push(...(await findMissing(context, installed)));
    await retireReplaced(context, installed, manifest);
    await removeStaleFiles(prefix, manifest);
    if (bugs.length > 0) throw bugs[0];
    return { manifest, installed, linked: [], failures, fallbacks: [] };
  } finally {
    await staging.close();
  }
}

interface Source {
  readonly from: string;
  readonly called: string;
  readonly move: boolean;
}

type CopyContext = ImportContext & { readonly staging: Staging };

/** One after the other, each after what it needs. */
async function copyAll(
  steps: readonly CopyStep[],
  source: Source,
  began: number,
  context: CopyContext,
) {
  const installed: SealedRecord[] = [];
  const failures: Failure[] = [];
  const bugs: unknown[] = [];
  for (const step of steps) {
    try {
      const failed = step.record.needs.find((need) => failures.some(({ tool }) => tool === need));
      if (failed !== undefined) {
        throw new UserError("E_NEED", `it needs ${failed}, which could not be taken`);
      }
      installed.push(await copyTool(step, source, began, context));
    } catch (thrown) {
      const error = asUserError(thrown);
      if (context.signal.aborted) throw error;
      if (!(error instanceof UserError)) bugs.push(error);
      const failure = asFailure(step.tool, error);
      failures.push(failure);
      context.emit({ type: "failed", ...failure });
    }
  }
  return { installed, failures, bugs };
}

async function copyTool(
  step: CopyStep,
  source: Source,
  began: number,
  context: CopyContext,
): Promise<SealedRecord> {
  const started = performance.now();
  const { tool, version, record: theirs, why } = step;
  const { prefix, emit, signal, staging } = context;
  // What was damaged may have a neighbour's forgery beside it: only what came since then is believed.
  const since = why === "missing" ? 0 : began;
  let found: SealedRecord | undefined;
  const isDone = async (): Promise<boolean> => {
    if (why === "forced") return false;
    const tree = await findTree(prefix, tool, version, theirs.key, since);
    if (tree?.contents === theirs.contents) found = tree;
    return found !== undefined;
  };
  const onWait = () => emit({ type: "note", message: `${tool}: waiting for another run` });
  const lease = (await isDone())
    ? undefined
    : await acquireLease({ prefix, name: tool, signal, isDone, onWait });
  try {
    if (!found) await isDone();
    const record = found ?? (await publishTheirs(step, source, began, context));
    await linkBins(prefix, record);
    const milliseconds = Math.round(performance.now() - started);
    emit({
      type: "installed",
      tool,
      version,
      bins: Object.keys(record.bins),
      size: 0,
      milliseconds,
    });
    return record;
  } catch (error) {
    throw (await isStagingGone(staging.dir)) ? stagingGone(tool) : error;
  } finally {
    await lease?.release();
  }
}

async function publishTheirs(
  { tool, record: theirs, why }: CopyStep,
  source: Source,
  began: number,
  { prefix, staging }: CopyContext,
): Promise<SealedRecord> {
  const workDir = await staging.room(tool);
  const { tree, written } = await importTree({ ...source, record: theirs, workDir: workDir });
  const { contents: _, sealed: __, ...draft } = theirs;
  const since = why === "forced" ? Number.POSITIVE_INFINITY : began;
  return await publish(prefix, tree, written, draft, since);
}

/**
 * Why the new tools are there: a volume without anything learns what theirs knows, and what no skill
 * asks for was asked for by whoever took it in.
 */
function reasonsFor(
  installed: readonly SealedRecord[],
  theirs: Manifest,
  own: Manifest,
): Pick<CommitContext, "skills" | "requested"> {
  const isNew = Object.keys(own.tools).length === 0 && own.skills.length === 0;
  const skills = isNew ? theirs.skills : undefined;
  const tools = Object.fromEntries(installed.map((record) => [record.tool, record]));
  const asked = isNew ? (theirs.requested ?? []) : [];
  const { requested: _, ...unknown } = { ...theirs, tools, skills: skills ?? own.skills };
  return { skills, requested: [...asked, ...requestedTools(unknown)] };
}

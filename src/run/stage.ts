import { describeError, reworded, UserError } from "../core/errors.ts";
import { sourceName, unfitArtifacts } from "../core/plan/artifact.ts";
import type { InstallStep } from "../core/plan/plan.ts";
import { asUserError } from "../core/system-error.ts";
import { rm } from "../io/disk.ts";
import { tolerate } from "../io/files.ts";
import { HurriedError } from "../net/errors.ts";
import { warningOf } from "../report/events.ts";
import type { ApplyContext, Needs, ToolRun } from "./apply-context.ts";
import { type Candidate, candidatesOf, type StagedTool } from "./candidates.ts";
import { olderVersion } from "./older-version.ts";
import { withPython } from "./toolchains.ts";

/** A staged tool, and the installed tools that it needs. */
export interface StagedWithNeeds extends StagedTool {
  readonly needs: Needs;
}

/**
 * Tries the sources in order; the first failure is the error, the others are notes. A source whose
 * needs cannot be installed has failed.
 */
export async function stageTool(step: InstallStep, run: ToolRun): Promise<StagedWithNeeds> {
  const { context, staging } = run;
  const { tool } = step;
  sayStart(step, context);
  const errors: UserError[] = [];
  const candidates = candidatesOf(step, context);
  const again: Candidate[] = [];
  const tellSkipped = (source: string, why: string): void =>
    context.emit({ type: "detail", message: `${tool}: skipped ${source}: ${why}` });
  for (const { artifact, reason } of unfitArtifacts(step.recipe, context.platform))
    tellSkipped(sourceName(artifact), reason);
  for (const candidate of inTurn(candidates, again)) {
    // Wrong bytes must be reported, not hidden by a fallback.
    if (candidate.isWayOut && errors.some(({ kind }) => kind === "integrity")) {
      tellSkipped(candidate.called, "another source gave wrong bytes");
      continue;
    }
    const workDir = await staging.workDir(tool);
    try {
      const staged = await stageCandidate(candidate, step, workDir, run);
      const fallback = olderVersion(step, staged.record.version, errors);
      if (fallback) return { ...staged, fallback };
      sayInstead(step, staged, errors, context);
      return staged;
    } catch (thrown) {
      const error = asUserError(thrown);
      // A killed go may still write there for a moment.
      await tolerate(rm(workDir, { recursive: true, force: true, maxRetries: 5 }));
      if (!(error instanceof UserError) || context.signal.aborted) throw error;
      const at = candidate.replaces ?? errors.length;
      errors[at] = error;
      tellSkipped(candidate.called, describeError(error));
      const { fetchPatiently } = candidate;
      if (error instanceof HurriedError && fetchPatiently)
        again.push({ ...candidate, fetch: fetchPatiently, replaces: at });
    }
  }
  throw allFailed(tool, errors);
}

/** What it needs is installed at the same time, or before it if its packages depend on it. */
async function stageCandidate(
  candidate: Candidate,
  step: InstallStep,
  workDir: string,
  run: ToolRun,
): Promise<StagedWithNeeds> {
  const { tool } = step;
  const needs = needsFor(candidate.needs, run);
  // Waiting while holding a place in the queue could be a deadlock.
  if (candidate.isChosenByPython) await awaitNeeds(step, needs);
  const toolchains = withPython(tool, { ...run, needs: new Map([...run.needs, ...needs]) });
  const staged = await run.queue(() => candidate.fetch(workDir, toolchains));
  if (needs.size > 0) run.context.emit({ type: "phase", tool, phase: "wait" });
  await awaitNeeds(step, needs);
  return { ...staged, needs };
}

/** The tools that a source needs; starts the installation of those that only it needs. */
function needsFor(names: readonly string[], { needs, ready }: ToolRun): Needs {
  return new Map(names.map((name) => [name, needs.get(name) ?? ready(name)]));
}

/** Waits until all are installed. Throws a UserError if one could not be. */
export async function awaitNeeds(step: InstallStep, needs: Needs): Promise<void> {
  const { title = step.tool } = step;
  for (const [need, record] of needs) {
    if (await record) continue;
    throw new UserError("E_NEED", `${title} needs ${need}, which could not be installed`, {
      hint: `Fix ${need} first (see its error).`,
      shared: { key: `needs ${need}`, message: `${need} could not be installed` },
    });
  }
}

/** A tool that only the seed has is not fetched. */
function sayStart(
  { tool, version, title, size, artifacts }: InstallStep,
  { emit }: ApplyContext,
): void {
  if (artifacts.length === 0) return;
  emit({ type: "start", tool, version, title, size });
}

/** Candidates in the order in which they are tried; `again` grows in the meantime. */
function* inTurn(
  candidates: readonly Candidate[],
  again: readonly Candidate[],
): Generator<Candidate> {
  yield* candidates.filter(({ isWayOut, isBuilt }) => !isWayOut && !isBuilt);
  yield* again;
  // An available older version is better than minutes of building; update builds.
  yield* candidates.filter(({ isWayOut }) => isWayOut);
  yield* candidates.filter(({ isBuilt }) => isBuilt);
}

function allFailed(tool: string, [first, ...others]: readonly UserError[]): Error {
  if (!first) return new Error(`${tool} has no source`);
  const different = others.filter((error) => describeError(error) !== describeError(first));
  if (different.length === 0) return first;
  const also = different.map((error) => error.shared?.message ?? describeError(error));
  const message = different.map((error) => describeError(error)).join("; ");
  return reworded(first, `${first.message}; other sources failed too: ${message}`, { also });
}

/** Reports a damaged seed and wrong bytes although another source worked. */
function sayInstead(
  step: InstallStep,
  { record: { tool, version, source } }: StagedTool,
  errors: readonly UserError[],
  { emit }: ApplyContext,
): void {
  const first = step.seed ? errors[0] : errors.find(({ kind }) => kind === "integrity");
  if (!first) return;
  const message = `${tool}: ${describeError(first)}; ${version} from ${source.seed ?? source.from} is used`;
  emit(warningOf(first, message));
}

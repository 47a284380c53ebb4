import { describeError, UserError } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import type { VerifiedRecord } from "../core/manifest.ts";
import { canDoWithout, possibleNeeds } from "../core/plan/needs.ts";
import type { InstallStep, LinkStep, Plan, Step } from "../core/plan/plan.ts";
import { asUserError } from "../core/system-error.ts";
import { nameSome } from "../core/wording.ts";
import type { Failure } from "../report/events.ts";
import type { ApplyContext } from "./apply-context.ts";
import { keptVersion, type OlderVersion } from "./older-version.ts";

/** What has become of the steps so far. */
export interface Results {
  readonly installed: VerifiedRecord[];
  readonly linked: VerifiedRecord[];
  readonly failures: Failure[];
  /** Of tools that no other one may need in the end. */
  readonly dispensable: { readonly failure: Failure; readonly for: readonly string[] }[];
  readonly fallbacks: OlderVersion[];
  /** Errors that are not UserErrors: rethrown after everything else is committed. */
  readonly bugs: unknown[];
}

/** Of a run that has not done anything yet. */
export function noResults(): Results {
  const records = { installed: [], linked: [], fallbacks: [] };
  return { ...records, failures: [], dispensable: [], bugs: [] };
}

/** What is said of an error that ended a tool's installation. */
export function asFailure(tool: string, error: unknown): Failure {
  const message = describeError(error);
  if (!(error instanceof UserError)) return { tool, code: "busy", problem: "E_BUG", message };
  const { kind: code, problem, hint, shared, also } = error;
  return { tool, code, problem, message, hint, shared, ...(also.length > 0 && { also }) };
}

/** The same of a step, whose tool may have a title. */
export function failureOf(step: Step, error: unknown): Failure {
  const title = step.action === "install" ? step.title : undefined;
  return { ...asFailure(step.tool, error), ...(title !== undefined && { title }) };
}

/**
 * Reports why a tool failed. Returns the record of the older version that stays, if it is
 * acceptable.
 */
export function failed(
  step: InstallStep | LinkStep,
  thrown: unknown,
  { plan, context, results }: { plan: Plan; context: ApplyContext; results: Results },
): VerifiedRecord | undefined {
  const error = asUserError(thrown);
  if (!(error instanceof UserError) && !context.signal.aborted) results.bugs.push(error);
  const kept = step.action === "install" && keptVersion(step, error);
  if (kept) {
    results.fallbacks.push(kept);
    return context.manifest.tools[step.tool];
  }
  if (step.tool === commandName && !context.seed?.keepsRecords) {
    sayNoCommand(error, context);
    return context.manifest.tools[step.tool];
  }
  const failure = failureOf(step, error);
  if (isDispensable(step, plan)) results.dispensable.push({ failure, for: step.for });
  else sayFailed(failure, context, results);
  return undefined;
}

function sayFailed(failure: Failure, { emit }: ApplyContext, { failures }: Results): void {
  failures.push(failure);
  emit({ type: "failed", ...failure });
}

/**
 * True if no skill or argument asks for it, and each tool that does has a source without it. `for` alone
 * does not tell: a skill may have a tool's name.
 */
function isDispensable(
  step: InstallStep | LinkStep,
  { steps, spare = [], bins }: Plan,
): step is InstallStep {
  const { tool } = step;
  const isAsked = Object.values(bins).some((bin) => "tool" in bin && bin.tool === tool);
  if (step.action !== "install" || isAsked || step.for.length === 0) return false;
  return step.for.every((name) => {
    const requirer = [...steps, ...spare].find((other) => other.tool === name);
    return (
      requirer?.action === "install" &&
      possibleNeeds(requirer).has(tool) &&
      canDoWithout(tool, requirer)
    );
  });
}

/** A dispensable tool has failed only if that was a reason why another one did. */
export function sayDispensable(context: ApplyContext, results: Results): void {
  for (const { failure, for: requiredBy } of results.dispensable) {
    if (results.failures.some(({ tool }) => requiredBy.includes(tool))) {
      sayFailed(failure, context, results);
      continue;
    }
    const { tool, message } = failure;
    const instead = `${nameSome(requiredBy)} came from another source, which does without it`;
    context.emit({
      type: "note",
      message: `${tool} could not be installed: ${message}; ${instead}`,
    });
  }
}

/** Skills do not need the command in the volume, and who runs this has one. */
function sayNoCommand(error: unknown, { signal, emit }: ApplyContext): void {
  if (signal.aborted) return;
  const { problem, message, hint = "" } = asFailure(commandName, error);
  const what = `the volume does not get a copy of this command: ${message}`;
  emit({ type: "warning", problem, message: what, hint });
}

import { reasonOf } from "../cli.ts";
import type { Context } from "../context.ts";
import { exitStatusFor, type ProblemKind } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import { isHeld } from "../core/manifest.ts";
import { behindOf, describeBehind } from "../core/plan/behind.ts";
import type { Plan, Unmet } from "../core/plan/plan.ts";
import { requestedTools, toolCalled } from "../core/plan/required-by.ts";
import { nameSome } from "../core/wording.ts";
import { isDirectory } from "../io/files.ts";
import type { LoginShell } from "../io/volume/login-shell.ts";
import { renderDocument } from "../report/text.ts";
import type { Applied } from "../run/apply.ts";
import { grantedTools, optionalTools } from "../run/inputs/agent-requests.ts";
import { type InstalledState, loadState } from "../run/inputs/state.ts";
import { answerAgents, reserveAgents } from "./agents.ts";
import { finalize } from "./finalize.ts";
import { failureOfCatalogue, recordCatalogue } from "./named-catalogue.ts";
import { isCommandDue, sayCommand } from "./own-command.ts";
import {
  planDocument,
  renderPlan,
  renderSum,
  renderSummary,
  type Summary,
  summaryDocument,
} from "./summary.ts";

/**
 * `install` and `update`:
 *
 * 1. read everything and make the plan;
 * 2. report what is unmet or held, and why;
 * 3. with `--dry-run` print the plan, and end here;
 * 4. apply the plan, if there is anything to do;
 * 5. answer agents' requests, and record the catalogue;
 * 6. finalize: login shell, sessions, freshness;
 * 7. print the summary.
 */
export async function install(context: Context): Promise<number> {
  const { options, reporter } = context;
  const state = await reserveAgents(await loadState(context), context);
  sayUnmet(state.plan, context);
  sayHeld(state, context);
  if (options.dryRun) {
    await sayNewer(state, context);
    return printPlan(state, context);
  }
  sayCommand(state, context);
  const applied = await applyIfDue(state, context);
  await sayNewer({ ...state, manifest: applied.manifest }, context);
  const answered = await answerAgents(state, applied, context);
  await recordCatalogue(state, context);
  const exitStatus = exitStatusOf(state, applied, context);
  const summary = { state, applied, exitStatus, answered };
  const loginShell = await finalize(summary, context);
  sayChange(summary, context);
  reporter.finish();
  printSummary(summary, loginShell, context);
  return exitStatus;
}

/** `update` of all: what would change in pinned library sets. */
async function sayNewer(state: InstalledState, context: Context): Promise<void> {
  const { verb, names } = context.options;
  if (verb !== "update" || names.length > 0) return;
  const { sayNewerPackages } = await import("./update-preview.ts");
  await sayNewerPackages(state, context);
}

/** Nothing is loaded that only an installation needs if there is nothing to do. */
async function applyIfDue(state: InstalledState, context: Context): Promise<Applied> {
  const { plan, manifest, prefix } = state;
  const work = plan.steps.filter(({ action }) => action !== "keep");
  const isDue = isCommandDue(state) || hasNews(state, context);
  // Where there is no volume, and nothing to install, none is made.
  if (work.length === 0 && !(isDue && isDirectory(prefix)))
    return { manifest, installed: [], linked: [], failures: [], fallbacks: [] };
  const { apply } = await import("./apply.ts");
  return await apply(state, work, requestedHere(state, context.options), context);
}

function exitStatusOf(state: InstalledState, applied: Applied, context: Context): number {
  const optional = optionalTools(state.agents, state.plan);
  const kinds = [
    ...applied.failures.flatMap(({ tool, code }) => (optional.has(tool) ? [] : [code])),
    ...state.plan.unmet.map((): ProblemKind => "unmet"),
    ...failureOfCatalogue(state, context),
  ];
  return exitStatusFor(kinds, context.options.strict);
}

/** The one line of a run that `watch` started. */
function sayChange(summary: Summary, { options, reporter }: Context): void {
  if (options.reason === undefined) return;
  const { words: reason, isSure, isRepeat } = reasonOf(options);
  if (!isSure && !hasResult(summary, isRepeat)) return;
  const { exitStatus } = summary;
  reporter.emit({ type: "change", reason, result: renderSum(summary, true), exitStatus });
}

/** `isRepeat`: what cannot be installed here was reported before. */
function hasResult({ applied, answered, exitStatus }: Summary, isRepeat: boolean): boolean {
  const { installed, linked } = applied;
  const failures = applied.failures.filter(({ code }) => !isRepeat || code !== "unmet");
  const changes = [...installed, ...linked, ...failures, ...(answered?.changed ?? [])];
  return changes.length > 0 || exitStatus !== 0;
}

function printSummary(
  summary: Summary,
  loginShell: LoginShell,
  { options, env, stdout, stderr }: Context,
): void {
  if (options.json === "document") {
    stdout.write(renderDocument(summaryDocument(summary, loginShell)));
  } else if (!options.quiet && options.reason === undefined) {
    const { isWatched } = options;
    stderr.write(renderSummary(summary, loginShell, { path: env.PATH, isWatched }));
  }
}

/** True if the manifest must be updated although nothing is to be installed. */
function hasNews(state: InstalledState, { options }: Context): boolean {
  const { selected, manifest, inspection, brokenManifest } = state;
  const isSelected =
    selected === undefined ||
    options.names.length > 0 ||
    JSON.stringify(selected) === JSON.stringify(manifest.skills);
  const known = requestedTools(manifest);
  const isRequested = requestedHere(state, options).every((tool) => known.includes(tool));
  return !isSelected || !isRequested || inspection.reverified.length > 0 || brokenManifest;
}

/**
 * A tool that the user names stays until the user removes it, and so does one that an agent asked for
 * and that is there; repairs and updates request nothing new.
 */
function requestedHere(state: InstalledState, { verb, names }: Context["options"]): string[] {
  const { plan, agents, manifest } = state;
  if (verb !== "install") return [];
  if (names.length === 0) return grantedTools(agents).filter((tool) => manifest.tools[tool]);
  return Object.values(plan.bins).flatMap((state) =>
    state.state !== "unmet" && state.tool !== undefined && state.tool !== commandName
      ? [state.tool]
      : [],
  );
}

/** Reports unmet requirements, grouped by reason. */
function sayUnmet(plan: Plan, { reporter: { emit } }: Context): void {
  const reasons = new Map<string, [Unmet, ...Unmet[]]>();
  for (const unmet of plan.unmet) {
    const key = JSON.stringify([unmet.reason, unmet.hint]);
    const group = reasons.get(key);
    if (group) group.push(unmet);
    else reasons.set(key, [unmet]);
  }
  for (const group of reasons.values()) {
    const bins = group.map(({ bin, for: by }) => `${bin} (for ${nameSome([...new Set(by)], 3)})`);
    const [{ reason, problem, hint }] = group;
    const message = `${nameSome(bins, 20)} ${bins.length > 1 ? "are" : "is"} unmet: ${reason}`;
    emit({ type: "warning", problem, message, hint });
  }
}

/**
 * Reports held tools that stay behind, or that changed although they are held, because the user
 * named them.
 */
function sayHeld(
  { plan, manifest, catalogue }: InstalledState,
  { options, reporter: { emit } }: Context,
): void {
  const isAsked = options.verb === "update" || options.force;
  const named = new Set(options.names.map((name) => toolCalled(name, manifest, catalogue)));
  for (const it of behindOf(plan).filter(({ held }) => held && isAsked)) {
    const message = describeBehind(it);
    const warning = { type: "warning", problem: "E_HELD", message } as const;
    emit(named.has(it.tool) ? warning : { type: "note", message });
  }
  for (const step of plan.steps) {
    const { tool, version } = step;
    if (step.action !== "install" || !isHeld(manifest, tool) || step.replaces === version) continue;
    const message = `${tool} ${step.replaces} is held and cannot be used (${step.reason}), and no source has it: ${version} is installed`;
    emit({ type: "warning", problem: "E_HELD", message });
  }
}

function printPlan(state: InstalledState, context: Context): number {
  const { options, stdout } = context;
  const { plan } = state;
  if (options.json === false) stdout.write(renderPlan(plan));
  else stdout.write(renderDocument(planDocument(state)));
  return exitStatusFor(plan.unmet.length > 0 ? ["unmet"] : [], options.strict);
}

import type { Context } from "../context.ts";
import { exitStatusFor, type ProblemKind } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import { isHeld } from "../core/manifest.ts";
import { behindOf, describeBehind } from "../core/plan/behind.ts";
import type { Plan, Unmet } from "../core/plan/plan.ts";
import { requestedTools, toolCalled } from "../core/plan/required-by.ts";
import { nameSome } from "../core/wording.ts";
import { statIfExists } from "../io/files.ts";
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

/** `install` and `update`: applies the plan and reports what is unmet and why. */
export async function install(context: Context): Promise<number> {
  const { options, env, reporter } = context;
  const state = await reserveAgents(await loadState(context), context);
  sayUnmet(state.plan, context);
  sayHeld(state, context);
  const sayNewer = async ({ manifest }: Pick<InstalledState, "manifest">): Promise<void> => {
    if (options.verb !== "update" || options.names.length > 0) return;
    await (await import("./update-preview.ts")).sayNewerPackages({ ...state, manifest }, context);
  };
  if (options.dryRun) {
    await sayNewer(state);
    return printPlan(state, context);
  }
  const work = state.plan.steps.filter(({ action }) => action !== "keep");
  sayCommand(state, context);
  const isDue = isCommandDue(state) || hasNews(state, context);
  const applied =
    work.length > 0 || (isDue && (await hasDirectory(state)))
      ? await (await import("./apply.ts")).apply(
          state,
          work,
          requestedHere(state, options),
          context,
        )
      : kept(state);
  await sayNewer(applied);
  const answered = await answerAgents(state, applied, context);
  await recordCatalogue(state, context);
  const optional = optionalTools(state.agents, state.plan);
  const codes = [
    ...applied.failures.flatMap(({ tool, code }) => (optional.has(tool) ? [] : [code])),
    ...state.plan.unmet.map((): ProblemKind => "unmet"),
    ...failureOfCatalogue(state, context),
  ];
  const exitStatus = exitStatusFor(codes, options.strict);
  const summary = { survey: state, applied, exitStatus, ...(answered && { answered }) };
  const loginShell = await finalize(summary, context);
  const reason = options.reason?.replace(maybe, "");
  if (reason !== undefined && (reason === options.reason || hasResult(summary))) {
    const result = renderSum(summary, true);
    reporter.emit({ type: "change", reason, result, exitStatus });
  }
  reporter.finish();
  if (options.json === "document") {
    const document = summaryDocument(summary, loginShell);
    context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else if (!options.quiet && options.reason === undefined) {
    const onPath = (env.PATH ?? "").split(":").includes(`${state.prefix}/bin`);
    context.stderr.write(renderSummary(summary, loginShell, onPath));
  }
  return summary.exitStatus;
}

/** What entrypoint/watch.sh puts before a reason if it does not know whether there is anything to do. */
const maybe = /^maybe: /;

function hasResult({ applied, answered, exitStatus }: Summary): boolean {
  const { installed, linked, failures } = applied;
  const changes = [...installed, ...linked, ...failures, ...(answered?.changed ?? [])];
  return changes.length > 0 || exitStatus !== 0;
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

/** Where there is no volume, and nothing to install, none is made. */
async function hasDirectory({ prefix }: InstalledState): Promise<boolean> {
  return (await statIfExists(prefix))?.isDirectory() === true;
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

function kept(state: InstalledState): Applied {
  return { manifest: state.manifest, installed: [], linked: [], failures: [], fallbacks: [] };
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
    emit({ type: "warning", problem, message, ...(hint === undefined ? {} : { hint }) });
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
  else stdout.write(`${JSON.stringify(planDocument(state), null, 2)}\n`);
  return exitStatusFor(plan.unmet.length > 0 ? ["unmet"] : [], options.strict);
}

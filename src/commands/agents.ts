import { join } from "node:path";
import type { Context } from "../context.ts";
import { describeError, UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { type Answer, answersOf, renderAnswer } from "../core/plan/agent-answers.ts";
import { type AgentLog, renderAgentLog } from "../core/plan/agent-log.ts";
import { nameSome } from "../core/wording.ts";
import { writeAtomically } from "../io/files.ts";
import { writeAnswers } from "../io/requests.ts";
import { readAgentLog } from "../io/volume/agent-log-file.ts";
import { openDirectories } from "../io/volume/volume.ts";
import type { Applied } from "../run/apply.ts";
import { postponed, sayRequests } from "../run/inputs/agent-requests.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import { withManifestLease } from "../run/manifest-lease.ts";

/*
 * Agents' requests in a run: before it, what is granted is counted, so that a run that is killed counts too;
 * after it, the answers are written.
 */

/** Tools that this run grants for the first time. */
function newTools({ agents }: InstalledState): string[] {
  const verdicts = agents?.verdicts ?? [];
  return [
    ...new Set(verdicts.flatMap((it) => (it.state === "granted" && it.isNew ? [it.tool] : []))),
  ];
}

/** Counts what is granted. Where the volume cannot be written to, nothing new is. */
export async function reserveAgents(
  state: InstalledState,
  context: Context,
): Promise<InstalledState> {
  const { prefix, agents } = state;
  const tools = newTools(state);
  if (!agents || tools.length === 0 || context.options.dryRun) return state;
  const at = context.clock().getTime();
  const count = (log: AgentLog): AgentLog => ({
    ...log,
    attempts: [...log.attempts, ...tools.map((tool) => ({ tool, at }))],
  });
  try {
    await editLog(count, prefix, context);
    return state;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...state, agents: postponed(agents, error.problem), plan: agents.without };
  }
}

/** What a run answered. */
export interface Answered {
  readonly answers: readonly Answer[];
  /** Names whose answer is another one than before. */
  readonly changed: readonly string[];
}

/** Writes the answers; undefined where agents may not ask. */
export async function answerAgents(
  state: InstalledState,
  applied: Applied,
  context: Context,
): Promise<Answered | undefined> {
  const { agents, prefix } = state;
  if (!agents) return undefined;
  await logEnd(state, applied, context);
  const problems = new Map(applied.failures.map(({ tool, problem }) => [tool, problem]));
  const answers = answersOf(agents.verdicts, applied.manifest, problems);
  const texts = new Map(answers.map((it) => [it.name, renderAnswer(it, prefix)]));
  const written = writeAnswers(agents.dir, texts);
  sayAnswers(answers, agents.dir, written, context);
  return { answers, changed: written.changed };
}

/** Records how each installation ended. */
async function logEnd(state: InstalledState, applied: Applied, context: Context): Promise<void> {
  const tools = newTools(state);
  if (tools.length === 0) return;
  const problemOf = (tool: string) => applied.failures.find((it) => it.tool === tool)?.problem;
  const isThere = (tool: string) => applied.manifest.tools[tool] && !problemOf(tool);
  const end = (log: AgentLog): AgentLog => ({
    ...log,
    attempts: log.attempts.map((it) =>
      tools.includes(it.tool) ? { ...it, problem: problemOf(it.tool) } : it,
    ),
    granted: [...log.granted, ...tools.filter(isThere)],
  });
  try {
    await editLog(end, state.prefix, context);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    sayRequests(
      `what came of agents' requests could not be recorded: ${describeError(error)}`,
      context,
    );
  }
}

/** One line per new answer, and one warning for all that could not be written. */
function sayAnswers(
  answers: readonly Answer[],
  dir: string,
  { changed, failed, error }: ReturnType<typeof writeAnswers>,
  context: Context,
): void {
  for (const it of answers.filter(({ name }) => changed.includes(name))) {
    const what = it.state === "granted" ? `${it.tool} ${it.version}` : it.reason;
    context.reporter.emit({ type: "note", message: `request ${it.name}: ${it.state}: ${what}` });
  }
  if (failed.length === 0) return;
  const message = `cannot write the answers in ${dir} for ${nameSome(failed)}: ${describeError(error)}`;
  sayRequests(message, context);
}

/** Changes the volume's log of agents' requests. Throws a UserError if the volume cannot be written to. */
async function editLog(
  change: (log: AgentLog) => AgentLog,
  prefix: string,
  { clock, reporter: { emit } }: Context,
): Promise<void> {
  for (const message of await openDirectories(prefix)) emit({ type: "note", message });
  await withManifestLease(prefix, emit, async () => {
    const text = renderAgentLog(change(readAgentLog(prefix)), clock().getTime());
    await writeAtomically(join(prefix, layout.agentLog), text);
  });
}

import { resolve } from "node:path";
import type { Context } from "../../context.ts";
import { describeError, type ProblemCode } from "../../core/errors.ts";
import type { Manifest } from "../../core/manifest.ts";
import {
  agentLimits,
  chooseRequests,
  judgeRequests,
  type Verdict,
  waiting,
} from "../../core/plan/agent-requests.ts";
import type { Plan, Requirement } from "../../core/plan/plan.ts";
import type { Catalogue } from "../../core/recipe.ts";
import { oddRequests, readRequests } from "../../io/requests.ts";
import { readAgentLog } from "../../io/volume/agent-log-file.ts";

/** What agents ask for in `--requests DIR`, and what this run makes of it. */
export interface AgentRequests {
  /** Absolute. */
  readonly dir: string;
  /** Every request that is there. */
  readonly names: readonly string[];
  readonly verdicts: readonly Verdict[];
  /** The plan without them: what it installs decides the exit status. */
  readonly without: Plan;
}

interface Known {
  readonly prefix: string;
  readonly manifest: Manifest;
  readonly catalogue: Catalogue;
  readonly without: Plan;
  readonly planOf: (requirements: readonly Requirement[]) => Plan;
}

/**
 * Reads the requests and decides about them. Undefined without the option, and for a run that is told what
 * to do by NAMEs. A directory that cannot be used is a warning.
 */
export function loadAgentRequests(
  { prefix, manifest, catalogue, without, planOf }: Known,
  context: Context,
): AgentRequests | undefined {
  const { verb, names: named, requestsDir } = context.options;
  if (requestsDir === undefined || verb !== "install" || named.length > 0) return undefined;
  const dir = resolve(requestsDir);
  const { names, chosen, odd } = readNames(dir, catalogue, context);
  const now = context.clock().getTime();
  const log = readAgentLog(prefix);
  const input = { names: chosen, odd, manifest, catalogue, log, now, planOf };
  return { dir, names, verdicts: judgeRequests(input), without };
}

function readNames(dir: string, catalogue: Catalogue, context: Context) {
  try {
    const { names, isCut, isMissing } = readRequests(dir);
    const chosen = chooseRequests(names, catalogue);
    const odd = chosen.length > 0 ? oddRequests(dir, chosen) : new Map<string, string>();
    if (isMissing) {
      const message = `${dir} does not exist, so no agent can ask for anything`;
      context.reporter.emit({ type: "note", message });
    }
    const left = names.length - chosen.length;
    if (isCut || left > 0) {
      const most = agentLimits.answered;
      sayRequests(`${dir} holds more than ${most} requests; the others have no answer`, context);
    }
    return { names, chosen, odd };
  } catch (cause) {
    const why = notADirectory(cause) ? "it is no directory, or a link" : describeError(cause);
    sayRequests(`cannot read the requests in ${dir}: ${why}`, context);
    return { names: [], chosen: [], odd: new Map<string, string>() };
  }
}

function notADirectory(cause: unknown): boolean {
  return ["ENOTDIR", "ELOOP"].includes((cause as NodeJS.ErrnoException).code ?? "");
}

/** Warns of the directory of requests. */
export function sayRequests(message: string, { reporter }: Context): void {
  reporter.emit({ type: "warning", problem: "E_REQUESTS", message });
}

/** The requirements of what is granted. */
export function grantedRequirements(requests: AgentRequests | undefined): Requirement[] {
  return (requests?.verdicts ?? []).flatMap((it) =>
    it.state === "granted" ? [it.requirement] : [],
  );
}

/** The tools that are granted. */
export function grantedTools(requests: AgentRequests | undefined): string[] {
  return (requests?.verdicts ?? []).flatMap((it) => (it.state === "granted" ? [it.tool] : []));
}

/** Tools that requests added to the plan: their failure is no failure of the run. */
export function optionalTools(requests: AgentRequests | undefined, plan: Plan): Set<string> {
  if (!requests) return new Set();
  const needed = new Set(requests.without.steps.map(({ tool }) => tool));
  return new Set(plan.steps.flatMap(({ tool }) => (needed.has(tool) ? [] : [tool])));
}

/** The same requests where this run can grant nothing new. */
export function postponed(requests: AgentRequests, problem: ProblemCode): AgentRequests {
  const verdicts = requests.verdicts.map((it) =>
    it.state === "granted" && it.isNew ? waiting(it.name, problem) : it,
  );
  return { ...requests, verdicts };
}

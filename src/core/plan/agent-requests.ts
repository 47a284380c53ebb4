import { causeOf, isProblemCode, type ProblemCode } from "../errors.ts";
import type { Manifest } from "../manifest.ts";
import type { Catalogue } from "../recipe.ts";
import { nearestName } from "../search.ts";
import { type AgentLog, countAttempts, isWithin } from "./agent-log.ts";
import type { Plan, Requirement } from "./plan.ts";
import { requestedTools, requirementOf } from "./required-by.ts";

/*
 * Agents' requests: the names of files in a directory that a sandbox can write to. A name that the catalogue
 * knows is granted, as if the operator had written it on the command line; nothing else comes from there.
 */

/** entrypoint/README.md documents them. */
export const agentLimits = {
  /** Requests that are answered; those that the catalogue knows come first. */
  answered: 64,
  /** New tools of one run, in an hour, and in a day. */
  perRun: 5,
  perHour: 10,
  perDay: 30,
  /** Tools that the volume has only because agents asked, and the bytes of their downloads. */
  tools: 50,
  bytes: 4_000_000_000,
  /** An installation that failed is tried again after this long (ms). */
  pause: 10 * 60 * 1000,
} as const;

/** What becomes of a request. */
export type Verdict =
  | {
      readonly name: string;
      readonly state: "granted";
      readonly tool: string;
      /** It is not in the volume by an earlier request: it counts. */
      readonly isNew: boolean;
      readonly requirement: Requirement;
    }
  | {
      readonly name: string;
      /** Waiting: a later run may grant it. */
      readonly state: "refused" | "waiting";
      readonly problem: ProblemCode;
      /** A clause. */
      readonly reason: string;
      /** Full sentences. */
      readonly hint?: string;
    };

export interface AgentRequestsInput {
  /** Valid names of programs, in order. */
  readonly names: readonly string[];
  /** Of those that are not regular files: what they are. */
  readonly odd: ReadonlyMap<string, string>;
  readonly manifest: Manifest;
  /** Without what skills declare. */
  readonly catalogue: Catalogue;
  readonly log: AgentLog;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The plan for these requirements alone. */
  readonly planOf: (requirements: readonly Requirement[]) => Plan;
}

/** The requests that are answered: those that the catalogue knows come first, in the order of names. */
export function chooseRequests(names: readonly string[], catalogue: Catalogue): string[] {
  const isKnown = (name: string): boolean => toolOf(name, catalogue) !== undefined;
  const sorted = [...new Set(names)].sort();
  const known = sorted.filter(isKnown);
  return [...known, ...sorted.filter((name) => !isKnown(name))].slice(0, agentLimits.answered);
}

/** Decides about each request. Pure. */
export function judgeRequests(input: AgentRequestsInput): Verdict[] {
  const counts = countGranted(input);
  return input.names.map((name) => {
    const verdict = judge(name, input, counts);
    if (verdict.state === "granted" && verdict.isNew) {
      counts.bytes += downloadOf(verdict, input);
      counts.run += 1;
      counts.tools.add(verdict.tool);
    }
    return verdict;
  });
}

interface Counts {
  run: number;
  bytes: number;
  /** Tools by earlier requests, and those of this run. */
  readonly tools: Set<string>;
}

function countGranted({ manifest, log }: AgentRequestsInput): Counts {
  const requested = new Set(requestedTools(manifest));
  const tools = new Set(log.granted.filter((tool) => requested.has(tool)));
  const bytes = [...tools].reduce((sum, it) => sum + (manifest.tools[it]?.source.size ?? 0), 0);
  return { run: 0, bytes, tools };
}

function judge(name: string, input: AgentRequestsInput, counts: Counts): Verdict {
  const { odd, manifest, catalogue, log } = input;
  const tool = toolOf(name, catalogue);
  const kind = odd.get(name);
  if (kind !== undefined) {
    return refused(name, "E_REQUEST_REFUSED", `it is ${kind}, and a request is an empty file`);
  }
  if (tool === undefined) return unknown(name, catalogue);
  const request = { tool, name, by: `request ${name}` };
  const requirement = requirementOf(request, manifest.tools, catalogue);
  if (requestedTools(manifest).includes(tool) || counts.tools.has(tool)) {
    return { name, state: "granted", tool, isNew: false, requirement };
  }
  if (log.granted.includes(tool)) {
    return refused(name, "E_REQUEST_REFUSED", `the operator has removed ${tool}`);
  }
  const [unmet] = input.planOf([requirement]).unmet;
  if (unmet) return refused(name, unmet.problem, unmet.reason);
  const verdict = { name, state: "granted", tool, isNew: true, requirement } as const;
  return failedBefore(verdict, input) ?? beyondLimits(verdict, input, counts) ?? verdict;
}

/** The tool of the catalogue that a name means: its name, one of its programs, or an alias. */
function toolOf(name: string, { recipes, providers }: Catalogue): string | undefined {
  return recipes.has(name) ? name : providers.get(name);
}

type Granted = Extract<Verdict, { state: "granted" }>;

function failedBefore({ name, tool }: Granted, { log, now }: AgentRequestsInput) {
  const last = log.attempts.filter((attempt) => attempt.tool === tool).at(-1);
  if (!last || !isWithin(agentLimits.pause, last.at, now)) return undefined;
  const { problem = "" } = last;
  return waiting(name, isProblemCode(problem) ? problem : "E_STOPPED");
}

function beyondLimits(verdict: Granted, input: AgentRequestsInput, counts: Counts) {
  const { name } = verdict;
  const { perRun, perHour, perDay, tools, bytes } = agentLimits;
  const before = countAttempts(input.log, input.now);
  const limit = (what: string): Verdict => waiting(name, "E_REQUEST_LIMIT", what);
  if (counts.tools.size >= tools) {
    return refused(name, "E_REQUEST_LIMIT", `the volume has ${tools} tools that agents asked for`);
  }
  if (counts.bytes + downloadOf(verdict, input) > bytes) {
    const most = `${bytes / 1_000_000_000} GB`;
    return refused(name, "E_REQUEST_LIMIT", `what agents asked for may be ${most} of downloads`);
  }
  if (before.day + counts.run >= perDay) return limit(`at most ${perDay} tools in a day`);
  if (before.hour + counts.run >= perHour) return limit(`at most ${perHour} tools in an hour`);
  return counts.run >= perRun ? limit(`at most ${perRun} tools in one run`) : undefined;
}

/** Bytes that its installation downloads, as far as the recipes say. */
function downloadOf({ requirement }: Granted, { planOf }: AgentRequestsInput): number {
  const sizes = planOf([requirement]).steps.map((step) =>
    step.action === "install" ? (step.size ?? 0) : 0,
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function unknown(name: string, catalogue: Catalogue): Verdict {
  const near = nearestName(name, catalogue);
  const verdict = refused(name, "E_UNKNOWN_NAME", "no tool of the catalogue has this name");
  return near === undefined ? verdict : { ...verdict, hint: `Did you mean ${near}?` };
}

function refused(name: string, problem: ProblemCode, reason: string) {
  return { name, state: "refused", problem, reason } as const;
}

/** Not the error's own message: that may name hosts, which are no business of an agent's. */
export function waiting(name: string, problem: ProblemCode, reason = clause(causeOf(problem))) {
  return { name, state: "waiting", problem, reason } as const;
}

const clause = (sentence: string): string =>
  sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, "");

import type { ProblemCode } from "../errors.ts";
import type { Manifest } from "../manifest.ts";
import { type Verdict, waiting } from "./agent-requests.ts";

/** The answer to a request, after the run. */
export type Answer =
  | {
      readonly name: string;
      readonly state: "granted";
      readonly tool: string;
      readonly version: string;
      readonly programs: readonly string[];
    }
  | Exclude<Verdict, { state: "granted" }>;

/** What came of the verdicts. `problems`: tool to the problem with which its installation ended. */
export function answersOf(
  verdicts: readonly Verdict[],
  { tools }: Manifest,
  problems: ReadonlyMap<string, ProblemCode>,
): Answer[] {
  return verdicts.map((verdict) => {
    if (verdict.state !== "granted") return verdict;
    const { name, tool } = verdict;
    const record = tools[tool];
    const problem = problems.get(tool);
    if (!record || problem) return waiting(name, problem ?? "E_NEED");
    const programs = Object.keys(record.bins).sort();
    return { name, state: "granted", tool, version: record.version, programs };
  });
}

/** How many programs an answer names. */
const mostPrograms = 100;

/**
 * The text beside a request, for agents: its first word is `granted`, `refused` or `waiting`. The same
 * answer has the same text, so that it need not be written again.
 */
export function renderAnswer(answer: Answer, prefix: string): string {
  if (answer.state === "granted") return renderGranted(answer, prefix);
  const { state, reason, problem } = answer;
  const hints = [
    ...("hint" in answer && answer.hint ? [answer.hint] : []),
    state === "waiting"
      ? "It is tried again by itself: leave the request where it is."
      : "Only the operator can change that; this request can be removed.",
  ];
  return [`${state}: ${reason} [${problem}]`, ...hints].map((line) => `${line}\n`).join("");
}

type Granted = Extract<Answer, { state: "granted" }>;

function renderGranted({ tool, version, programs }: Granted, prefix: string): string {
  const shown = programs.slice(0, mostPrograms).join(" ");
  const [first = tool] = programs.includes(tool) ? [tool] : programs;
  return [
    `granted: ${tool} ${version}`,
    `programs: ${shown}`,
    `To call one: sh -lc '${first} --help', or ${prefix}/bin/${first} --help`,
  ]
    .map((line) => `${line}\n`)
    .join("");
}

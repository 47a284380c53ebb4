import * as v from "@badrap/valita";
import { isToolName } from "../names.ts";
import { orNothing } from "../or-nothing.ts";
import { keepingUnknown, matching, text } from "../record-fields.ts";

/*
 * What came of agents' requests, as the volume remembers it: agents cannot write there, so it is where their
 * limits are counted.
 */

const tool = text(isToolName, "is not the name of a tool");

const agentLog = v.object({
  schema: v.literal(1),
  /** Installations that requests led to in the last day, oldest first. */
  attempts: v.array(
    v.object({
      tool,
      /** Milliseconds since 1970. */
      at: v.number(),
      /** The code of the problem that it ended with; a run that was killed leaves `E_STOPPED`. */
      problem: matching(/^E_[A-Z_]{1,40}$/).optional(),
    }),
  ),
  /** Tools that were granted; without those that were removed and requested by name since then. */
  granted: v.array(tool),
});
export type AgentLog = v.Infer<typeof agentLog>;

export const emptyAgentLog: AgentLog = { schema: 1, attempts: [], granted: [] };

const day = 24 * 60 * 60 * 1000;

/** Reads the log; an empty one if the text is not valid. */
export function parseAgentLog(json: string): AgentLog {
  return orNothing(() => agentLog.parse(JSON.parse(json), keepingUnknown)) ?? emptyAgentLog;
}

export function renderAgentLog({ attempts, granted }: AgentLog, now: number): string {
  const recent = attempts.filter(({ at }) => isWithin(day, at, now));
  const sorted = [...new Set(granted)].sort();
  return `${JSON.stringify({ schema: 1, attempts: recent, granted: sorted }, null, 2)}\n`;
}

/** True if a time is that close to now; the clocks of hosts differ, so it may be later. */
export function isWithin(span: number, at: number, now: number): boolean {
  return Math.abs(now - at) < span;
}

/** How many installations requests led to in the last hour and in the last day. */
export function countAttempts({ attempts }: AgentLog, now: number): { hour: number; day: number } {
  const since = (span: number): number =>
    attempts.filter(({ at }) => isWithin(span, at, now)).length;
  return { hour: since(day / 24), day: since(day) };
}

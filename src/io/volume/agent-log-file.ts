import { join } from "node:path";
import { layout } from "../../core/layout.ts";
import { type AgentLog, parseAgentLog } from "../../core/plan/agent-log.ts";
import { readPlain } from "../input.ts";

/** Our logs are smaller (bytes). */
const maxLog = 1024 * 1024;

/** What came of agents' earlier requests; empty if the volume has no valid log. */
export function readAgentLog(prefix: string): AgentLog {
  return parseAgentLog(readPlain(join(prefix, layout.agentLog), maxLog) ?? "");
}

import { join } from "node:path";
import { layout } from "../core/layout.ts";
import { type AgentLog, renderAgentLog } from "../core/plan/agent-log.ts";
import { writeAtomically } from "../io/files.ts";
import { readAgentLog } from "../io/volume/agent-log-file.ts";
import { openDirectories } from "../io/volume/volume.ts";
import type { Emit } from "../report/events.ts";
import { withManifestLease } from "./manifest-lease.ts";

/** Changes the volume's log of agents' requests. Throws a UserError if the volume cannot be written to. */
export async function editAgentLog(
  prefix: string,
  now: Date,
  emit: Emit,
  change: (log: AgentLog) => AgentLog,
): Promise<void> {
  for (const message of await openDirectories(prefix)) emit({ type: "note", message });
  await withManifestLease(prefix, emit, async () => {
    const changed = change(readAgentLog(prefix));
    await writeAtomically(join(prefix, layout.agentLog), renderAgentLog(changed, now.getTime()));
  });
}

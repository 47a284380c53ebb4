import { exitStatus, exitStatusFor } from "../core/errors.ts";
import { nameSome } from "../core/wording.ts";
import type { Failure } from "./events.ts";
import { renderProblemLine } from "./text.ts";

/** How many of the tools with one cause are listed. */
const mostTools = 20;

interface Group {
  readonly first: Failure;
  readonly failures: Failure[];
}

/**
 * The failures, grouped by cause: its message, the affected tools, and what to do next. It is a
 * warning if none of them counts for the exit status.
 */
export function renderFailures(failures: readonly Failure[], isStrict = false): string {
  const codes = failures.map(({ code }) => code);
  const word = exitStatusFor(codes, isStrict) === exitStatus.done ? "warning" : "error";
  return groupFailures(failures)
    .map((group) => `${renderGroup(group, word)}\n`)
    .join("");
}

function groupFailures(failures: readonly Failure[]): Group[] {
  const groups = new Map<string, Group>();
  for (const failure of failures) {
    const { problem, shared, message, hint } = failure;
    const key = JSON.stringify(shared ? [problem, shared.key] : [problem, message, hint]);
    const group = groups.get(key) ?? { first: failure, failures: [] };
    group.failures.push(failure);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function renderGroup({ first, failures }: Group, word: "error" | "warning"): string {
  const tools = failures.map(({ tool, title = tool }) => title).sort();
  const isOne = tools.length === 1;
  const causes = [...new Set(failures.map(({ shared, message }) => shared?.message ?? message))];
  const what = isOne ? first.message : nameSome(causes, 3).replaceAll(", ", "; ");
  const others = isOne ? "" : otherSources(failures);
  return renderProblemLine(word, `${nameSome(tools, mostTools)}: ${what}${others}`, first);
}

/** The errors of the other sources of some of these tools. */
function otherSources(failures: readonly Failure[]): string {
  const also = new Set(failures.flatMap(({ also }) => also ?? []));
  for (const { shared } of failures) also.delete(shared?.message ?? "");
  return also.size === 0 ? "" : `; other sources failed too: ${[...also].slice(0, 3).join("; ")}`;
}

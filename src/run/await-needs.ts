import { UserError } from "../core/errors.ts";
import type { InstallStep } from "../core/plan/plan.ts";
import type { Needs, ToolRun } from "./apply-context.ts";

/** The tools that a source needs; starts the installation of those that only it needs. */
export function needsFor(names: readonly string[], { needs, ready }: ToolRun): Needs {
  return new Map(names.map((name) => [name, needs.get(name) ?? ready(name)]));
}

/** Waits until all are installed. Throws a UserError if one could not be. */
export async function awaitNeeds(step: InstallStep, needs: Needs): Promise<void> {
  const { title = step.tool } = step;
  for (const [need, record] of needs) {
    if (await record) continue;
    throw new UserError("E_NEED", `${title} needs ${need}, which could not be installed`, {
      hint: `Fix ${need} first (see its error).`,
      shared: { key: `needs ${need}`, message: `${need} could not be installed` },
    });
  }
}

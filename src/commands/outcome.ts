import type { Applied } from "../run/apply.ts";
import type { InstallStep, Plan, Step } from "../core/plan.ts";
import { formatBytes, renderTable } from "../report/text.ts";
import type { Survey } from "../run/survey.ts";

/** What a run came to. */
export interface Outcome {
  readonly survey: Survey;
  readonly applied: Applied;
  readonly exitStatus: number;
}

/** The document of `install --json`. */
export function outcomeDocument(
  { survey: seen, applied, ...rest }: Outcome,
  onLoginPath: boolean,
): Record<string, unknown> {
  return {
    schema: 1,
    exitStatus: rest.exitStatus,
    prefix: seen.prefix,
    platform: seen.plan.platform,
    onLoginPath,
    installed: applied.installed.map(({ tool, version, source, bins }) => ({
      tool,
      version,
      source,
      bins: Object.keys(bins),
    })),
    kept: seen.plan.steps.filter(({ action }) => action === "keep").map(({ tool }) => tool),
    failed: applied.failures,
    unmet: seen.plan.unmet,
  };
}

/** The table and the closing line. */
export function renderOutcome({ survey: seen, applied }: Outcome, onLoginPath: boolean): string {
  const { prefix } = seen;
  const tools = Object.values(applied.manifest.tools).sort((a, b) => (a.tool < b.tool ? -1 : 1));
  const rows = tools.map(({ tool, version, bins }) => [
    tool,
    version,
    Object.keys(bins)
      .map((bin) => `${prefix}/bin/${bin}`)
      .join(" "),
  ]);
  const table = rows.length > 0 ? `${renderTable([["TOOL", "VERSION", "PROGRAMS"], ...rows])}\n` : "";
  const fresh = applied.installed.length;
  const failed = applied.failures.length;
  const nothing = fresh + applied.linked + failed === 0;
  const again = applied.linked > 0 ? `, ${applied.linked} linked again` : "";
  const sum = nothing ? "nothing to do" : `${fresh} installed${again}`;
  const bad = failed > 0 ? `, ${failed} failed` : "";
  const unmet = seen.plan.unmet.length > 0 ? `, ${seen.plan.unmet.length} unmet` : "";
  const line = `${sum}${bad}${unmet}; ${rows.length} in ${prefix}\n`;
  const path = onLoginPath
    ? ""
    : `a login shell does not find ${prefix}/bin yet; add this line to its profile, or see README.md for images:\n  export PATH="$PATH:${prefix}/bin"\n`;
  return nothing ? line + path : `\n${table}${line}${path}`;
}

/** The document of `--dry-run --json`. */
export function planDocument({ plan, prefix }: Survey): unknown {
  const steps = plan.steps.map((step) =>
    step.action === "install" ? installDocument(step) : withoutRecord(step),
  );
  return { schema: 1, prefix, platform: plan.platform, steps, unmet: plan.unmet, bins: plan.bins };
}

function installDocument({ recipe, artifacts, ...step }: InstallStep): unknown {
  const sources = artifacts.map((artifact) =>
    artifact.kind === "archive" ? artifact.url : `npm:${artifact.name}@${artifact.version}`,
  );
  return { ...step, recipe: recipe.origin, sources };
}

function withoutRecord(step: Exclude<Step, InstallStep>): unknown {
  if (step.action === "keep") return step;
  const { record, ...rest } = step;
  return { ...rest, dir: record.dir };
}

/** The plan as a table. */
export function renderPlan(plan: Plan): string {
  const rows = plan.steps.map((step) => [
    step.action,
    step.tool,
    step.version,
    step.action === "install" && step.size !== undefined ? formatBytes(step.size) : "",
    step.action === "install" ? `${step.reason}; for ${step.for.join(", ")}` : "",
  ]);
  if (rows.length === 0) return "nothing to do\n";
  return `${renderTable([["ACTION", "TOOL", "VERSION", "DOWNLOAD", "WHY"], ...rows])}\n`;
}

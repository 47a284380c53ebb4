import { sourceName } from "../core/artifact.ts";
import type { InstalledRecord } from "../core/manifest.ts";
import type { InstallStep, Plan, Step } from "../core/plan.ts";
import { formatBytes, renderTable } from "../report/text.ts";
import type { Applied } from "../run/apply.ts";
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

/** What is installed where, the sum, and the line that makes a shell find it. */
export function renderOutcome(outcome: Outcome, onLoginPath: boolean, onPath: boolean): string {
  const { survey, applied } = outcome;
  const tools = Object.values(applied.manifest.tools);
  const done = [
    [applied.installed.length, "installed"],
    [applied.linked, "linked again"],
    [applied.failures.length, "failed"],
    [survey.plan.unmet.length, "unmet"],
  ] as const;
  const parts = done.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const changed = applied.installed.length + applied.linked + applied.failures.length > 0;
  const sum = changed ? parts.join(", ") : ["nothing to do", ...parts].join(", ");
  const line = `${sum}; ${tools.length} in ${survey.prefix}\n`;
  const path = tools.length > 0 ? renderPath(survey.prefix, onLoginPath, onPath) : "";
  return changed ? `\n${renderTools(survey.prefix, tools)}${line}${path}` : line + path;
}

function renderTools(prefix: string, tools: readonly InstalledRecord[]): string {
  if (tools.length === 0) return "";
  const rows = tools.map(({ tool, version, bins }) => {
    const programs = Object.keys(bins).map((bin) => `${prefix}/bin/${bin}`);
    return [tool, version, programs.join(" ")];
  });
  return `${renderTable([["TOOL", "VERSION", "PROGRAMS"], ...rows.sort()])}\n`;
}

/** The line that makes a shell find the programs; empty where it does. */
export function renderPath(prefix: string, onLoginPath: boolean, onPath: boolean): string {
  if (onLoginPath && onPath) return "";
  const line = `  export PATH="$PATH:${prefix}/bin"\n`;
  return onLoginPath
    ? `login shells find them; for the shell you are in:\n${line}`
    : `login shells do not find them yet; add this line to their profile (README.md, "PATH"):\n${line}`;
}

/** The document of `--dry-run --json`. */
export function planDocument({ plan, prefix }: Survey): unknown {
  const steps = plan.steps.map((step) =>
    step.action === "install" ? installDocument(step) : withoutRecord(step),
  );
  return { schema: 1, prefix, platform: plan.platform, steps, unmet: plan.unmet, bins: plan.bins };
}

function installDocument({ recipe, artifacts, seed, ...step }: InstallStep): unknown {
  const sources = artifacts.map(sourceName);
  const copy = seed ? [`seed:${seed.record.dir}`] : [];
  const all = seed?.isFirst ? [...copy, ...sources] : [...sources, ...copy];
  return { ...step, recipe: recipe?.origin ?? seed?.record.recipe, sources: all };
}

function withoutRecord(step: Exclude<Step, InstallStep>): unknown {
  if (step.action === "keep") return step;
  const { record, ...rest } = step;
  return { ...rest, dir: record.dir };
}

function whyInstalled({ reason, for: askers, declared }: InstallStep): string {
  const why = `${reason}; for ${askers.join(", ")}`;
  return declared ? `${why}; declared (untrusted) by ${declared.by}: ${declared.from}` : why;
}

/** The plan as a table. */
export function renderPlan(plan: Plan): string {
  const rows = plan.steps.map((step) => [
    step.action,
    step.tool,
    step.version,
    step.action === "install" && step.size !== undefined ? formatBytes(step.size) : "",
    step.action === "install" ? whyInstalled(step) : "",
  ]);
  if (rows.length === 0) return "nothing to do\n";
  return `${renderTable([["ACTION", "TOOL", "VERSION", "DOWNLOAD", "WHY"], ...rows])}\n`;
}

import { lineOfTool, titleOfTool } from "../core/library-set.ts";
import { countTools, type InstalledRecord } from "../core/manifest.ts";
import { sourceName } from "../core/plan/artifact.ts";
import { titleOfRecord } from "../core/plan/needed-by.ts";
import type { InstallStep, Plan, Step } from "../core/plan/plan.ts";
import { nameSome } from "../core/wording.ts";
import type { LoginShell } from "../io/volume/login-shell.ts";
import { formatBytes, renderTable, titleOf } from "../report/text.ts";
import type { Applied } from "../run/apply.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import type { Answered } from "./agents.ts";
import { catalogueDocument } from "./named-catalogue.ts";

/** How many names are in the last line. */
const mostNames = 20;

/** The result of a run. */
export interface Summary {
  readonly state: InstalledState;
  readonly applied: Applied;
  readonly exitStatus: number;
  /** The answers to agents' requests; absent where there may be none. */
  readonly answered: Answered | undefined;
}

/** The document of `install --json`. */
export function summaryDocument(
  { state, applied, ...rest }: Summary,
  loginShell: LoginShell,
): object {
  return {
    exitStatus: rest.exitStatus,
    prefix: state.prefix,
    platform: state.plan.platform,
    catalogue: catalogueDocument(state),
    onLoginPath: loginShell.missing.length === 0,
    shadowed: loginShell.shadowed,
    installed: applied.installed.map(({ tool, version, source, bins }) => ({
      tool,
      version,
      source,
      bins: Object.keys(bins),
    })),
    kept: state.plan.steps.filter(({ action }) => action === "keep").map(({ tool }) => tool),
    failed: applied.failures,
    fallbacks: applied.fallbacks,
    unmet: state.plan.unmet,
    requests: rest.answered?.answers,
  };
}

/**
 * What was installed and where, the PATH line for the shell, and the totals. `path`: the PATH of the current shell.
 * A watcher, which starts with each start of a gateway, tells of login shells only where something was installed.
 */
export function renderSummary(
  summary: Summary,
  loginShell: LoginShell,
  { path, isWatched }: { readonly path: string | undefined; readonly isWatched: boolean },
): string {
  const { state, applied } = summary;
  const { prefix } = state;
  const count = countTools(applied.manifest);
  const changed = [...applied.installed, ...applied.linked];
  const table = changed.length > 0 ? `\n${renderTools(prefix, changed)}` : "";
  const isDue = count > 0 && !(isWatched && changed.length === 0);
  const line = isDue ? renderPath(prefix, loginShell, path) : "";
  return `${table}${line}${renderSum(summary)}\n`;
}

/**
 * The last line: the totals, and the names of tools that failed or are unmet; with `named` also of
 * those that were installed, and of requests that were answered, for a line that stands alone.
 */
export function renderSum({ state, applied, answered }: Summary, named = false): string {
  const { installed, linked, failures, manifest } = applied;
  const { unmet } = state.plan;
  const { repaired } = state.inspection;
  const tried = installed.length + failures.length;
  const parts = [
    ...(tried > 0
      ? [
          `${installed.length}${failures.length > 0 ? ` of ${tried}` : ""} installed${
            named && installed.length > 0 ? ` (${nameSome(installed.map(nameOf), mostNames)})` : ""
          }`,
        ]
      : []),
    ...(linked.length > 0 ? [`${linked.length} linked again`] : []),
    ...(repaired.size > 0
      ? [`modes of ${nameSome([...repaired].sort().map(titleOfTool), mostNames)} restored`]
      : []),
  ];
  const failed = failures.map(({ tool, title = tool }) => title).sort();
  const names = [
    ...(failed.length > 0 ? [`failed: ${nameSome(failed, mostNames)}`] : []),
    ...(unmet.length > 0
      ? [
          `unmet: ${nameSome(
            unmet.map(({ bin }) => bin),
            mostNames,
          )}`,
        ]
      : []),
  ];
  const news = (answered?.answers ?? []).filter(({ name }) => answered?.changed.includes(name));
  if (named && news.length > 0) {
    const said = news.map(({ name, state }) => `${name} ${state}`);
    names.push(`requests: ${nameSome(said, mostNames)}`);
  }
  const total = `${countTools(manifest)} in ${state.prefix}`;
  const done = parts.length > 0 ? parts.join(", ") : "nothing to do";
  return [done, ...(failed.length > 0 ? [] : [total]), ...names].join("; ");
}

function nameOf(record: InstalledRecord): string {
  return titleOf({ ...record, title: titleOfRecord(record) });
}

function renderTools(prefix: string, tools: readonly InstalledRecord[]): string {
  const rows = tools.map((record) => {
    const { tool, version, bins, libraries } = record;
    if (libraries) return [nameOf(record), "", nameSome(libraries.names, 3)];
    const programs = Object.keys(bins).map((bin) => `${prefix}/bin/${bin}`);
    return [tool, version, nameSome(programs, 3)];
  });
  return `${renderTable([["TOOL", "VERSION", "PROGRAMS"], ...rows.sort()])}\n`;
}

/** What makes a shell find the programs; empty if it does already. `path`: the PATH of the current one. */
export function renderPath(prefix: string, loginShell: LoginShell, path = ""): string {
  const { missing, shadowed } = loginShell;
  const bin = `${prefix}/bin`.replace(/[\\"$`]/g, "\\$&");
  const isShadowed = Object.keys(shadowed).length > 0;
  const line = `  export PATH="${isShadowed ? `${bin}:$PATH` : `$PATH:${bin}`}"\n`;
  const first = isShadowed ? `${renderShadowed(prefix, loginShell)}\n` : "";
  if (missing.length > 0) {
    return `${first}login shells do not find ${nameSome(missing)} yet; add this line to your profile (entrypoint/README.md, "PATH"):\n${line}`;
  }
  if (path.split(":").includes(`${prefix}/bin`)) return first;
  return isShadowed
    ? `${first}in the current shell, run:\n${line}`
    : `login shells find them; in the current shell, run:\n${line}`;
}

/**
 * One line for all programs that login shells find elsewhere first, and how to put the volume
 * first.
 */
export function renderShadowed(prefix: string, { shadowed }: LoginShell): string {
  const names = Object.entries(shadowed).map(([name, path]) => `${name} (${path})`);
  return `login shells find another program first: ${nameSome(names)}; put ${prefix}/bin first in PATH (docker.env.PATH, or tools.exec.pathPrepend: ["${prefix}/bin"])`;
}

/** The document of `--dry-run --json`. */
export function planDocument(seen: InstalledState): object {
  const { plan, prefix } = seen;
  const steps = plan.steps.map((step) =>
    step.action === "install" ? installDocument(step) : withoutRecord(step),
  );
  const catalogue = catalogueDocument(seen);
  const { platform, unmet, bins } = plan;
  return { prefix, platform, catalogue, steps, unmet, bins };
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

function whyInstalled({ reason, for: requiredBy, declared }: InstallStep): string {
  const why = `${reason}; for ${requiredBy.join(", ")}`;
  return declared ? `${why}; declared (untrusted) by ${declared.by}: ${declared.from}` : why;
}

function titleOfSetIn({ tool, ...step }: Step): string {
  return (step.action === "install" ? step.title : undefined) ?? titleOfTool(tool);
}

/** The plan as a table. */
export function renderPlan(plan: Plan): string {
  const rows = plan.steps.map((step) => [
    step.action,
    titleOfSetIn(step),
    lineOfTool(step.tool) === undefined ? step.version : "",
    step.action === "install" && step.size !== undefined ? formatBytes(step.size) : "",
    step.action === "install" ? whyInstalled(step) : "",
  ]);
  if (rows.length === 0) return "nothing to do\n";
  return `${renderTable([["ACTION", "TOOL", "VERSION", "DOWNLOAD", "WHY"], ...rows])}\n`;
}

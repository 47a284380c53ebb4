import type { Context } from "../context.ts";
import { exitStatus } from "../core/errors.ts";
import { commandName, layout } from "../core/layout.ts";
import { titleOfTool } from "../core/library-set.ts";
import type { Manifest } from "../core/manifest.ts";
import { behindOf } from "../core/plan/behind.ts";
import { damagedCatalogues } from "../io/volume/catalogues.ts";
import { commandLinks } from "../io/volume/command-links.ts";
import { unmanagedInBin } from "../io/volume/inspect.ts";
import { libraryLink } from "../io/volume/library-links.ts";
import { isProfileOurs, type LoginShell } from "../io/volume/login-shell.ts";
import { isPolicyProgramOurs } from "../io/volume/policy-program.ts";
import { renderDocument } from "../report/text.ts";
import { type InstalledState, loadState } from "../run/inputs/state.ts";
import { findDisabledSkills } from "./disabled-skills.ts";
import { type Diagnosis, type Finding, type Missing, renderDiagnosis } from "./doctor-text.ts";
import { inspectLoginShell, readLastRun } from "./finalize.ts";
import { install } from "./install.ts";
import { catalogueDocument } from "./named-catalogue.ts";
import { newerCommand, olderThanVolumes } from "./own-command.ts";
import { renderShadowed } from "./summary.ts";

const repair = "openclaw-install-skill-deps doctor --repair reinstalls it.";

/**
 * `doctor`: which requirements are installed and intact, which are not and why, what login shells
 * find, and the last run's result. `--deep` hashes every file of every tree. `--repair` first
 * installs what is missing, reinstalls what is damaged, and rebuilds an unusable manifest. Ends
 * with `integrity` while a requirement is missing or anything is damaged.
 */
export async function doctor(context: Context): Promise<number> {
  const { options } = context;
  if (options.repair) {
    const json = options.json === "events" ? options.json : false; // doctor has its own document
    await install({ ...context, options: { ...options, json, names: [] } });
  }
  const judge = { ...context, options: { ...options, repair: false, names: [] } };
  const state = await loadState(judge);
  const diagnosis = await diagnose(state, judge);
  const text =
    options.json === false ? renderDiagnosis(state, diagnosis) : renderDocument(diagnosis);
  context.stdout.write(text);
  return diagnosis.exitStatus;
}

async function diagnose(state: InstalledState, context: Context): Promise<Diagnosis> {
  const { prefix, manifest, plan, brokenManifest } = state;
  const loginShell = await inspectLoginShell(state, manifest, context);
  const findings = await examine(state, loginShell, context);
  const lastRun = await readLastRun(prefix);
  const missing = missingOf(state, lastRun);
  const catalogues = damagedCatalogues(prefix, manifest).map((spec) =>
    damagedCatalogue(spec, state),
  );
  findings.push(...catalogues);
  const isDamaged =
    findings.some(({ tool }) => tool !== undefined) || catalogues.length > 0 || brokenManifest;
  return {
    prefix,
    platform: plan.platform,
    catalogue: catalogueDocument(state),
    deep: context.options.deep,
    tools: Object.keys(manifest.tools).filter((tool) => tool !== commandName),
    missing,
    findings,
    older: behindOf(state.plan),
    disabled: findDisabledSkills(state, context),
    loginShell,
    lastRun,
    exitStatus: missing.length > 0 || isDamaged ? exitStatus.integrity : exitStatus.done,
  };
}

function damagedCatalogue(spec: string, { named }: InstalledState): Finding {
  const hint =
    spec === named?.called
      ? "openclaw-install-skill-deps doctor --repair fetches it again."
      : `Run openclaw-install-skill-deps --catalogue ${spec}, or gc if nothing uses it.`;
  return { message: `the catalogue ${spec} is missing or damaged in the volume`, hint };
}

function missingOf({ plan }: InstalledState, lastRun: unknown): Missing[] {
  const { failed } = (lastRun ?? {}) as { failed?: unknown };
  const failures = (Array.isArray(failed) ? failed : []) as {
    tool?: string;
    message?: string;
    shared?: { message?: string };
  }[];
  const reasonFor = (tool: string): string => {
    const failure = failures.find((it) => it?.tool === tool);
    const reason = failure?.shared?.message ?? failure?.message;
    return typeof reason === "string" ? reason : "not installed yet";
  };
  const installable = plan.steps.flatMap((step) =>
    step.action === "install" && step.reason === "missing"
      ? [{ name: titleOfTool(step.tool), for: step.for, reason: reasonFor(step.tool) }]
      : [],
  );
  const unmet = plan.unmet.map(({ bin, for: requiredBy, reason }) => {
    return { name: bin, for: [...new Set(requiredBy)], reason };
  });
  return [...installable, ...unmet].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function examine(
  { prefix, manifest, inspection }: InstalledState,
  loginShell: LoginShell,
  context: Context,
): Promise<Finding[]> {
  const damaged = [...inspection.damaged].map(([tool, damage]): Finding => {
    return { tool, message: `${manifest.tools[tool]?.dir}: ${damage}`, hint: repair };
  });
  const unlinked = [...inspection.unlinked].map((tool): Finding => {
    const paths = linksOf(tool, manifest).join(", ");
    return {
      tool,
      message: `${paths}: not our link or launcher (missing or replaced)`,
      hint: repair,
    };
  });
  const unmanaged = (await unmanagedInBin(prefix, manifest)).map((name): Finding => {
    const message = `bin/${name} was not created by this command`;
    return { message, hint: "Remove it, unless it is yours." };
  });
  return [
    ...damaged,
    ...unlinked,
    ...unmanaged,
    ...(await oldScripts(prefix, context)),
    ...olderCommand(prefix, manifest, context),
    ...shellFindings(prefix, loginShell),
  ];
}

/** The paths of a tool that are not its links. */
function linksOf(tool: string, { tools }: Manifest): string[] {
  const record = tools[tool];
  const link = record && libraryLink(record);
  return [
    ...Object.keys(record?.bins ?? {}).map(layout.binPath),
    ...(tool === commandName ? commandLinks : []),
    ...(link === undefined ? [] : [link]),
  ];
}

async function oldScripts(prefix: string, { packageDir }: Context): Promise<Finding[]> {
  const scripts = [
    ...((await isProfileOurs(prefix, packageDir)) ? [] : [layout.profile]),
    ...((await isPolicyProgramOurs(prefix)) ? [] : [layout.policyProgram]),
  ];
  return scripts.map((script) => ({
    message: `${script} was not written by this version of the command for ${prefix}`,
    hint: "The next run of openclaw-install-skill-deps install rewrites it.",
  }));
}

function olderCommand(prefix: string, manifest: Manifest, context: Context): Finding[] {
  const newer = newerCommand(manifest, context);
  if (newer === undefined) return [];
  const hint = `Update this one, or run ${prefix}/bin/${commandName}.`;
  return [{ message: olderThanVolumes(newer, context), hint }];
}

function shellFindings(prefix: string, loginShell: LoginShell): Finding[] {
  const messages = [
    ...(loginShell.missing.length > 0 ? [`login shells do not find ${prefix}/bin`] : []),
    ...(Object.keys(loginShell.shadowed).length > 0 ? [renderShadowed(prefix, loginShell)] : []),
  ];
  return messages.map((message) => ({ message, hint: 'See entrypoint/README.md, "PATH".' }));
}

import { dirname, join } from "node:path";
import type { Context } from "../context.ts";
import { sha256Hex } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { renderLauncher } from "../core/launcher.ts";
import { layout } from "../core/layout.ts";
import type { InstalledBin, Manifest } from "../core/manifest.ts";
import { platformId } from "../core/platform.ts";
import { asUserError } from "../core/system-error.ts";
import { orNothing, statIfExists, tolerate, writeAtomically } from "../io/files.ts";
import { recordFreshness } from "../io/freshness/record.ts";
import { readPlain, tryRead } from "../io/input.ts";
import {
  type Asking,
  checkLoginShell,
  type LoginShell,
  writeProfile,
} from "../io/volume/login-shell.ts";
import { removeStaleFiles } from "../io/volume/stale-files.ts";
import { tryTimes } from "../io/volume/stamps.ts";
import { openDirectory } from "../io/volume/volume.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import { mayLeaveRecord } from "./freshness-words.ts";
import { renderSum, type Summary, summaryDocument } from "./summary.ts";

/** Size limit: other users can write here (bytes). */
const maxLastRun = 4 * 1024 * 1024;

/**
 * What follows the work: stale files are removed, shells are told, word is left in the volume
 * (OpenClaw throws a successful setup's output away), and the steady state is recorded. Returns
 * what a login shell finds. Nothing here can spoil what was installed, so a volume
 * that cannot be written to is no error.
 */
export async function finalize(summary: Summary, context: Context): Promise<LoginShell> {
  const { warnings } = context.reporter;
  const { survey, applied } = summary;
  const { prefix } = survey;
  const native = platformId(survey.platform) === platformId(context.machine);
  const changed = applied.installed.length + applied.linked.length + applied.failures.length > 0;
  const { manifest } = applied;
  await removeStaleFiles(prefix, manifest);
  if (native && (await tolerate(statIfExists(prefix)))?.isDirectory()) {
    await writeProfileOrWarn(prefix, context);
  }
  const loginShell = inspectLoginShell(survey, manifest, context); // meanwhile
  if (changed || warnings.length > 0) {
    await tolerate(writeLastRun(summary, await loginShell, context, warnings));
  }
  if (applied.failures.length === 0) await recordView(summary, context);
  return await loginShell;
}

/**
 * What a login shell makes of the volume's programs. That it finds another program first matters only
 * for one that is asked for and that the other one does not stand for.
 */
export async function inspectLoginShell(
  { prefix, platform, plan, onPath, requirements }: InstalledState,
  { tools }: Manifest,
  context: Context,
): Promise<LoginShell> {
  const { machine, options, env } = context;
  if (platformId(platform) !== platformId(machine)) return { missing: [], shadowed: {} };
  const names = Object.values(tools).flatMap(({ bins }) => Object.keys(bins));
  const found = await checkLoginShell(prefix, names, env, asking(context));
  const byName = new Set(requirements.flatMap(({ inVolume, bins }) => (inVolume ? bins : [])));
  const isAsked = (bin: string): boolean => {
    const state = plan.bins[bin];
    if (state === undefined || state.state === "unmet" || state.tool === undefined) return false;
    return byName.has(bin) || options.ignoreSystem || !onPath.has(bin);
  };
  const shadowed = Object.entries(found.shadowed).filter(([bin]) => isAsked(bin));
  return { ...found, shadowed: Object.fromEntries(shadowed) };
}

/** That no login shell can be asked is worth a word; what was to be done is done. */
export function asking({ signal, reporter }: Context): Asking {
  return {
    signal,
    cannotAsk({ problem, message, hint }) {
      const warning = `not checked whether login shells find the programs: ${message}`;
      reporter.emit({ type: "warning", problem, message: warning, hint });
    },
  };
}

/** Something in the way of the script is worth a word; a volume that is not ours to write to is not. */
async function writeProfileOrWarn(
  prefix: string,
  { env, packageDir, reporter }: Context,
): Promise<void> {
  try {
    await writeProfile(prefix, env, packageDir);
  } catch (thrown) {
    const error = asUserError(thrown);
    if (!(error instanceof UserError)) throw error;
    if (error.kind === "unmet" || error.kind === "permission") return;
    const { problem, message, hint } = error;
    reporter.emit({ type: "warning", problem, message, hint });
  }
}

async function writeLastRun(
  outcome: Summary,
  loginShell: LoginShell,
  context: Context,
  warnings: readonly string[],
): Promise<void> {
  const { prefix } = outcome.survey;
  const text = `${JSON.stringify(
    {
      ...summaryDocument(outcome, loginShell),
      summary: renderSum(outcome),
      version: context.version,
      at: context.clock().toISOString(),
      warnings,
    },
    null,
    2,
  )}\n`;
  for (const dir of ["share", layout.share]) {
    await openDirectory(prefix, dir);
  }
  await writeAtomically(join(prefix, layout.lastRun), text, { durable: false });
}

/** The last run's document; undefined where there is none that can be read. */
export async function readLastRun(prefix: string): Promise<unknown> {
  return orNothing(() => JSON.parse(readPlain(join(prefix, layout.lastRun), maxLastRun) ?? ""));
}

/** Lets the sh entrypoint answer alone the next time, where it asked this run to. */
async function recordView(summary: Summary, context: Context): Promise<void> {
  const { survey, applied } = summary;
  const tools = Object.values(applied.manifest.tools);
  const view = context.env.OPENCLAW_SKILL_DEPS_VIEW;
  if (!view || !mayLeaveRecord(context.options) || !survey.isRecordable) return;
  const installed = new Set(applied.installed.map(({ tool }) => tool));
  // One that nothing asks for may stay damaged.
  const whole = tools.filter(
    ({ tool }) => installed.has(tool) || !survey.inspection.damaged.has(tool),
  );
  const unmet = new Set(survey.plan.unmet.map(({ bin }) => bin));
  // What --ignore-system does not count may be there all the same; a sandbox looks for itself.
  const isSatisfied = (bins: readonly string[]): boolean =>
    !bins.some((bin) => unmet.has(bin) && !survey.onPath.has(bin));
  const system = Object.entries(survey.plan.bins).flatMap(([bin, state]) =>
    state.state === "present" && state.tool === undefined ? [bin] : [],
  );
  await recordFreshness({
    prefix: survey.prefix,
    entrypoint: join(context.packageDir, "entrypoint", "openclaw-install-skill-deps"),
    path: context.env.PATH ?? "",
    view,
    roots: survey.roots,
    inputs: [...survey.inputs, ...(await declaredInput(summary, context))],
    absent: survey.absent,
    directories: [...survey.directories],
    programs: tools.flatMap(({ bins }) =>
      Object.entries(bins).flatMap(([name, bin]) => programsOf(name, bin)),
    ),
    timesProve: await tryTimes(survey.prefix),
    trees: [layout.bin, dirname(layout.profile), ...whole.map(({ dir }) => dir)],
    system,
    satisfied: (survey.selected ?? applied.manifest.skills)
      .filter(({ bins, anyBins }) => isSatisfied(bins) && isSatisfied(anyBins))
      .map(({ sha256 }) => sha256),
    unmet: survey.plan.unmet.map(({ bin, reason, problem }) => `${bin}: ${reason} [${problem}]`),
  });
}

/** What skills' declarations led to decides where these are allowed; read anew, for it may be new. */
async function declaredInput({ survey: { prefix } }: Summary, { options }: Context) {
  const path = join(prefix, layout.declared);
  const bytes = options.allowDeclared ? tryRead(path).bytes : undefined;
  return bytes ? [{ path, sha256: sha256Hex(bytes), skill: false }] : [];
}

/** `bin/NAME` is the program by its link, or a launcher beside the program that it starts. */
function programsOf(name: string, bin: InstalledBin): { path: string; size: number }[] {
  const { path, size, runtime, program } = bin;
  const started = program ? [program] : [];
  if (runtime === undefined) return [{ path: layout.binPath(name), size }, ...started];
  const launcher = Buffer.byteLength(renderLauncher({ ...bin, runtime }));
  return [{ path: layout.binPath(name), size: launcher }, { path, size }, ...started];
}

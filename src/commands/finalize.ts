import { join } from "node:path";
import { type Context, isNative } from "../context.ts";
import { UserError } from "../core/errors.ts";
import { commandName, layout } from "../core/layout.ts";
import type { InstalledRecord, Manifest } from "../core/manifest.ts";
import { asUserError } from "../core/system-error.ts";
import { isDirectory, orNothing, tolerate, writeAtomically } from "../io/files.ts";
import { readPlain } from "../io/input.ts";
import { knownLoginShell } from "../io/volume/known-login-shell.ts";
import { writeDigestedTexts } from "../io/volume/library-links.ts";
import {
  type Asking,
  checkLoginShell,
  type LoginShell,
  writeProfile,
} from "../io/volume/login-shell.ts";
import { writePolicyProgram } from "../io/volume/policy-program.ts";
import { removeStaleFiles } from "../io/volume/stale-files.ts";
import { writeUvWheels } from "../io/volume/uv-wheels.ts";
import { isFilledElsewhere, openShare } from "../io/volume/volume.ts";
import { warningOf } from "../report/events.ts";
import { renderDocument } from "../report/text.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import { notifySessions } from "./notify.ts";
import { recordView } from "./record-view.ts";
import { renderSum, type Summary, summaryDocument } from "./summary.ts";

/** Size limit: other users can write here (bytes). */
const maxLastRun = 4 * 1024 * 1024;

/**
 * The end of a run: removes stale files, updates the login-shell script, tells running sessions, stores
 * a report in the volume (OpenClaw discards the output of a successful setup), and records freshness.
 * Returns what a login shell finds. Nothing here can damage what was installed, so a read-only volume
 * is no error.
 */
export async function finalize(summary: Summary, context: Context): Promise<LoginShell> {
  const { state, applied } = summary;
  const { prefix } = state;
  const changed = applied.installed.length + applied.linked.length + applied.failures.length > 0;
  const { manifest } = applied;
  await removeStaleFiles(prefix, manifest);
  if (isNative(context) && (await tolerate(() => isDirectory(prefix)))) {
    await writeFilesOrWarn(prefix, Object.values(manifest.tools), state, context);
  }
  const loginShell = inspectLoginShell(state, manifest, context, knownLoginShell); // in the background
  const { failures } = applied;
  const notified = await notifySessions(context, { state, failures, changed });
  const report = async (): Promise<void> => {
    if (!changed && context.reporter.warnings.length === 0) return;
    await tolerate(writeLastRun(summary, await loginShell, context));
  };
  await Promise.all([report(), recordView(summary, context, notified)]);
  return await loginShell;
}

/**
 * How a login shell resolves the volume's programs. A different program found first matters only if
 * it is required and does not satisfy the requirement itself. `check`: asks a shell, unless it knows.
 */
export async function inspectLoginShell(
  { prefix, plan, onPath, requirements }: InstalledState,
  { tools }: Manifest,
  context: Context,
  check = checkLoginShell,
): Promise<LoginShell> {
  const { options, env } = context;
  if (!isNative(context)) return { missing: [], shadowed: {} };
  const programs = Object.values(tools).flatMap(({ bins }) => Object.keys(bins));
  const names = programs.filter((name) => name !== commandName);
  const found = await check(prefix, names, env, asking(context));
  const byName = new Set(requirements.flatMap(({ inVolume, bins }) => (inVolume ? bins : [])));
  const isAsked = (bin: string): boolean => {
    const state = plan.bins[bin];
    if (state === undefined || state.state === "unmet" || state.tool === undefined) return false;
    return byName.has(bin) || options.ignoreSystem || !onPath.has(bin);
  };
  const shadowed = Object.entries(found.shadowed).filter(([bin]) => isAsked(bin));
  return { ...found, shadowed: Object.fromEntries(shadowed) };
}

/** A login shell that cannot be started is only a warning, because the run's work is done. */
export function asking({ signal, reporter }: Context): Asking {
  return {
    signal,
    cannotAsk(error) {
      const said = `could not check whether login shells find the programs: ${error.message}`;
      reporter.emit(warningOf(error, said));
    },
  };
}

/** A file in the way of one of ours is a warning; a volume that this user cannot write to is not. */
async function writeFilesOrWarn(
  prefix: string,
  records: readonly InstalledRecord[],
  { libraries }: Pick<InstalledState, "libraries">,
  { env, packageDir, reporter, gid }: Context,
): Promise<void> {
  try {
    await writeProfile(prefix, env, packageDir);
    await writePolicyProgram(prefix, gid);
    await writeUvWheels(prefix, records);
    const sets = libraries.flatMap((skill) => skill.sets);
    await writeDigestedTexts(prefix, records, sets);
  } catch (thrown) {
    const error = asUserError(thrown);
    if (!(error instanceof UserError)) throw error;
    if (!isFilledElsewhere(error)) reporter.emit(warningOf(error));
  }
}

async function writeLastRun(
  summary: Summary,
  loginShell: LoginShell,
  { version, clock, reporter }: Context,
): Promise<void> {
  const { prefix } = summary.state;
  const text = renderDocument({
    ...summaryDocument(summary, loginShell),
    summary: renderSum(summary),
    version,
    at: clock().toISOString(),
    warnings: reporter.warnings,
  });
  await openShare(prefix);
  await writeAtomically(join(prefix, layout.lastRun), text, { durable: false });
}

/** The last run's document; undefined if none can be read. */
export async function readLastRun(prefix: string): Promise<unknown> {
  return orNothing(() => JSON.parse(readPlain(join(prefix, layout.lastRun), maxLastRun) ?? ""));
}

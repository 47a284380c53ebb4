import { dirname, join } from "node:path";
import { type Context, isNative } from "../context.ts";
import { sha256Hex } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { renderLauncher } from "../core/launcher.ts";
import { commandName, layout } from "../core/layout.ts";
import type { InstalledBin, InstalledRecord, Manifest } from "../core/manifest.ts";
import { isOfServer } from "../core/skills/mcp.ts";
import { asUserError } from "../core/system-error.ts";
import { orNothing, statIfExists, tolerate, writeAtomically } from "../io/files.ts";
import { recordFreshness } from "../io/freshness/record.ts";
import { readPlain, tryRead } from "../io/input.ts";
import { linkedModules } from "../io/volume/command-links.ts";
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
import { tryTimes } from "../io/volume/stamps.ts";
import { writeUvWheels } from "../io/volume/uv-wheels.ts";
import { openDirectory } from "../io/volume/volume.ts";
import { optionalTools } from "../run/inputs/agent-requests.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import { mayLeaveRecord, nextView } from "./freshness-words.ts";
import { hashOfStatus, type Notified, notifySessions } from "./notify.ts";
import { viewsOfCommand } from "./own-command.ts";
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
  const { warnings } = context.reporter;
  const { survey, applied } = summary;
  const { prefix } = survey;
  const changed = applied.installed.length + applied.linked.length + applied.failures.length > 0;
  const { manifest } = applied;
  await removeStaleFiles(prefix, manifest);
  if (isNative(context) && (await tolerate(statIfExists(prefix)))?.isDirectory()) {
    await writeFilesOrWarn(prefix, Object.values(manifest.tools), survey, context);
  }
  const loginShell = inspectLoginShell(survey, manifest, context, knownLoginShell); // in the background
  const { failures } = applied;
  const notified = await notifySessions(context, { state: survey, failures, changed });
  if (changed || warnings.length > 0) {
    await tolerate(writeLastRun(summary, await loginShell, context, warnings));
  }
  await recordView(summary, context, notified);
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
    cannotAsk({ problem, message, hint }) {
      const warning = `could not check whether login shells find the programs: ${message}`;
      reporter.emit({ type: "warning", problem, message: warning, hint });
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

/** The last run's document; undefined if none can be read. */
export async function readLastRun(prefix: string): Promise<unknown> {
  return orNothing(() => JSON.parse(readPlain(join(prefix, layout.lastRun), maxLastRun) ?? ""));
}

/** Lets the sh entrypoint answer the next run by itself, if it passed a view. */
async function recordView(
  summary: Summary,
  context: Context,
  { madeRoot, entry }: Notified,
): Promise<void> {
  const { survey, applied, answered } = summary;
  const { agents, plan } = survey;
  const isWaiting = (answered?.answers ?? []).some(({ state }) => state === "waiting");
  const tools = Object.values(applied.manifest.tools);
  const view = nextView(context, madeRoot);
  if (!view || !mayLeaveRecord(context.options) || !survey.watched.isRecordable) return;
  const { command } = applied;
  const written = [...applied.installed, ...(command ? [command] : [])];
  const installed = new Set(written.map(({ tool }) => tool));
  // A tool that nothing requires may stay damaged.
  const whole = tools.filter(
    ({ tool }) => installed.has(tool) || !survey.inspection.damaged.has(tool),
  );
  const unmet = new Set(survey.plan.unmet.map(({ bin }) => bin));
  // A program that --ignore-system ignores may exist all the same; a sandbox checks for itself.
  const isSatisfied = (bins: readonly string[]): boolean =>
    !bins.some((bin) => unmet.has(bin) && !survey.onPath.has(bin));
  const system = Object.entries(survey.plan.bins).flatMap(([bin, state]) =>
    state.state === "present" && state.tool === undefined ? [bin] : [],
  );
  const inputs = [...survey.watched.inputs, ...(await declaredInput(summary, context))].map(
    (input) => (input.path === entry?.path ? { ...input, sha256: entry.sha256 } : input),
  );
  await recordFreshness({
    prefix: survey.prefix,
    entrypoint: join(context.packageDir, "entrypoint", "openclaw-install-skill-deps"),
    path: context.env.PATH ?? "",
    view,
    others: viewsOfCommand(view, inputs, summary, context),
    ...survey.watched,
    inputs,
    ...catalogueFact(survey, context),
    ...(agents && { requests: { dir: agents.dir, names: agents.names, isWaiting } }),
    isForWatch:
      context.options.json === "events" ||
      survey.named?.failure !== undefined ||
      applied.failures.some(({ tool }) => !optionalTools(agents, plan).has(tool)),
    programs: [
      ...tools.flatMap(({ bins }) =>
        Object.entries(bins).flatMap(([name, bin]) => programsOf(name, bin)),
      ),
      ...linkedModules(survey.prefix),
    ],
    timesProve: await tryTimes(survey.prefix),
    trees: [
      layout.bin,
      dirname(layout.policyProgram),
      layout.libraries,
      layout.uvWheels,
      ...whole.map(({ dir }) => dir),
    ],
    system,
    satisfied: (survey.selected ?? applied.manifest.skills)
      .filter(
        (skill) => !isOfServer(skill) && isSatisfied(skill.bins) && isSatisfied(skill.anyBins),
      )
      .map(({ sha256 }) => sha256),
    status: hashOfStatus(context),
    unmet: survey.plan.unmet.map(({ bin, reason, problem }) => `${bin}: ${reason} [${problem}]`),
  });
}

/** The words are those of the variables, by which other containers name the same catalogue. */
function catalogueFact({ named }: InstalledState, { options }: Context) {
  const { catalogue = "", catalogueKey = "" } = options;
  const sha256 = named?.catalogue?.sha256;
  return sha256 === undefined
    ? {}
    : { catalogue: { sha256, words: `${catalogue} ${catalogueKey}` } };
}

/** If declarations are allowed, their record is an input; read again, because it may be new. */
async function declaredInput({ survey: { prefix } }: Summary, { options }: Context) {
  const path = join(prefix, layout.declared);
  const bytes = options.allowDeclared || options.allowLibraries ? tryRead(path).bytes : undefined;
  return bytes ? [{ path, sha256: sha256Hex(bytes), skill: false }] : [];
}

/** `bin/NAME` is a link to the program, or a launcher and the program that it starts. */
function programsOf(name: string, bin: InstalledBin): { path: string; size: number }[] {
  const { path, size, runtime, program } = bin;
  const started = program ? [program] : [];
  if (runtime === undefined) return [{ path: layout.binPath(name), size }, ...started];
  const launcher = Buffer.byteLength(renderLauncher({ ...bin, runtime }));
  return [{ path: layout.binPath(name), size: launcher }, { path, size }, ...started];
}

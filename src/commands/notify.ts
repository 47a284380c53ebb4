import { dirname, join, resolve } from "node:path";
import { type Context, isNative } from "../context.ts";
import { sha256Hex } from "../core/digest.ts";
import { causeOf, describeError, UserError } from "../core/errors.ts";
import { availabilityOf } from "../core/plan/availability.ts";
import { stateDir } from "../core/skills/config.ts";
import {
  keyInStatus,
  keyOfStatus,
  renderStatusSkill,
  type StatusFacts,
} from "../core/status-skill.ts";
import { isThere, orNothing } from "../io/files.ts";
import type { ReadFile } from "../io/input.ts";
import { renewStatusEntry } from "../io/status-entry.ts";
import { readStatusSkill, statusFile, type Written, writeStatusSkill } from "../io/status-skill.ts";
import type { Failure } from "../report/events.ts";
import { type InstalledState, loadState } from "../run/inputs/state.ts";

/** What a run of `install` found and did. */
export interface Seen {
  readonly state: InstalledState;
  readonly failures: readonly Failure[];
  /** The run changed the volume, so that `state` tells what was before. */
  readonly changed: boolean;
}

/** What was written outside the volume, which the next run reads. */
export interface Notified {
  /** The directory of skills, if it did not exist before. */
  readonly madeRoot?: string | undefined;
  readonly entry?: ReadFile | undefined;
}

/**
 * Writes the status skill if a program became available or unavailable for a skill in view, so that running
 * sessions of OpenClaw notice it. Never fails the run: what prevents it is one warning.
 */
export async function notifySessions(context: Context, seen?: Seen): Promise<Notified> {
  const { options, env, home } = context;
  const state = stateDir(env, home);
  if (!options.notify || options.dryRun || !isNative(context) || !isStateDir(state)) return {};
  const file = statusFile(state);
  try {
    const written = await update(file, context, seen);
    if (written === undefined) return {};
    if (written.other !== undefined) warn(`${written.other}, and stays as it is`, context);
    return {
      madeRoot: written.madeRoot ? dirname(dirname(file)) : undefined,
      entry: await renewStatusEntry(state, written.key, context.uid),
    };
  } catch (error) {
    if (!isNoNews(error, state)) warn(describeError(error), context);
    return {};
  }
}

/** Where no skills are in view; and where a gateway has never run, so that it has no sessions. */
function isNoNews(error: unknown, state: string): boolean {
  if (!(error instanceof UserError)) return false;
  if (error.problem === "E_SKILLS_DIRECTORY") return true;
  const isRefused = ["E_VOLUME_READ_ONLY", "E_PERMISSION"].includes(error.problem);
  return isRefused && orNothing(() => isThere(join(state, "agents"))) !== true;
}

/** sha256 of the status skill; undefined if there is none. */
export function hashOfStatus({ env, home }: Context): string | undefined {
  const bytes = readStatusSkill(statusFile(stateDir(env, home)));
  return bytes && sha256Hex(bytes);
}

function warn(why: string, { reporter: { emit } }: Context): void {
  const message = `running sessions of OpenClaw do not notice what has changed: ${why}`;
  const hint = "Let this user write there, or use --no-notify.";
  emit({ type: "warning", problem: "E_STATUS_SKILL", message, hint });
}

/** False for the directory of that name in a sandbox's workspace, where no gateway looks. */
function isStateDir(dir: string): boolean {
  const has = (name: string): boolean => isThere(join(dir, name));
  // One that this user may not read is not this user's.
  return orNothing(() => has(".") && (has("openclaw.json") || !has("sandbox-skills"))) === true;
}

/** Undefined if nothing has changed. */
async function update(
  file: string,
  context: Context,
  seen?: Seen,
): Promise<(Written & { readonly key: string }) | undefined> {
  const facts = await factsFor(context, seen);
  const former = readStatusSkill(file)?.toString("utf8");
  if (facts === undefined || (former === undefined && !isWorthTelling(facts))) return undefined;
  if (former !== undefined && keyInStatus(former) === keyOfStatus(facts)) return undefined;
  const written = await writeStatusSkill(file, renderStatusSkill(facts));
  if (written.other === undefined)
    context.reporter.emit({ type: "detail", message: `${file}: written, for running sessions` });
  return { ...written, key: keyOfStatus(facts) };
}

/** Programs that were always there are no news. */
function isWorthTelling({ skills }: StatusFacts): boolean {
  return skills.some(({ programs }) => programs.some(({ state }) => state !== "on PATH"));
}

/** Undefined if there are no skills in view. */
async function factsFor(context: Context, seen?: Seen): Promise<StatusFacts | undefined> {
  const state =
    seen && !seen.changed && context.options.names.length === 0
      ? seen.state
      : await loadAgain(context);
  const { selected, prefix, plan, manifest } = state;
  if (selected === undefined) return undefined;
  const failed = (seen?.failures ?? []).map(
    ({ tool, problem }) => [tool, `${causeOf(problem)} It is tried again.`] as const,
  );
  const skills = availabilityOf(selected, {
    bins: plan.bins,
    tools: manifest.tools,
    failed: new Map(failed),
    unmet: new Map((seen?.state.plan.unmet ?? []).map((it) => [it.bin, it])),
  });
  const { requestsDir } = context.options;
  return { prefix, requests: requestsDir && resolve(requestsDir), skills };
}

/**
 * What is there after the run, for all skills in view, whatever the run was about. Silent, because the run has
 * said it, and without what needs the network.
 */
async function loadAgain(context: Context): Promise<InstalledState> {
  const { options, reporter } = context;
  return await loadState({
    ...context,
    reporter: { ...reporter, emit: () => {} },
    options: {
      ...options,
      verb: "requirements",
      names: [],
      force: false,
      deep: false,
      repair: false,
      allowDeclared: false,
    },
  });
}

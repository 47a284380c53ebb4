import { dirname, join } from "node:path";
import type { Context } from "../context.ts";
import { sha256Hex } from "../core/digest.ts";
import { renderLauncher } from "../core/launcher.ts";
import { commandName, layout } from "../core/layout.ts";
import type { InstalledBin, InstalledRecord, VerifiedRecord } from "../core/manifest.ts";
import { isOfServer } from "../core/skills/mcp.ts";
import type { FreshnessFacts, Input } from "../io/freshness/facts.ts";
import { recordFreshness } from "../io/freshness/record.ts";
import { tryRead } from "../io/input.ts";
import { linkedModules } from "../io/volume/command-links.ts";
import { tryTimes } from "../io/volume/stamps.ts";
import { optionalTools } from "../run/inputs/agent-requests.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import { mayLeaveRecord, nextView } from "./freshness-words.ts";
import { hashOfStatus, type Notified } from "./notify.ts";
import { isCommandDue, viewsOfCommand } from "./own-command.ts";
import type { Summary } from "./summary.ts";

/** Lets the sh entrypoint answer the next run by itself, if it passed a view. */
export async function recordView(
  summary: Summary,
  context: Context,
  { madeRoot, entry }: Notified,
): Promise<void> {
  const { prefix, plan, watched } = summary.state;
  const view = nextView(context, madeRoot);
  if (!view || !mayLeaveRecord(context.options) || !watched.isRecordable) return;
  const { sound, used, left } = toolsAfter(summary);
  const inputs = [...watched.inputs, ...declaredInput(prefix, context)].map((input) =>
    input.path === entry?.path ? { ...input, sha256: entry.sha256 } : input,
  );
  await recordFreshness({
    ...watched,
    prefix,
    entrypoint: join(context.packageDir, "entrypoint", "openclaw-install-skill-deps"),
    path: context.env.PATH ?? "",
    view,
    others: viewsOfCommand(view, inputs, summary, context),
    inputs,
    catalogue: catalogueFact(summary.state, context),
    requests: requestsFact(summary),
    isForWatch: isForWatch(summary, context),
    programs: [...used.flatMap(programsOf), ...linkedModules(prefix)],
    broken: left.flatMap(({ bins }) => Object.keys(bins)),
    timesProve: await tryTimes(prefix),
    trees: [
      layout.bin,
      dirname(layout.policyProgram),
      layout.libraries,
      layout.uvWheels,
      ...sound.map(({ dir }) => dir),
    ],
    tools: sound,
    system: Object.entries(plan.bins).flatMap(([bin, found]) =>
      found.state === "present" && found.tool === undefined ? [bin] : [],
    ),
    satisfied: satisfiedSkills(summary),
    status: hashOfStatus(context),
    unmet: plan.unmet.map(({ bin, reason, problem }) => `${bin}: ${reason} [${problem}]`),
  });
}

/** If declarations are allowed, their record is an input; read again, because it may be new. */
function declaredInput(prefix: string, { options }: Context): Input[] {
  const path = join(prefix, layout.declared);
  const bytes = options.allowDeclared || options.allowLibraries ? tryRead(path).bytes : undefined;
  return bytes ? [{ path, sha256: sha256Hex(bytes), skill: false }] : [];
}

/** The words are those of the variables, by which other containers name the same catalogue. */
function catalogueFact(
  { named }: InstalledState,
  { options }: Context,
): FreshnessFacts["catalogue"] {
  const { catalogue = "", catalogueKey = "" } = options;
  const sha256 = named?.catalogue?.sha256;
  return sha256 === undefined ? undefined : { sha256, words: `${catalogue} ${catalogueKey}` };
}

function requestsFact({ state: { agents }, answered }: Summary): FreshnessFacts["requests"] {
  const isWaiting = answered?.answers.some(({ state }) => state === "waiting") === true;
  return agents && { dir: agents.dir, names: agents.names, isWaiting };
}

function isForWatch({ state, applied }: Summary, { options }: Context): boolean {
  const optional = optionalTools(state.agents, state.plan);
  return (
    options.json === "events" ||
    state.named?.failure !== undefined ||
    (isCommandDue(state) && applied.command === undefined) ||
    applied.failures.some(({ tool }) => !optional.has(tool))
  );
}

/** Programs of `bin/`: `bin/NAME` is a link to the program, or a launcher and the program that it starts. */
function programsOf({ bins }: InstalledRecord): { path: string; size: number }[] {
  return Object.entries(bins).flatMap(([name, bin]) => {
    const started = bin.program ? [bin.program] : [];
    return [...pathsOf(layout.binPath(name), bin), ...started];
  });
}

function pathsOf(inBin: string, bin: InstalledBin): { path: string; size: number }[] {
  const { path, size, runtime } = bin;
  if (runtime === undefined) return [{ path: inBin, size }];
  const launcher = Buffer.byteLength(renderLauncher({ ...bin, runtime }));
  return [
    { path: inBin, size: launcher },
    { path, size },
  ];
}

interface Tools {
  /** Whole and linked. */
  readonly sound: readonly VerifiedRecord[];
  /** Those, and what is to be repaired by a later run. */
  readonly used: readonly VerifiedRecord[];
  /** Damaged or not linked, and left so: nothing requires them. */
  readonly left: readonly VerifiedRecord[];
}

/** What the run has left of the tools in the volume. */
function toolsAfter({ state, applied }: Summary): Tools {
  const { manifest, installed, linked, command, failures } = applied;
  const { damaged, unlinked } = state.inspection;
  const done = new Set([...installed, ...linked, ...(command ? [command] : [])].map(toolOf));
  const due = new Set([commandName, ...failures.map(toolOf)]);
  const all = Object.values(manifest.tools);
  const isSound = ({ tool }: VerifiedRecord): boolean =>
    done.has(tool) || !(damaged.has(tool) || unlinked.has(tool));
  const isUsed = (record: VerifiedRecord): boolean => isSound(record) || due.has(record.tool);
  return {
    sound: all.filter(isSound),
    used: all.filter(isUsed),
    left: all.filter((record) => !isUsed(record)),
  };
}

const toolOf = ({ tool }: { tool: string }): string => tool;

/** The digests of skills whose programs are all there. */
function satisfiedSkills({ state, applied }: Summary): string[] {
  const unmet = new Set(state.plan.unmet.map(({ bin }) => bin));
  // A program that --ignore-system ignores may exist all the same; a sandbox checks for itself.
  const isMissing = (bin: string): boolean => unmet.has(bin) && !state.onPath.has(bin);
  const skills = (state.selected ?? applied.manifest.skills).filter((it) => !isOfServer(it));
  const satisfied = skills.filter(({ bins, anyBins }) => ![...bins, ...anyBins].some(isMissing));
  return satisfied.map(({ sha256 }) => sha256);
}

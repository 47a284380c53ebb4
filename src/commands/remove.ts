import { type Context, targetPlatform } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { commandName, layout } from "../core/layout.ts";
import type { Manifest } from "../core/manifest.ts";
import { titleOfRecord } from "../core/plan/needed-by.ts";
import {
  installedCalled,
  installedNames,
  requestedTools,
  skillsThatAsk,
  toolCalled,
  toolsThatNeed,
  unusedTools,
} from "../core/plan/required-by.ts";
import { platformId } from "../core/platform.ts";
import { didYouMean, nearest } from "../core/wording.ts";
import { readManifest } from "../io/volume/manifest-file.ts";
import { isBusy, prune } from "../io/volume/prune.ts";
import { volumeTime } from "../io/volume/volume.ts";
import { formatBytes, renderDocument, titleOf } from "../report/text.ts";
import { readCatalogue } from "../run/inputs/catalogue.ts";
import { loadSeed } from "../run/inputs/seed.ts";
import { readVolume, refuseOtherPlatform } from "../run/inputs/volume.ts";
import { openForChange, type Uninstalled, uninstall, withSizes } from "../run/uninstall.ts";
import { notifySessions } from "./notify.ts";

/**
 * `remove NAME…`: removes tools, named by themselves or by one of their programs. A tool that
 * another one needs, which is not among the NAMEs, is refused; a tool that a skill requires is
 * removed with a warning. Removed tools are no longer requested by name, even if they could not be
 * installed yet.
 */
export async function remove(context: Context): Promise<number> {
  const { options } = context;
  const { emit } = context.reporter;
  if (options.names.length === 0) {
    throw new UserError("E_USAGE", "remove: a tool is missing", {
      hint: "Use openclaw-install-skill-deps remove gog, or gc to remove unused tools.",
    });
  }
  const platform = targetPlatform(context);
  const { prefix, manifest } = await readVolume(context, platform);
  refuseOtherPlatform(manifest, platform, prefix);
  refuseCommand(options.names);
  const { tools, unrequested } = await toolsNamed(manifest, prefix, context);
  const choose = (current: Manifest): readonly string[] => refuseNeeded(tools, current);
  for (const tool of choose(manifest)) sayAsked(tool, manifest, context);
  await sayRequested([...tools, ...unrequested], manifest, prefix, context);
  let taken: readonly Uninstalled[];
  if (options.dryRun || tools.length + unrequested.length === 0)
    taken = await withSizes(prefix, tools, manifest);
  else {
    await openForChange(prefix);
    const began = (await volumeTime(prefix)) ?? 0;
    const busy = await isBusy(prefix, began);
    taken = await uninstall(prefix, platformId(platform), emit, choose, unrequested);
    const left = (await readManifest(prefix)) ?? manifest;
    const within = taken.map(({ record }) => layout.treesDir(record.tool));
    if (!busy) await prune(prefix, left, began, { within });
    await notifySessions(context);
  }
  sayUnused(taken, manifest, context);
  report(taken, prefix, context);
  return exitStatus.done;
}

/** The next run would put it there again. */
function refuseCommand(names: readonly string[]): void {
  if (!names.includes(commandName)) return;
  throw new UserError(
    "E_USAGE",
    `${commandName} stays in the volume: every run that installs keeps it there`,
    {
      hint: "To remove the volume with all that is in it, delete its directory.",
    },
  );
}

interface Named {
  /** Tools of the volume. */
  readonly tools: readonly string[];
  /** Tools that are not in the volume but were requested by name. */
  readonly unrequested: readonly string[];
}

/** The tools that the NAMEs mean. A known tool that is not installed is no error. */
async function toolsNamed(manifest: Manifest, prefix: string, context: Context): Promise<Named> {
  const found = new Set<string>();
  const absent: string[] = [];
  for (const name of context.options.names) {
    const record = installedCalled(name, manifest);
    if (record) found.add(record.tool);
    else absent.push(name);
  }
  if (absent.length === 0) return { tools: [...found], unrequested: [] };
  const { catalogue } = await readCatalogue(context, { prefix, manifest });
  const requested = new Set(requestedTools(manifest));
  const meant = new Map(absent.map((name) => [name, toolCalled(name, manifest, catalogue)]));
  const isKnown = (tool: string) => catalogue.recipes.has(tool) || requested.has(tool);
  const unknown = absent.find((name) => !isKnown(meant.get(name) ?? name));
  if (unknown !== undefined) {
    const near = nearest(unknown, installedNames(manifest));
    throw new UserError("E_UNKNOWN_NAME", `${prefix} has no tool or program "${unknown}"`, {
      hint: didYouMean(near, "See openclaw-install-skill-deps list."),
    });
  }
  const unrequested: string[] = [];
  for (const [name, tool] of meant) {
    if (manifest.tools[tool]) {
      found.add(tool); // by an alias
      continue;
    }
    const isRequested = requested.has(tool);
    if (isRequested) unrequested.push(tool);
    const end = isRequested ? ", and no longer requested by name" : "";
    context.reporter.emit({ type: "note", message: `${name} is not installed${end}` });
  }
  return { tools: [...found], unrequested };
}

function refuseNeeded(tools: readonly string[], manifest: Manifest): readonly string[] {
  const going = new Set(tools);
  const needed = tools.flatMap((tool) => {
    const users = toolsThatNeed(tool, manifest, going);
    return users.length > 0 ? [{ tool, users }] : [];
  });
  if (needed.length === 0) return tools;
  const message = needed.map(({ tool, users }) => `${tool} is required by ${users.join(", ")}`);
  const all = new Set([...needed.flatMap(({ users }) => users), ...tools]);
  throw new UserError("E_STILL_NEEDED", message.join("; "), {
    hint: `Nothing was changed. To remove these too: openclaw-install-skill-deps remove ${[...all].join(" ")}`,
  });
}

function sayAsked(tool: string, manifest: Manifest, { reporter: { emit } }: Context): void {
  const record = manifest.tools[tool];
  const skills = record ? skillsThatAsk(record, manifest.skills) : [];
  if (skills.length === 0) return;
  const entries = skills.map((name) => `skills.entries.${name}.enabled: false`);
  emit({
    type: "warning",
    problem: "E_STILL_REQUESTED",
    message: `${tool} is required by the skill ${skills.join(", ")}: the next run installs it again`,
    hint: `To keep it out, disable the skill in openclaw.json (${entries.join(", ")}) or remove it.`,
  });
}

/** Requests that removing does not end: a variable or an image that names the tool. */
async function sayRequested(
  going: readonly string[],
  manifest: Manifest,
  prefix: string,
  context: Context,
): Promise<void> {
  const { options } = context;
  const { emit } = context.reporter;
  const calls = (name: string, tool: string): boolean =>
    name === tool || manifest.tools[tool]?.bins[name] !== undefined;
  const byVariable = going.filter((tool) => options.tools.some((name) => calls(name, tool)));
  const seed = await loadSeed(prefix, targetPlatform(context), context);
  const requested = seed?.requested ?? [];
  const bySeed = going.filter((tool) => requested.includes(tool));
  for (const [tools, by] of [
    [byVariable, "OPENCLAW_SKILL_TOOLS"],
    [bySeed, "the seed"],
  ] as const) {
    if (tools.length === 0) continue;
    const message = `${by} requests ${tools.join(", ")}: the next run installs it again`;
    emit({ type: "warning", problem: "E_STILL_REQUESTED", message });
  }
}

/** Tools that only the removed ones needed. */
function sayUnused(taken: readonly Uninstalled[], manifest: Manifest, context: Context): void {
  const gone = new Set(taken.map(({ record }) => record.tool));
  const needs = new Set(taken.flatMap(({ record }) => record.needs));
  const tools = Object.entries(manifest.tools).filter(([tool]) => !gone.has(tool));
  const left = unusedTools({ ...manifest, tools: Object.fromEntries(tools) }, manifest.skills);
  for (const tool of left.filter((name) => needs.has(name))) {
    const message = `${tool} is no longer used; openclaw-install-skill-deps gc removes it`;
    context.reporter.emit({ type: "note", message });
  }
}

/** Removed tools in documents. */
export function removedTools(taken: readonly Uninstalled[]) {
  return taken.map(({ record, bytes }) => ({
    tool: record.tool,
    version: record.version,
    title: titleOfRecord(record),
    bins: Object.keys(record.bins),
    bytes,
  }));
}

function report(
  taken: readonly Uninstalled[],
  prefix: string,
  { options, stdout, stderr }: Context,
) {
  const removed = removedTools(taken);
  if (options.json === "document") {
    stdout.write(renderDocument({ prefix, dryRun: options.dryRun, removed }));
    return;
  }
  const bytes = formatBytes(removed.reduce((sum, each) => sum + each.bytes, 0));
  if (options.dryRun && options.json === false) {
    for (const each of removed) {
      stdout.write(`would remove ${titleOf(each)} (${formatBytes(each.bytes)})\n`);
    }
  } else if (!options.quiet) {
    stderr.write(`${removed.length} removed from ${prefix}; ${bytes} freed\n`);
  }
}

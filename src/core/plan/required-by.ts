import { commandName } from "../layout.ts";
import { lineOfTool } from "../library-set.ts";
import type { InstalledRecord, Manifest, SelectedSkill, VerifiedRecord } from "../manifest.ts";
import { isBinName } from "../names.ts";
import type { Catalogue } from "../recipe.ts";
import type { Requirement } from "./plan.ts";

/** Why a volume holds each tool: what requires it, and which tools are unused. */

/** Names of the skills that require a program of this tool, also as one of several alternatives, or this library set. */
export function skillsThatAsk(record: InstalledRecord, skills: readonly SelectedSkill[]): string[] {
  const asks = ({ bins, anyBins, libraries = [] }: SelectedSkill): boolean =>
    libraries.includes(record.tool) ||
    [...bins, ...anyBins].some((bin) => record.bins[bin] !== undefined);
  return [...new Set(skills.filter(asks).map(({ name }) => name))];
}

/** The volume's Python resolves library sets, so it stays while there are any. */
export function isPythonSet({ tool }: Pick<InstalledRecord, "tool">): boolean {
  return (lineOfTool(tool) ?? "node") !== "node";
}

/** Installed tools, except those in `besides`, that need this one at run time. */
export function toolsThatNeed(
  tool: string,
  manifest: Manifest,
  besides: ReadonlySet<string> = new Set(),
): string[] {
  return Object.values(manifest.tools)
    .filter((record) => record.needs.includes(tool) && !besides.has(record.tool))
    .map((record) => record.tool)
    .sort();
}

/**
 * Tools that were requested by name. If the manifest does not say (it was rebuilt, or an older
 * version wrote it): every tool that no skill requires, because no tool is removed on a guess.
 */
export function requestedTools(manifest: Manifest, skills = manifest.skills): string[] {
  if (manifest.requested) return manifest.requested;
  const needed = new Set(Object.values(manifest.tools).flatMap(({ needs }) => needs));
  return Object.values(manifest.tools)
    .filter((record) => !needed.has(record.tool) && skillsThatAsk(record, skills).length === 0)
    .map(({ tool }) => tool)
    .filter((tool) => tool !== commandName)
    .sort();
}

/** A tool that belongs in the volume regardless of skills. */
export interface ToolRequest {
  /** A tool's name; if no tool is known for it, the requested name. */
  readonly tool: string;
  /** As requested: the name of the tool, of one of its programs, or an alias. */
  readonly name: string;
  /** The source of the request: for messages. */
  readonly by: string;
}

/** What may request tools by name, besides the command line of this run. */
interface Requesters {
  readonly manifest: Manifest;
  /** `OPENCLAW_SKILL_TOOLS`: counts while it is set. */
  readonly variable: readonly string[];
  /** Tools among the manifest's that agents asked for. */
  readonly granted: readonly string[];
  /** The seed's requested tools: they count while the image has the seed. */
  readonly seed: readonly string[];
}

/** All requests by name, one per tool name. */
export function toolRequests(
  { manifest, variable, granted, seed }: Requesters,
  catalogue: Catalogue,
): ToolRequest[] {
  const requested = requestedTools(manifest);
  const from = (names: readonly string[], by: string): ToolRequest[] =>
    names.map((name) => ({ tool: toolCalled(name, manifest, catalogue), name, by }));
  const all = [
    ...from(variable, "OPENCLAW_SKILL_TOOLS"),
    ...from(
      requested.filter((tool) => !granted.includes(tool)),
      "an earlier command line",
    ),
    ...from(
      requested.filter((tool) => granted.includes(tool)),
      "an agent's request",
    ),
    ...from(seed, "the seed"),
  ];
  const distinct = new Map(all.reverse().map((it) => [`${it.tool} ${it.name}`, it]));
  return [...distinct.values()].reverse();
}

/** The installed tool that a NAME means: a tool's name, or that of one of its programs. */
export function installedCalled(name: string, { tools }: Manifest): VerifiedRecord | undefined {
  return tools[name] ?? Object.values(tools).find(({ bins }) => bins[name]);
}

/** The names of what is installed, tools and programs. */
export function installedNames({ tools }: Manifest): string[] {
  return Object.values(tools).flatMap(({ tool, bins }) => [tool, ...Object.keys(bins)]);
}

/** The tool that a NAME means, also one that is not installed. */
export function toolCalled(name: string, manifest: Manifest, catalogue: Catalogue): string {
  if (catalogue.recipes.has(name)) return name;
  return installedCalled(name, manifest)?.tool ?? catalogue.providers.get(name) ?? name;
}

/** The programs that a requested tool must have: its installed programs, or its recipe's. */
export function requirementOf(
  { tool, name, by }: ToolRequest,
  tools: Manifest["tools"],
  catalogue: Catalogue,
): Requirement {
  const programs = tools[tool]?.bins ?? catalogue.recipes.get(tool)?.bins ?? { [tool]: tool };
  const alias = catalogue.providers.get(name) === tool ? [name] : [];
  const bins = [...new Set([...Object.keys(programs), ...alias])].filter(isBinName);
  return { for: by, bins, anyBins: [], inVolume: true };
}

/**
 * Installed tools that no skill requires, no request names, no hold keeps, and no used tool needs.
 */
export function unusedTools(
  manifest: Manifest,
  skills: readonly SelectedSkill[],
  requests: readonly ToolRequest[] = [],
): string[] {
  const { held = [] } = manifest;
  const named = requests.map(({ tool }) => tool);
  const requested = new Set([commandName, ...requestedTools(manifest), ...named, ...held]);
  const records = Object.values(manifest.tools);
  const used = new Set(
    records
      .filter((record) => requested.has(record.tool) || skillsThatAsk(record, skills).length > 0)
      .map(({ tool }) => tool),
  );
  if (records.some((record) => used.has(record.tool) && isPythonSet(record))) used.add("python3");
  for (const tool of used) for (const need of manifest.tools[tool]?.needs ?? []) used.add(need);
  return records.flatMap(({ tool }) => (used.has(tool) ? [] : [tool])).sort();
}

import type { InstalledRecord, Manifest, SelectedSkill } from "./manifest.ts";

/** Why a volume holds what it holds: who asks for a tool, and which tools nobody asks for. */

/** Names of the skills that ask for a program of this tool, also as one of several alternatives. */
export function skillsThatAsk(record: InstalledRecord, skills: readonly SelectedSkill[]): string[] {
  const asks = ({ bins, anyBins }: SelectedSkill): boolean =>
    [...bins, ...anyBins].some((bin) => record.bins[bin] !== undefined);
  return [...new Set(skills.filter(asks).map(({ name }) => name))];
}

/** Installed tools, other than those in `besides`, that need this one at run time. */
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
 * Tools that were asked for by name. Where the manifest does not say (it was rebuilt, or an older
 * version wrote it), every tool that no skill asks for: nothing is taken away on a guess.
 */
export function requestedTools(manifest: Manifest, skills = manifest.skills): string[] {
  if (manifest.requested) return manifest.requested;
  const needed = new Set(Object.values(manifest.tools).flatMap(({ needs }) => needs));
  return Object.values(manifest.tools)
    .filter((record) => !needed.has(record.tool) && skillsThatAsk(record, skills).length === 0)
    .map(({ tool }) => tool)
    .sort();
}

/** Installed tools that no skill asks for, nobody asked for by name, and no used tool needs. */
export function unusedTools(manifest: Manifest, skills: readonly SelectedSkill[]): string[] {
  const requested = new Set(requestedTools(manifest));
  const records = Object.values(manifest.tools);
  const used = new Set(
    records
      .filter((record) => requested.has(record.tool) || skillsThatAsk(record, skills).length > 0)
      .map(({ tool }) => tool),
  );
  for (const tool of used) for (const need of manifest.tools[tool]?.needs ?? []) used.add(need);
  return records.flatMap(({ tool }) => (used.has(tool) ? [] : [tool])).sort();
}

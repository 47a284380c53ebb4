import { minorOf } from "../locks/wheel-tags.ts";
import type { InstalledRecord, Manifest, SealedRecord } from "../manifest.ts";

type Tools = Readonly<Record<string, InstalledRecord>>;

/** The previous trees of these tools; of all that have one where none is named. */
export function previousOf(
  { tools, previous = {} }: Manifest,
  named: readonly string[],
): SealedRecord[] {
  const chosen = named.length > 0 ? named : Object.keys(previous);
  return chosen.flatMap((tool) => {
    const record = tools[tool] && previous[tool];
    return record ? [record] : [];
  });
}

/**
 * Why previous trees do not go with what else is installed: a tool that they need is gone, a program is
 * another tool's by now, or Python programs would meet a Python of another line. Empty where they do.
 */
export function rollbackProblems(
  { tools }: Manifest,
  chosen: readonly InstalledRecord[],
): readonly string[] {
  const after = { ...tools, ...Object.fromEntries(chosen.map((record) => [record.tool, record])) };
  return [
    ...chosen.flatMap((record) => [...missingNeeds(record, after), ...sharedBins(record, after)]),
    ...Object.values(after).flatMap((record) =>
      isStranded(record, after) && !isStranded(tools[record.tool] ?? record, tools)
        ? [`${record.tool} ${record.version} runs with Python ${record.source.python} only`]
        : [],
    ),
  ];
}

function missingNeeds({ tool, version, needs }: InstalledRecord, after: Tools): string[] {
  return needs
    .filter((need) => after[need] === undefined)
    .map((need) => `${tool} ${version} needs ${need}, which is not installed`);
}

function sharedBins({ tool, version, bins }: InstalledRecord, after: Tools): string[] {
  return Object.keys(bins).flatMap((bin) => {
    const owner = Object.values(after).find((other) => other.tool !== tool && other.bins[bin]);
    return owner ? [`the program ${bin} of ${tool} ${version} is that of ${owner.tool} now`] : [];
  });
}

function isStranded({ source }: InstalledRecord, { python3 }: Tools): boolean {
  return source.python !== undefined && python3 !== undefined
    ? minorOf(python3.version) !== source.python
    : false;
}

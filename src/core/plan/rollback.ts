import { minorOf } from "../locks/wheel-tags.ts";
import type { InstalledRecord, Manifest, VerifiedRecord } from "../manifest.ts";

type Tools = Readonly<Record<string, InstalledRecord>>;

/** The previous trees of these tools; of all that have one if none is named. */
export function previousOf(
  { tools, previous = {} }: Manifest,
  named: readonly string[],
): VerifiedRecord[] {
  const chosen = named.length > 0 ? named : Object.keys(previous);
  return chosen.flatMap((tool) => {
    const record = tools[tool] && previous[tool];
    return record ? [record] : [];
  });
}

/**
 * Why previous trees do not fit the other installed tools: a tool that they need is missing, a
 * program now belongs to another tool, or Python programs need another minor version of Python.
 * Empty if they fit.
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
    return owner ? [`the program ${bin} of ${tool} ${version} now belongs to ${owner.tool}`] : [];
  });
}

function isStranded({ source }: InstalledRecord, { python3 }: Tools): boolean {
  return source.python !== undefined && python3 !== undefined
    ? minorOf(python3.version) !== source.python
    : false;
}

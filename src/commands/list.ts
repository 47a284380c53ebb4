import { join } from "node:path";
import type { Context } from "../context.ts";
import { exitStatus } from "../core/errors.ts";
import { emptyManifest, type Fallback, fallbackOf } from "../core/manifest.ts";
import { describeNeededBy, neededBy } from "../core/plan/needed-by.ts";
import { platformId } from "../core/platform.ts";
import { readManifest } from "../io/volume/manifest-file.ts";
import { bytesOf } from "../io/volume/prune.ts";
import { formatBytes, listNames, renderTable } from "../report/text.ts";
import { loadState } from "../run/inputs/state.ts";
import { resolvePrefix } from "../run/inputs/volume.ts";

/** `list`: the tools in the volume. */
export async function list(context: Context): Promise<number> {
  const prefix = await resolvePrefix(context);
  const manifest = (await readManifest(prefix)) ?? emptyManifest(platformId(context.machine));
  const tools = await Promise.all(
    Object.values(manifest.tools).map(async (record) => {
      const bytes = await bytesOf(join(prefix, record.dir));
      return { ...record, bytes, neededBy: neededBy(record, manifest) };
    }),
  );
  if (context.options.json !== false) {
    const { platform, fallbacks = {} } = manifest;
    const document = { schema: 1, prefix, platform, tools, fallbacks };
    context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return exitStatus.done;
  }
  const rows = tools.map(({ tool, version, bytes, bins, neededBy, source }) => [
    tool,
    versionCell(version, fallbackOf(manifest, tool)),
    formatBytes(bytes),
    Object.keys(bins).join(" "),
    listNames(describeNeededBy(neededBy), 3) || "nothing",
    source.from,
  ]);
  const text = renderTable([["TOOL", "VERSION", "SIZE", "PROGRAMS", "NEEDED BY", "FROM"], ...rows]);
  context.stdout.write(rows.length > 0 ? `${text}\n` : `${prefix} has no tools yet\n`);
  return exitStatus.done;
}

function versionCell(version: string, fallback: Fallback | undefined): string {
  return fallback ? `${version} (${fallback.wanted} is not available)` : version;
}

/**
 * `outdated`: installed tools with a newer version in the catalogue. A version that could not be
 * fetched at the last attempt does not count; it is listed separately.
 */
export async function outdated(context: Context): Promise<number> {
  const seen = await loadState(context);
  const behind = seen.plan.steps.flatMap((step) =>
    step.action === "keep" && step.newer !== undefined
      ? [{ tool: step.tool, installed: step.version, newer: step.newer, reason: step.unreachable }]
      : [],
  );
  const tools = behind.filter(({ reason }) => reason === undefined);
  const unreachable = behind.filter(({ reason }) => reason !== undefined);
  if (context.options.json !== false) {
    context.stdout.write(`${JSON.stringify({ schema: 1, tools, unreachable }, null, 2)}\n`);
    return exitStatus.done;
  }
  const rows = tools.map(({ tool, installed, newer }) => [tool, installed, newer]);
  const text = renderTable([["TOOL", "INSTALLED", "CATALOGUE"], ...rows]);
  context.stdout.write(rows.length > 0 ? `${text}\n` : "nothing is outdated\n");
  for (const { tool, installed, newer, reason } of unreachable) {
    context.stdout.write(
      `${tool} ${installed}: ${newer} is not available (${reason}); update tries again\n`,
    );
  }
  return exitStatus.done;
}

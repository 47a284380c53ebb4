import { join } from "node:path";
import type { Context } from "../context.ts";
import { exitStatus } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import { titleOfSet } from "../core/library-set.ts";
import { emptyManifest, type Fallback, fallbackOf } from "../core/manifest.ts";
import { type Behind, behindOf, describeBehind } from "../core/plan/behind.ts";
import { describeNeededBy, neededBy } from "../core/plan/needed-by.ts";
import { platformId } from "../core/platform.ts";
import { nameSome } from "../core/wording.ts";
import { readManifest } from "../io/volume/manifest-file.ts";
import { bytesOf } from "../io/volume/prune.ts";
import { formatBytes, renderTable } from "../report/text.ts";
import { loadState } from "../run/inputs/state.ts";
import { resolvePrefix } from "../run/inputs/volume.ts";
import { newerCommand, olderThanVolumes } from "./own-command.ts";

/** `list`: the tools in the volume. */
export async function list(context: Context): Promise<number> {
  const prefix = await resolvePrefix(context);
  const manifest = (await readManifest(prefix)) ?? emptyManifest(platformId(context.machine));
  const tools = await Promise.all(
    Object.values(manifest.tools).map(async (record) => {
      const bytes = await bytesOf(join(prefix, record.dir));
      const previous = manifest.previous?.[record.tool]?.version ?? null;
      return { ...record, bytes, neededBy: neededBy(record, manifest), previous };
    }),
  );
  if (context.options.json !== false) {
    const { platform, fallbacks = {} } = manifest;
    const document = { schema: 1, prefix, platform, tools, fallbacks };
    context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return exitStatus.done;
  }
  const rows = tools.map(({ tool, version, bytes, bins, neededBy, source, libraries }) => [
    // A library set's own name, which other commands take, is in place of its version.
    libraries ? titleOfSet(tool) : tool,
    libraries ? tool : versionCell(version, fallbackOf(manifest, tool), neededBy.held),
    formatBytes(bytes),
    libraries ? nameSome(libraries.names, 5) : Object.keys(bins).join(" "),
    nameSome(describeNeededBy(neededBy), 3) || (tool === commandName ? "the volume" : "nothing"),
    source.from,
  ]);
  const text = renderTable([["TOOL", "VERSION", "SIZE", "PROGRAMS", "NEEDED BY", "FROM"], ...rows]);
  context.stdout.write(rows.length > 0 ? `${text}\n` : `${prefix} has no tools yet\n`);
  const newer = newerCommand(manifest, context);
  if (newer !== undefined) context.stdout.write(`${olderThanVolumes(newer, context)}\n`);
  return exitStatus.done;
}

function versionCell(version: string, fallback: Fallback | undefined, held: boolean): string {
  if (held) return `${version} (held)`;
  return fallback ? `${version} (${fallback.wanted} is not available)` : version;
}

/**
 * `outdated`: installed tools with a newer version in the catalogue. Held tools, and those whose newer
 * version could not be fetched at the last attempt, do not count; they are listed separately.
 */
export async function outdated(context: Context): Promise<number> {
  const { plan } = await loadState(context);
  const behind = behindOf(plan);
  const held = behind.filter((it) => it.held);
  const unreachable = behind.filter((it) => !it.held && it.reason !== undefined);
  const tools = behind.filter((it) => !held.includes(it) && !unreachable.includes(it));
  if (context.options.json !== false) {
    const lists = { tools, held, unreachable };
    const named = Object.entries(lists).map(([name, list]) => [name, list.map(outdatedDocument)]);
    const document = { schema: 1, ...Object.fromEntries(named) };
    context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return exitStatus.done;
  }
  const rows = tools.map(({ tool, version, newer }) => [tool, version, newer]);
  const text = renderTable([["TOOL", "INSTALLED", "CATALOGUE"], ...rows]);
  context.stdout.write(rows.length > 0 ? `${text}\n` : "nothing is outdated\n");
  for (const it of [...unreachable, ...held]) context.stdout.write(`${describeBehind(it)}\n`);
  return exitStatus.done;
}

function outdatedDocument({ tool, version: installed, newer, reason }: Behind) {
  return { tool, installed, newer, reason };
}

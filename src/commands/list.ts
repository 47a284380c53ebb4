import { join } from "node:path";
import type { Context } from "../context.ts";
import { exitStatus } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import { titleOfSet } from "../core/library-set.ts";
import { type Fallback, fallbackOf } from "../core/manifest.ts";
import { type Behind, behindOf, describeBehind } from "../core/plan/behind.ts";
import { describeNeededBy, neededBy } from "../core/plan/needed-by.ts";
import { nameSome } from "../core/wording.ts";
import { bytesOf } from "../io/volume/prune.ts";
import { formatBytes, renderDocument, renderTable } from "../report/text.ts";
import { loadState } from "../run/inputs/state.ts";
import { readVolume } from "../run/inputs/volume.ts";
import { newerCommand, olderThanVolumes } from "./own-command.ts";

/** `list`: the tools in the volume. */
export async function list(context: Context): Promise<number> {
  const { prefix, manifest } = await readVolume(context);
  const tools = await Promise.all(
    Object.values(manifest.tools).map(async (record) => {
      const bytes = await bytesOf(join(prefix, record.dir));
      const previous = manifest.previous?.[record.tool]?.version ?? null;
      return { ...record, bytes, neededBy: neededBy(record, manifest), previous };
    }),
  );
  if (context.options.json !== false) {
    const { platform, fallbacks = {} } = manifest;
    context.stdout.write(renderDocument({ prefix, platform, tools, fallbacks }));
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
    context.stdout.write(renderDocument(Object.fromEntries(named)));
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

import { join } from "node:path";
import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { titleOfTool } from "../core/library-set.ts";
import type { Manifest } from "../core/manifest.ts";
import { unusedTools } from "../core/plan/required-by.ts";
import { isDirectory } from "../io/files.ts";
import { bytesOf, isBusy, type Pruned, prune } from "../io/volume/prune.ts";
import { volumeTime } from "../io/volume/volume.ts";
import { formatBytes, renderDocument, titleOf } from "../report/text.ts";
import { type InstalledState, loadState } from "../run/inputs/state.ts";
import { forgetCatalogues } from "../run/store-catalogue.ts";
import {
  forgetPrevious,
  openForChange,
  type Uninstalled,
  uninstall,
  withSizes,
} from "../run/uninstall.ts";
import { notifySessions } from "./notify.ts";
import { removedTools } from "./remove.ts";

/** What was, or would be, removed. */
interface Garbage extends Pruned {
  readonly taken: readonly Uninstalled[];
}

const nothing: Garbage = { taken: [], freed: [], later: [] };

/**
 * `gc`: removes tools that no skill requires, no request names and no used tool needs; replaced
 * trees, including those kept for `rollback`; and what killed runs have left. The skills in view and those of the last run count,
 * because containers with other skills may share the volume.
 */
export async function gc(context: Context): Promise<number> {
  const state = await loadState(context);
  if (state.brokenManifest) {
    throw new UserError(
      "E_MANIFEST_MISSING",
      `${state.prefix} has no manifest that lists the tools in use`,
      {
        hint: "Nothing was removed. Run openclaw-install-skill-deps doctor --repair first.",
      },
    );
  }
  const collect = context.options.dryRun ? foresee : free;
  const garbage = isDirectory(state.prefix) ? await collect(state, context) : nothing;
  sayRecorded(state, context);
  report(garbage, state.prefix, context);
  return exitStatus.done;
}

async function free(state: InstalledState, context: Context): Promise<Garbage> {
  const { prefix, plan } = state;
  const { emit } = context.reporter;
  await openForChange(prefix);
  const began = (await volumeTime(prefix)) ?? 0;
  if (await isBusy(prefix, began)) {
    sayBusy(context);
    return nothing;
  }
  // First, because the disk may be full. A kill here leaves previous trees listed that rollback misses.
  const manifest = await forgetCatalogues(state, usedCatalogues(state), emit);
  const pruned = await prune(prefix, manifest, began, { withPrevious: true });
  await forgetPrevious(prefix, state.manifest, emit);
  const choose = (manifest: Manifest) => unusedIn(manifest, state);
  const isUnused = choose(state.manifest).length > 0;
  const taken = isUnused ? await uninstall(prefix, plan.platform, emit, choose) : [];
  if (taken.length > 0) await notifySessions(context);
  return { taken, ...pruned };
}

/** That of this run, and that of the last one, which may have been a watcher's. */
function usedCatalogues({ named, manifest }: InstalledState): string[] {
  return [named?.called, manifest.catalogue].filter((spec) => spec !== undefined);
}

async function foresee(state: InstalledState, context: Context): Promise<Garbage> {
  const { prefix, manifest } = state;
  const now = Date.now(); // reading the volume's clock would change the volume
  if (await isBusy(prefix, now)) {
    sayBusy(context);
    return nothing;
  }
  const taken = await withSizes(prefix, unusedIn(manifest, state), manifest);
  const options = { dryRun: true, withPrevious: true };
  const pruned = await prune(prefix, manifest, now, options);
  return { taken, ...pruned, freed: [...pruned.freed, ...(await unusedCatalogues(state))] };
}

async function unusedCatalogues(state: InstalledState): Promise<Pruned["freed"]> {
  const { prefix, manifest } = state;
  const used = usedCatalogues(state);
  const unused = Object.entries(manifest.catalogues ?? {}).filter(([spec]) => !used.includes(spec));
  const paths = unused.map(([, { sha256 }]) => layout.catalogueFile(sha256));
  return await Promise.all(
    paths.map(async (path) => ({ path, bytes: await bytesOf(join(prefix, path)) })),
  );
}

/** Tools that neither the skills in view nor those of the last run use. */
function unusedIn(manifest: Manifest, { selected, requests }: InstalledState): string[] {
  return unusedTools(manifest, [...(selected ?? []), ...manifest.skills], requests);
}

/** Its trees may not be in the manifest yet. */
function sayBusy({ reporter: { emit } }: Context): void {
  emit({
    type: "warning",
    problem: "E_VOLUME_BUSY",
    message: "another run is working on this volume, or was a minute ago: nothing was removed",
    hint: "Run openclaw-install-skill-deps gc again later.",
  });
}

/** Why a tool stays although no skill in view requires it. */
function sayRecorded(state: InstalledState, { reporter: { emit } }: Context): void {
  const { manifest, selected } = state;
  if (selected === undefined) return;
  const unused = unusedIn(manifest, state);
  const stays = unusedTools(manifest, selected, state.requests).filter(
    (tool) => !unused.includes(tool),
  );
  if (stays.length === 0) return;
  emit({
    type: "note",
    message: `${stays.map(titleOfTool).join(", ")}: kept, because skills of the last run require it that are not selected here; run openclaw-install-skill-deps to update that record, or remove NAME to remove the tool`,
  });
}

function report(garbage: Garbage, prefix: string, { options, stdout, stderr }: Context): void {
  const tools = removedTools(garbage.taken);
  const { freed, later } = garbage;
  const bytes = [...tools, ...freed].reduce((sum, each) => sum + each.bytes, 0);
  if (options.json === "document") {
    stdout.write(renderDocument({ prefix, dryRun: options.dryRun, bytes, tools, freed, later }));
    return;
  }
  if (options.json !== false || (options.quiet && !options.dryRun)) return;
  const lines = [
    ...(options.dryRun ? tools.map((it) => line(titleOf(it), it.bytes)) : []),
    ...freed.map((it) => line(it.path, it.bytes)),
    `${formatBytes(bytes)} ${options.dryRun ? "would be freed" : "freed"} in ${prefix}`,
    ...(later.length > 0
      ? [`${later.length} left by a run that has just ended; removed later`]
      : []),
  ];
  (options.dryRun ? stdout : stderr).write(`${lines.join("\n")}\n`);
}

function line(what: string, bytes: number): string {
  return `${what} (${formatBytes(bytes)})`;
}

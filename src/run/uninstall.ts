import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { emptyManifest, type Manifest, type VerifiedRecord } from "../core/manifest.ts";
import { titleOfRecord } from "../core/plan/needed-by.ts";
import { requestedTools } from "../core/plan/required-by.ts";
import { rm } from "../io/disk.ts";
import { listNames, syncDirectory, withContext } from "../io/files.ts";
import { forgetFreshness } from "../io/freshness/record.ts";
import { isOurs, treesInUse } from "../io/volume/bins.ts";
import { unlinkLibraries } from "../io/volume/library-links.ts";
import { editManifest, readManifest } from "../io/volume/manifest-file.ts";
import { bytesOf } from "../io/volume/prune.ts";
import { discard, removeStaleFiles } from "../io/volume/stale-files.ts";
import { openDirectories } from "../io/volume/volume.ts";
import type { Emit } from "../report/events.ts";
import { withManifestLease } from "./manifest-lease.ts";

/** A removed tool, and the size of its tree. */
export interface Uninstalled {
  readonly record: VerifiedRecord;
  readonly bytes: number;
}

/**
 * Removes tools from the volume:
 *
 * 1. drop the freshness records;
 * 2. remove their links and launchers in `bin/`, and those of libraries: after a kill here any run recreates them;
 * 3. write the manifest without them, which is the commit point: the rest is stale;
 * 4. remove their trees, unless another run has linked or listed them again in the meantime.
 *
 * `choose` selects the tools of a manifest; it is called again for a manifest that another run has
 * written, and may throw. Removed tools, and `unrequested` ones, are no longer requested by name, nor held.
 */
export async function uninstall(
  prefix: string,
  platform: string,
  emit: Emit,
  choose: (manifest: Manifest) => readonly string[],
  unrequested: readonly string[] = [],
): Promise<Uninstalled[]> {
  return await withManifestLease(prefix, emit, async () => {
    await forgetFreshness(prefix); // 1
    const listed = (await readManifest(prefix)) ?? emptyManifest(platform);
    await unlinkBins(prefix, new Set(choose(listed)), listed); // 2
    const sized = await withSizes(prefix, choose(listed), listed);
    const sizes = new Map(sized.map(({ record, bytes }) => [record.dir, bytes]));
    const chosen = new Map<string, VerifiedRecord>();
    const edit = () =>
      editManifest(prefix, platform, (manifest) => {
        forget(choose(manifest), unrequested, manifest, chosen);
      });
    const left = await edit().catch(async (error: unknown) => {
      if (!(error instanceof UserError) || error.kind !== "disk") throw error;
      // On a full disk the manifest can only be written after a tree was removed.
      for (const { dir } of chosen.values()) await discard(prefix, dir);
      return await edit();
    }); // 3
    const taken: Uninstalled[] = [];
    for (const record of chosen.values()) {
      const { tool, version, bins } = record;
      await removeTree(prefix, record, left); // 4
      const size = sizes.get(record.dir) ?? 0;
      taken.push({ record, bytes: size });
      const title = titleOfRecord(record);
      emit({ type: "removed", tool, version, title, bins: Object.keys(bins), size });
    }
    await removeStaleFiles(prefix, left);
    return taken;
  });
}

/** Takes tools out of a manifest, and adds their records to `chosen`. */
function forget(
  tools: readonly string[],
  unrequested: readonly string[],
  manifest: Manifest,
  chosen: Map<string, VerifiedRecord>,
): void {
  const requested = requestedTools(manifest);
  for (const tool of tools) {
    const record = manifest.tools[tool];
    if (record) chosen.set(tool, record);
    delete manifest.tools[tool];
    delete manifest.previous?.[tool];
  }
  const stays = (tool: string): boolean => !chosen.has(tool) && !unrequested.includes(tool);
  manifest.requested = requested.filter(stays);
  if (manifest.held) manifest.held = manifest.held.filter(stays);
}

/** Drops the previous trees that this manifest lists; another run may have listed others meanwhile. */
export async function forgetPrevious(
  prefix: string,
  { platform, previous = {} }: Manifest,
  emit: Emit,
): Promise<void> {
  if (Object.keys(previous).length === 0) return;
  const change = (current: Manifest): void => {
    for (const [tool, { dir }] of Object.entries(previous)) {
      if (current.previous?.[tool]?.dir === dir) delete current.previous[tool];
    }
  };
  await withManifestLease(prefix, emit, () => editManifest(prefix, platform, change));
}

/** These tools with the sizes of their trees: what removing them would remove. */
export async function withSizes(
  prefix: string,
  chosen: readonly string[],
  { tools }: Manifest,
): Promise<Uninstalled[]> {
  const records = chosen.flatMap((tool) => tools[tool] ?? []);
  return await Promise.all(
    records.map(async (record) => ({ record, bytes: await bytesOf(join(prefix, record.dir)) })),
  );
}

/** Opens a volume that is to be changed as the user says; a read-only one is an error here. */
export async function openForChange(prefix: string): Promise<void> {
  try {
    await openDirectories(prefix);
  } catch (error) {
    if (!(error instanceof UserError) || error.kind !== "unmet") throw error;
    const { message, hint } = error; // the request was not carried out
    throw new UserError("E_PERMISSION", message, { hint });
  }
}

/** A program that another tool also has stays, and so do files of others. */
async function unlinkBins(
  prefix: string,
  going: ReadonlySet<string>,
  { tools }: Manifest,
): Promise<void> {
  const namesOf = (go: boolean): string[] =>
    Object.values(tools).flatMap(({ tool, bins }) =>
      going.has(tool) === go ? Object.keys(bins) : [],
    );
  const provided = new Set(namesOf(false));
  for (const name of namesOf(true)) {
    const path = join(prefix, layout.binPath(name));
    if (provided.has(name) || !(await isOurs(path))) continue;
    await withContext("remove", path, rm(path, { force: true }));
  }
  await syncDirectory(join(prefix, layout.bin));
  await unlinkLibraries(
    prefix,
    [...going].flatMap((tool) => tools[tool] ?? []),
  );
}

async function removeTree(
  prefix: string,
  { dir }: VerifiedRecord,
  { tools }: Manifest,
): Promise<void> {
  const linked = await treesInUse(prefix, listNames(join(prefix, layout.bin)));
  const isUsed = linked.includes(dir) || Object.values(tools).some((record) => record.dir === dir);
  if (!isUsed) await discard(prefix, dir);
}

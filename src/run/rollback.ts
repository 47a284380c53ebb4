import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { Manifest, VerifiedRecord } from "../core/manifest.ts";
import { forgetFreshness } from "../io/freshness/record.ts";
import { linkBins } from "../io/volume/bins.ts";
import { removeStaleFiles } from "../io/volume/stale-files.ts";
import { examineTree, isWhole, repairTree } from "../io/volume/store.ts";
import { openStaging } from "../io/volume/volume.ts";
import { removeReplaced } from "./cleanup.ts";
import { commit } from "./commit.ts";

type RollbackRequest = Pick<
  Parameters<typeof commit>[0],
  "prefix" | "platform" | "emit" | "clock" | "manifest"
>;

/**
 * Restores the previous trees of tools:
 *
 * 1. hash every file of these trees; nothing is changed before;
 * 2. drop the freshness records;
 * 3. link their programs into `bin/`, one rename per program;
 * 4. write the manifest, which is the commit point: the replaced tree then is the previous one;
 * 5. remove the links of programs that a tool no longer has.
 *
 * A kill in between leaves either tree in use; the next run links what the manifest lists.
 */
export async function rollBack(
  request: RollbackRequest,
  chosen: readonly VerifiedRecord[],
): Promise<Manifest> {
  const { prefix } = request;
  const staging = await openStaging(prefix); // gc sees that a run is active
  try {
    const records: VerifiedRecord[] = [];
    for (const record of chosen) records.push(await verified(prefix, record, true)); // 1
    await forgetFreshness(prefix); // 2
    for (const record of records) await linkBins(prefix, record); // 3
    const forced = new Set(records.map(({ tool }) => tool));
    const context = { ...request, brokenManifest: false, reverified: [], fallbacks: [] };
    const reasons = { skills: undefined, requested: [] };
    const after = await commit({ ...context, ...reasons }, records, forced); // 4
    await removeReplaced(request, records, after); // 5
    await removeStaleFiles(prefix, after);
    return after;
  } finally {
    await staging.close();
  }
}

/** The record of an unchanged tree. Throws a UserError (`integrity`) for any other. */
export async function verified(
  prefix: string,
  record: VerifiedRecord,
  repair: boolean,
): Promise<VerifiedRecord> {
  const { tool, version, dir } = record;
  if (repair) await repairTree(prefix, dir);
  const { verified: current, paths } = await examineTree(prefix, record);
  if (current && isWhole(prefix, record)) return { ...record, sealed: current.sealed };
  const what = paths.includes(".")
    ? "is gone or damaged"
    : `has changed: ${paths.slice(0, 5).join(", ")}`;
  throw new UserError(
    "E_TREE_CHANGED",
    `the previous tree of ${tool} (${version}, ${join(prefix, dir)}) ${what}`,
    {
      hint: `Nothing was changed. To get that version: openclaw-install-skill-deps recipe new ${tool}@${version}`,
    },
  );
}

import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { Manifest, VerifiedRecord } from "../core/manifest.ts";
import { rm } from "../io/disk.ts";
import { lstatIfExists, tolerate } from "../io/files.ts";
import { isWhole } from "../io/volume/store.ts";
import { renew } from "../io/volume/volume.ts";
import type { Failure } from "../report/events.ts";
import type { ApplyContext } from "./apply-context.ts";
import { asFailure } from "./failed.ts";

/**
 * Published trees that are missing: if a run was suspended for hours, another run may have pruned
 * them.
 */
export async function findMissing(
  { prefix, emit }: Pick<ApplyContext, "prefix" | "emit">,
  installed: readonly VerifiedRecord[],
): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const record of installed) {
    const wrong = whatIsWrong(prefix, record);
    if (wrong === undefined) continue;
    const failure = asFailure(record.tool, wrong);
    failures.push(failure);
    emit({ type: "failed", ...failure });
  }
  return failures;
}

function whatIsWrong(prefix: string, record: VerifiedRecord): UserError | undefined {
  try {
    return isWhole(prefix, record) ? undefined : stagingGone(record.tool);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/** True if a run's staging directory was removed; false if that is not certain. */
export async function isStagingGone(staging: string): Promise<boolean> {
  return (await tolerate(async () => (await lstatIfExists(staging)) === undefined)) === true;
}

/** The error of a run whose staging another one has removed (`isStagingGone`). */
export function stagingGone(tool: string): UserError {
  return new UserError(
    "E_STAGING_REMOVED",
    `${tool}: another run removed the staging directory of this one`,
  );
}

/**
 * Removes links of programs that the new version no longer has. A replaced tree stays for a while,
 * because programs may still run from it; its age starts now. What cannot be removed is left for a
 * later prune.
 */
export async function removeReplaced(
  context: Pick<ApplyContext, "prefix" | "manifest">,
  installed: readonly VerifiedRecord[],
  manifest: Manifest,
): Promise<void> {
  const { prefix } = context;
  const provided = new Set(Object.values(manifest.tools).flatMap(({ bins }) => Object.keys(bins)));
  for (const { tool, dir } of installed) {
    const former = context.manifest.tools[tool];
    if (!former) continue;
    for (const name of Object.keys(former.bins)) {
      if (!provided.has(name))
        await tolerate(rm(join(prefix, layout.binPath(name)), { force: true }));
    }
    if (former.dir !== dir) await renew(prefix, former.dir);
  }
}

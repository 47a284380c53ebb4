import { join } from "node:path";
import { describeError, UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { Manifest, SealedRecord } from "../core/manifest.ts";
import { rm } from "../io/disk.ts";
import { lstatIfExists, tolerate } from "../io/files.ts";
import { isWhole } from "../io/volume/store.ts";
import { renew } from "../io/volume/volume.ts";
import type { Failure } from "../report/events.ts";
import type { ApplyContext } from "./apply-context.ts";

/** A run that slept for hours after it published may find its tree swept: that is no success. */
export async function findMissing(
  { prefix, emit }: Pick<ApplyContext, "prefix" | "emit">,
  installed: readonly SealedRecord[],
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

function whatIsWrong(prefix: string, record: SealedRecord): UserError | undefined {
  try {
    return isWhole(prefix, record) ? undefined : stagingGone(record.tool);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/** True where a run's staging place is gone: false where the disk does not tell. */
export async function isStagingGone(staging: string): Promise<boolean> {
  return (await tolerate(async () => (await lstatIfExists(staging)) === undefined)) === true;
}

export function stagingGone(tool: string): UserError {
  return new UserError(
    "E_STAGING_REMOVED",
    `${tool}: another run removed the staging directory of this one`,
  );
}

/**
 * A program that a new version no longer has must not stay behind as a link into nothing. A tree that
 * was replaced stays for a while, for programs that still run from it; its time begins now. What cannot be
 * removed is left to a sweep.
 */
export async function retireReplaced(
  context: Pick<ApplyContext, "prefix" | "manifest">,
  installed: readonly SealedRecord[],
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

export function asFailure(tool: string, error: unknown): Failure {
  const message = describeError(error);
  if (!(error instanceof UserError)) return { tool, code: "busy", problem: "E_BUG", message };
  const { kind, problem, hint, shared, also } = error;
  return {
    tool,
    code: kind,
    problem,
    message,
    hint,
    ...(shared && { shared }),
    ...(also.length > 0 && { also }),
  };
}

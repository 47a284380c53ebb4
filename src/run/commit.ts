import { join } from "node:path";
import { commandName, layout } from "../core/layout.ts";
import { isHeld, type Manifest, type VerifiedRecord } from "../core/manifest.ts";
import type { Reasons } from "../core/plan/import.ts";
import { requestedTools } from "../core/plan/required-by.ts";
import { platformId } from "../core/platform.ts";
import { compareVersions } from "../core/versions.ts";
import { syncDirectory } from "../io/files.ts";
import { isLinked, linkBins } from "../io/volume/bins.ts";
import { editManifest, findManifest, setManifestAside } from "../io/volume/manifest-file.ts";
import { isWhole } from "../io/volume/store.ts";
import type { ApplyContext } from "./apply-context.ts";
import { withManifestLease } from "./manifest-lease.ts";
import type { OlderVersion } from "./older-version.ts";

/** What is written besides the records. */
type CommitContext = Pick<
  ApplyContext,
  "prefix" | "platform" | "emit" | "clock" | "manifest" | "brokenManifest" | "reverified"
> &
  Reasons & {
    /** Tools with an older version than wanted. */
    readonly fallbacks: readonly OlderVersion[];
  };

/**
 * Writes the manifest and makes `bin/` match it, also after a killed run. Another run may have
 * changed it since the plan was made: its tools stay, and if both installed the same tool, the
 * newer version wins, unless this run was told to replace it.
 */
export async function commit(
  context: CommitContext,
  installed: readonly VerifiedRecord[],
  forced: ReadonlySet<string>,
): Promise<Manifest> {
  const { prefix, emit } = context;
  return await withManifestLease(prefix, emit, async () => {
    await setAsideBroken(context);
    // Everything that the manifest lists must be on disk first: trees are synced when published,
    // their names here.
    for (const dir of [layout.lib, layout.bin]) await syncDirectory(join(prefix, dir));
    const manifest = await editManifest(prefix, platformId(context.platform), (current) => {
      // Asked first: a manifest that does not say it is read for the tools that it has.
      const requested = [...requestedTools(current), ...context.requested];
      if (context.brokenManifest) requested.push(...addProven(current, context));
      addRecords(current, context, installed, forced);
      addReasons(current, context, requested);
      current.fallbacks = fallbacksOf(current, context);
    });
    for (const record of Object.values(manifest.tools)) {
      const isRight = await isLinked(prefix, record);
      if (!isRight && isWhole(prefix, record)) await linkBins(prefix, record);
    }
    return manifest;
  });
}

function addRecords(
  current: Manifest,
  context: CommitContext,
  installed: readonly VerifiedRecord[],
  forced: ReadonlySet<string>,
): void {
  const { tools } = current;
  for (const record of context.reverified) {
    if (tools[record.tool]?.dir === record.dir) tools[record.tool] = record;
  }
  for (const record of installed) {
    const other = tools[record.tool];
    const isLeft = other && !forced.has(record.tool) && stays(other, record, current, context);
    if (isLeft) continue;
    if (other && isOtherInstallation(other, record) && isWhole(context.prefix, other)) {
      current.previous = { ...current.previous, [record.tool]: other };
    }
    tools[record.tool] = record;
  }
}

/**
 * The same installed again is nothing to go back to: what it replaced may have been damaged. Nor is an older
 * command: the next run of the newer one would replace it.
 */
function isOtherInstallation(
  other: VerifiedRecord,
  { tool, version, key }: VerifiedRecord,
): boolean {
  if (tool === commandName) return false;
  return other.version !== version || other.key !== key;
}

/** True if another run has recorded a newer version meanwhile, or somebody holds the one that is there. */
function stays(
  other: VerifiedRecord,
  { tool, version }: VerifiedRecord,
  current: Manifest,
  { manifest }: CommitContext,
): boolean {
  const isHeldNow = isHeld(current, tool) && !isHeld(manifest, tool);
  const order = compareVersions(other.version, version);
  return order > 0 || (isHeldNow && other.version !== version);
}

/** Adds what the trees prove in place of a broken manifest; gives the tools that no skill asks for. */
function addProven({ tools }: Manifest, { manifest, skills }: CommitContext): string[] {
  for (const record of Object.values(manifest.tools)) tools[record.tool] ??= record;
  return requestedTools(manifest, [...(skills ?? [])]);
}

function addReasons(
  current: Manifest,
  { skills, held = [] }: CommitContext,
  requested: readonly string[],
): void {
  if (skills) current.skills = [...skills];
  current.requested = [...new Set(requested)].sort(); // also what could not be installed yet
  const kept = new Set([...(current.held ?? []), ...held]);
  if (kept.size > 0) current.held = [...kept].sort();
}

/** The fallbacks of the manifest and this run, for tools that still have that version. */
function fallbacksOf(
  current: Manifest,
  { fallbacks, clock }: CommitContext,
): Manifest["fallbacks"] {
  const all = { ...current.fallbacks };
  const at = clock().toISOString();
  for (const { tool, ...fallback } of fallbacks) all[tool] = { ...fallback, at };
  const known = Object.entries(all).filter(
    ([tool, { version }]) => current.tools[tool]?.version === version,
  );
  return known.length > 0 ? Object.fromEntries(known) : undefined;
}

/** Reads the manifest again: another run may have replaced it. */
async function setAsideBroken({ prefix, clock, emit }: CommitContext): Promise<void> {
  const found = await findManifest(prefix);
  if (!found || !("why" in found)) return;
  const aside = await setManifestAside(prefix, clock());
  emit({ type: "note", message: `the unusable manifest was renamed to ${aside}` });
}

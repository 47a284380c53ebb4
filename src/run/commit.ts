import { join } from "node:path";
import { layout } from "../core/layout.ts";
import type { Manifest, SealedRecord } from "../core/manifest.ts";
import type { Reasons } from "../core/plan/import.ts";
import { requestedTools } from "../core/plan/required-by.ts";
import { platformId } from "../core/platform.ts";
import { compareVersions } from "../core/versions.ts";
import { syncDirectory } from "../io/files.ts";
import { isLinked, linkBins } from "../io/volume/bins.ts";
import { acquireLease } from "../io/volume/lease.ts";
import { editManifest, findManifest, setManifestAside } from "../io/volume/manifest-file.ts";
import { isWhole } from "../io/volume/store.ts";
import type { ApplyContext } from "./apply-context.ts";
import type { OlderVersion } from "./older-version.ts";

/** What is written besides the records. */
type CommitContext = Pick<
  ApplyContext,
  "prefix" | "platform" | "emit" | "clock" | "manifest" | "brokenManifest" | "resealed"
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
  installed: readonly SealedRecord[],
  forced: ReadonlySet<string>,
): Promise<Manifest> {
  const { prefix, emit } = context;
  const lease = await acquireLease({
    prefix,
    name: "manifest",
    // Installed tools are recorded even if the run was stopped.
    signal: new AbortController().signal,
    isDone: async () => false,
    onWait: () => emit({ type: "note", message: "waiting for another run to write the manifest" }),
  });
  try {
    await setAsideBroken(context);
    // Everything that the manifest lists must be on disk first: trees are synced when published,
    // their names here.
    for (const dir of [layout.lib, layout.bin]) await syncDirectory(join(prefix, dir));
    const manifest = await editManifest(prefix, platformId(context.platform), (current) => {
      const { tools } = current;
      const requested = new Set([...requestedTools(current), ...context.requested]);
      if (context.brokenManifest) {
        addUnknown(tools, Object.values(context.manifest.tools));
        const unknown = requestedTools(context.manifest, [...(context.skills ?? [])]);
        for (const tool of unknown) requested.add(tool);
      }
      for (const record of context.resealed) {
        if (tools[record.tool]?.dir === record.dir) tools[record.tool] = record;
      }
      for (const record of installed) {
        const other = tools[record.tool];
        const isNewer = other && compareVersions(other.version, record.version) > 0;
        if (!isNewer || forced.has(record.tool)) tools[record.tool] = record;
      }
      if (context.skills) current.skills = [...context.skills];
      current.fallbacks = fallbacksOf(current, context);
      current.requested = [...requested].sort(); // also those that could not be installed yet
    });
    for (const record of Object.values(manifest.tools)) {
      const isRight = await isLinked(prefix, record);
      if (!isRight && isWhole(prefix, record)) await linkBins(prefix, record);
    }
    return manifest;
  } finally {
    await lease?.release();
  }
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

function addUnknown(tools: Record<string, SealedRecord>, proven: readonly SealedRecord[]): void {
  for (const record of proven) tools[record.tool] ??= record;
}

import { join } from "node:path";
import { layout } from "../../core/layout.ts";
import { type Manifest, unverified, type VerifiedRecord } from "../../core/manifest.ts";
import { listNames } from "../files.ts";
import { isLinked, isOurs } from "./bins.ts";
import { timesProve } from "./stamps.ts";
import { examineTree, isUnchanged, isWhole, repairTree, treesOf, verifyTree } from "./store.ts";

/** The state of the volume's tools. */
export interface Inspection {
  /** Tool to the problem of its tree. */
  readonly damaged: ReadonlyMap<string, string>;
  /** Tools with an intact tree but a missing or wrong link or launcher in `bin/`. */
  readonly unlinked: ReadonlySet<string>;
  /**
   * Records of trees whose files were touched but are as published: their fingerprint must be
   * updated.
   */
  readonly reverified: readonly VerifiedRecord[];
  /** Tools whose file modes were restored. */
  readonly repaired: ReadonlySet<string>;
}

export interface InspectOptions {
  /** Hash every file of every tree. */
  readonly deep?: boolean;
  /** Restore the modes of trees that were touched. */
  readonly repair?: boolean;
}

/**
 * Checks every installed tool: its programs, its links, and whether anything in its tree has
 * changed since it was published. If something may have changed, or with `deep`, every file is
 * hashed. A tree is compared by content, names and links; additional permission bits do not matter.
 */
export async function inspect(
  prefix: string,
  manifest: Manifest,
  options: InspectOptions = {},
): Promise<Inspection> {
  const damaged = new Map<string, string>();
  const unlinked = new Set<string>();
  const reverified: VerifiedRecord[] = [];
  const repaired = new Set<string>();
  const proves = timesProve(prefix);
  await Promise.all(
    Object.values(manifest.tools).map(async (record) => {
      const { tool } = record;
      const found = await stateOf(prefix, record, { ...options, proves });
      if (found.damage !== undefined) damaged.set(tool, found.damage);
      if (found.reverified) reverified.push(found.reverified);
      if (found.repaired) repaired.add(tool);
      if (!damaged.has(tool) && !(await isLinked(prefix, record))) unlinked.add(tool);
    }),
  );
  return { damaged, unlinked, reverified, repaired: repaired };
}

interface State {
  readonly damage?: string;
  readonly reverified?: VerifiedRecord;
  readonly repaired?: boolean;
}

async function stateOf(
  prefix: string,
  record: VerifiedRecord,
  { deep = false, repair = false, proves }: InspectOptions & { readonly proves: boolean },
): Promise<State> {
  const unchanged = proves && isUnchanged(prefix, record);
  if (isWhole(prefix, record) && unchanged && !deep) return {};
  const repaired = repair && (await repairTree(prefix, record.dir));
  if (!isWhole(prefix, record)) {
    return { damage: "a program is missing, truncated or not executable", repaired };
  }
  const { paths, verified } = await examineTree(prefix, record);
  if (paths.length > 0) {
    const more = paths.length > 5 ? `, and ${paths.length - 5} more` : "";
    return { damage: `not as published: ${paths.slice(0, 5).join(", ")}${more}`, repaired };
  }
  const isNew = verified && verified.sealed !== unverified && verified.sealed !== record.sealed;
  return { repaired, ...(isNew && { reverified: verified }) };
}

/**
 * True if an installation is as its record says: its programs, its tree since it was verified, its links. Where times
 * prove nothing, files are not read: there each start reads them.
 */
export async function isAsRecorded(prefix: string, record: VerifiedRecord): Promise<boolean> {
  if (!isWhole(prefix, record) || !(await isLinked(prefix, record))) return false;
  if (!timesProve(prefix) || isUnchanged(prefix, record)) return true;
  return (await verifyTree(prefix, record.dir, false))?.contents === record.contents;
}

/** Names in `bin/` that are neither in the manifest nor created by this command. */
export async function unmanagedInBin(prefix: string, manifest: Manifest): Promise<string[]> {
  const bins = new Set(Object.values(manifest.tools).flatMap((tool) => Object.keys(tool.bins)));
  const others = listNames(join(prefix, layout.bin)).filter((name) => !bins.has(name));
  const ours = await Promise.all(others.map((name) => isOurs(join(prefix, layout.bin, name))));
  return others.filter((_, i) => !ours[i]);
}

/**
 * Rebuilds a lost or damaged manifest from the trees: for each tool the newest tree that matches
 * its own record. The reasons for the tools are lost.
 */
export async function rebuildManifest(
  prefix: string,
  manifest: Manifest,
  repair: boolean,
): Promise<Manifest> {
  const tools: Record<string, VerifiedRecord> = {};
  for (const name of listNames(join(prefix, layout.lib)).filter((name) => !name.startsWith("."))) {
    for (const dir of await treesOf(prefix, name)) {
      const record = await verifyTree(prefix, dir, repair);
      if (!record || layout.treesDir(record.tool) !== `${layout.lib}/${name}`) continue;
      tools[record.tool] ??= record;
      if (!record.libraries) break; // of a tool the newest, and every library set
    }
  }
  const { requested: _, ...known } = manifest;
  return { ...known, tools };
}

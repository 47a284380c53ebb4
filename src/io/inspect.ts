import { join } from "node:path";
import { layout } from "../core/layout.ts";
import type { Manifest, SealedRecord } from "../core/manifest.ts";
import { isLinked, isOurs } from "./bins.ts";
import { listNames } from "./files.ts";
import { deepDamage, isSealed, isWhole, treesOf, verifyTree } from "./store.ts";

/** How the volume's tools stand. */
export interface Inspection {
  /** Tool to what is wrong with its tree. */
  readonly damaged: ReadonlyMap<string, string>;
  /** Tools whose tree is whole and whose link or launcher in `bin/` is not what it should be. */
  readonly unlinked: ReadonlySet<string>;
  /** Records of trees whose files were touched and are as published: to be sealed anew. */
  readonly resealed: readonly SealedRecord[];
}

/**
 * Looks at every installed tool: its programs, its links, and whether anything in its tree has changed
 * since it was published. Where something has, or with `deep`, every byte is read.
 */
export async function inspect(
  prefix: string,
  manifest: Manifest,
  deep = false,
): Promise<Inspection> {
  const damaged = new Map<string, string>();
  const unlinked = new Set<string>();
  const resealed: SealedRecord[] = [];
  await Promise.all(
    Object.values(manifest.tools).map(async (record) => {
      const { tool } = record;
      const damage = await damageOf(prefix, record, deep);
      if (typeof damage === "string") damaged.set(tool, damage);
      else if (damage) resealed.push(damage);
      if (!damaged.has(tool) && !(await isLinked(prefix, record))) unlinked.add(tool);
    }),
  );
  return { damaged, unlinked, resealed };
}

/** What is wrong with a tree; its record sealed anew where it was only touched; else undefined. */
async function damageOf(
  prefix: string,
  record: SealedRecord,
  deep: boolean,
): Promise<string | SealedRecord | undefined> {
  if (!isWhole(prefix, record)) return "a program is missing, cut short or not executable";
  const sealed = isSealed(prefix, record);
  if (sealed && !deep) return undefined;
  const paths = await deepDamage(prefix, record);
  if (paths.length > 0) {
    const more = paths.length > 5 ? `, and ${paths.length - 5} more` : "";
    return `not as published: ${paths.slice(0, 5).join(", ")}${more}`;
  }
  if (sealed) return undefined;
  // The tree's own record does not have the aliases under which it was linked later.
  const verified = await verifyTree(prefix, record.dir);
  return verified ? { ...record, sealed: verified.sealed } : "its record is gone";
}

/** Names in `bin/` that are neither the manifest's nor of our making. */
export async function strangersInBin(prefix: string, manifest: Manifest): Promise<string[]> {
  const bins = new Set(Object.values(manifest.tools).flatMap((tool) => Object.keys(tool.bins)));
  const others = listNames(join(prefix, layout.bin)).filter((name) => !bins.has(name));
  const ours = await Promise.all(others.map((name) => isOurs(join(prefix, layout.bin, name))));
  return others.filter((_, i) => !ours[i]);
}

/**
 * What a lost or broken manifest said, as far as the trees prove it: of each tool the newest tree that
 * is whole to the last byte by its own record. Who asked for them no tree tells.
 */
export async function rebuildManifest(prefix: string, manifest: Manifest): Promise<Manifest> {
  const tools: Record<string, SealedRecord> = {};
  for (const tool of listNames(join(prefix, layout.lib)).filter((name) => !name.startsWith("."))) {
    for (const dir of await treesOf(prefix, tool)) {
      const record = await verifyTree(prefix, dir);
      if (!record || record.tool !== tool) continue;
      tools[tool] = record;
      break;
    }
  }
  const { requested: _, ...known } = manifest;
  return { ...known, tools };
}

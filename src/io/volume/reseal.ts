import { lineOfTool } from "../../core/library-set.ts";
import { unverified, type VerifiedRecord } from "../../core/manifest.ts";
import { examineTree, isUnchanged } from "./store.ts";

/**
 * The updated records of library sets whose files got or lost hard links: that changes the files' times, and with
 * them what proves that nothing has changed. Every file of such a tree is hashed. Damaged trees are left out.
 */
export async function resealed(
  prefix: string,
  records: readonly VerifiedRecord[],
): Promise<VerifiedRecord[]> {
  const sets = records.filter(({ tool, sealed }) => lineOfTool(tool) && sealed !== unverified);
  const touched = sets.filter((record) => !isUnchanged(prefix, record));
  const compared = await Promise.all(touched.map((record) => examineTree(prefix, record)));
  return compared.flatMap(({ verified }) => verified ?? []);
}

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { lineOfTool } from "../../core/library-set.ts";
import { unverified, type VerifiedRecord } from "../../core/manifest.ts";
import { orNothing } from "../files.ts";
import { knownTraits } from "./probe.ts";
import { examineTree, isUnchanged, readTreeRecord } from "./store.ts";
import { contentsDigest, isPlainFile, stampOf, type WrittenDigests } from "./tree-list.ts";

/*
 * Library sets share files by hard links, and each link changes the times of a file, and with them what proves that
 * nothing in the trees has changed. The records are renewed without reading what no link has touched.
 */

/** Adds the digests of all files of unchanged library sets: call it before a run makes links. */
export async function learnDigests(
  prefix: string,
  records: readonly VerifiedRecord[],
  known: WrittenDigests,
): Promise<void> {
  if (knownTraits(prefix)?.inodes !== "stable") return; // a stamp would not tell files apart
  for (const record of setsOf(records)) {
    const found = await readTreeRecord(prefix, record.dir);
    if (!found || contentsDigest(found.files) !== record.contents) continue;
    const stamps = orNothing(() => stampsOfFiles(join(prefix, record.dir), found.files));
    // After the stamps, so that they are of this state.
    if (stamps && isUnchanged(prefix, record)) {
      for (const [stamp, entry] of stamps) known.set(stamp, entry);
    }
  }
}

/** The updated records of library sets whose files got links. Damaged trees are left out. */
export async function renewedRecords(
  prefix: string,
  records: readonly VerifiedRecord[],
  known: WrittenDigests,
): Promise<VerifiedRecord[]> {
  const touched = setsOf(records).filter((record) => !isUnchanged(prefix, record));
  const renewed: VerifiedRecord[] = [];
  // One after the other: a file that many sets share is read for the first of them.
  for (const record of touched) {
    const { verified } = await examineTree(prefix, record, known);
    if (verified) renewed.push(verified);
  }
  return renewed;
}

function setsOf(records: readonly VerifiedRecord[]): VerifiedRecord[] {
  return records.filter(({ tool, sealed }) => lineOfTool(tool) && sealed !== unverified);
}

function stampsOfFiles(dir: string, files: Readonly<Record<string, string>>): [string, string][] {
  const listed = Object.entries(files).filter(([, entry]) => isPlainFile(entry));
  return listed.map(([path, entry]) => [
    stampOf(lstatSync(join(dir, path), { bigint: true })),
    entry,
  ]);
}

import { join } from "node:path";
import { type Digest, formatDigest } from "../core/digest.ts";
import { rmSync } from "../io/disk.ts";
import type { Download, DownloadRequest } from "../net/download.ts";
import { type ExtractRequest, extract, limitsFor } from "../unpack/extract.ts";
import type { Staged } from "./context.ts";
import type { ArchiveContext } from "./kind.ts";
import { checkPrograms, makeTree } from "./tree.ts";

/** An archive that is a complete tree. */
interface OneArchive {
  /** The artifact's kind. */
  readonly kind: string;
  /** The source URL, or NAME@VERSION of a registry. */
  readonly from: string;
  readonly format: ExtractRequest["format"];
  readonly digest: Digest;
  readonly size?: number | undefined;
  readonly strip: number;
  readonly rawPath?: string | undefined;
  /** Completes the tree before its programs are checked. */
  readonly complete?: (tree: string) => void;
}

/**
 * Makes a tree from one archive. It is hashed during the download and unpacked only after its
 * digest is verified: no decoder sees unverified bytes, and a download can be resumed or restarted.
 * Reading it again from the page cache adds some 3 %.
 */
export async function stageOneArchive(
  { kind, from, format, digest, size, strip, rawPath, complete }: OneArchive,
  { dir, bins, written, hasAlternative, signal, onProgress, onNote, onPhase }: ArchiveContext,
  fetch: (request: Omit<DownloadRequest, "url" | "headers">) => Promise<Download>,
): Promise<Staged> {
  const file = join(dir, "download");
  onPhase?.("download");
  const download = await fetch({ file, digest, size, hasAlternative, signal, onProgress });
  onPhase?.("unpack");
  const tree = await makeTree(dir);
  const limits = limitsFor(download.size);
  await extract({ file, format, into: tree, strip, limits, written, signal, rawPath, onNote });
  rmSync(file, { force: true }); // a `raw` file was moved
  complete?.(tree);
  await checkPrograms(tree, bins, true);
  return { tree, source: { kind, from, digest: formatDigest(digest), size: download.size } };
}

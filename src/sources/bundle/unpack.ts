import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Header } from "tar/header";
import { UserError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import { stat } from "../../io/disk.ts";
import { fileError } from "../../io/files.ts";
import { readPlain } from "../../io/input.ts";
import { decompressed } from "../../unpack/decompress.ts";
import { extract, limitsFor } from "../../unpack/extract.ts";
import { cutShort, Refusal } from "../../unpack/refusals.ts";
import type { BundleFormat } from "./pack.ts";

const blockSize = 512;
/** Larger than any manifest (bytes). */
const maxManifest = 64 * 1024 * 1024;
/** More than the files, links and directories of a volume with every tool. */
const maxEntries = 500_000;

/** A bundle's file, and the data that shows whether it has changed. */
export interface BundleFile {
  readonly file: string;
  readonly format: BundleFormat;
  readonly size: number;
  /** Lower-case hexadecimal, of the whole file. */
  readonly sha256: string;
  readonly identity: string;
}

/** Reads a whole bundle once, for its digest. */
export async function openBundle(
  file: string,
  format: BundleFormat,
  signal: AbortSignal,
): Promise<BundleFile> {
  try {
    const identity = await identityOf(file);
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 })) {
      signal.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
    }
    return { file, format, size, sha256: hash.digest("hex"), identity };
  } catch (cause) {
    signal.throwIfAborted();
    throw fileError("read", file, cause);
  }
}

/**
 * Changes with every write to the file. Without the inode, which some file systems change at each
 * call.
 */
async function identityOf(file: string): Promise<string> {
  const { dev, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return [dev, size, mtimeNs, ctimeNs].join(" ");
}

/** The text of the manifest, which is a bundle's first entry. Unpacks nothing else. */
export async function readBundleManifest(bundle: BundleFile): Promise<string> {
  return await reading(bundle, firstEntry(bundle));
}

async function firstEntry({ file, format }: BundleFile): Promise<string> {
  const parts: Buffer[] = [];
  let held = 0;
  let end: number | undefined;
  for await (const chunk of decompressed(file, format)) {
    parts.push(chunk);
    held += chunk.length;
    if (held < (end ?? blockSize)) continue;
    const bytes = Buffer.concat(parts);
    end ??= blockSize + sizeOfManifest(bytes.subarray(0, blockSize));
    if (held >= end) return bytes.subarray(blockSize, end).toString("utf8");
    parts.splice(0, parts.length, bytes);
  }
  throw cutShort(format);
}

/** The number of bytes after a header, which must be a manifest's. */
function sizeOfManifest(block: Buffer): number {
  const { path, type, size, cksumValid } = new Header(block);
  const isManifest = cksumValid && path === layout.manifest && type === "File";
  if (isManifest && size !== undefined && size <= maxManifest) return size;
  throw new UserError(
    "E_BUNDLE_INVALID",
    "it does not begin with a manifest.json: it is not a bundle",
  );
}

/** Adds the file's name and a hint to errors of the archive. */
async function reading<T>({ file }: BundleFile, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    // Features that our bundles never use (a pipe, a large window) count as damage.
    const isWrong =
      cause instanceof Refusal || (cause instanceof UserError && cause.kind === "integrity");
    if (!isWrong) throw cause;
    throw new UserError("E_BUNDLE_INVALID", `${file}: ${cause.message}`, {
      hint: "Nothing was imported from it. Copy it again, and compare its digest with the output of bundle export.",
    });
  }
}

/**
 * Unpacks a bundle into an empty directory by the rules for any archive. `manifest` is the text
 * from `readBundleManifest` on which the plan is based. Throws `integrity`.
 */
export async function unpackBundle(
  bundle: BundleFile,
  manifest: string,
  into: string,
  signal: AbortSignal,
): Promise<void> {
  const { file, format, size } = bundle;
  const limits = { ...limitsFor(size), entries: maxEntries };
  await reading(bundle, extract({ file, format, into, strip: 0, limits, signal }));
  const isSame = (await identityOf(file)) === bundle.identity;
  const isDecided = readPlain(join(into, layout.manifest), maxManifest) === manifest;
  if (isSame && isDecided) return;
  const why = isSame ? "has two manifests" : "was changed while it was read";
  throw new UserError("E_BUNDLE_INVALID", `${file} ${why}`, {
    hint: "Nothing was imported from it. Do not use this file.",
  });
}

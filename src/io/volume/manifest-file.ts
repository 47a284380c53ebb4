import { rename } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { commandName, layout } from "../../core/layout.ts";
import {
  emptyManifest,
  type Manifest,
  type ManifestProblem,
  parseManifest,
  renderManifest,
} from "../../core/manifest.ts";
import {
  fileError,
  isLasting,
  isThere,
  lstatIfExists,
  withContext,
  writeAtomically,
} from "../files.ts";
import { readPlain, tryRead } from "../input.ts";

/** Larger than any real manifest. Size limit: other users can write here. */
export const maxManifest = 64 * 1024 * 1024;

/** A volume's manifest: undefined if there is none, a problem if it cannot be used. */
export async function findManifest(
  prefix: string,
): Promise<Manifest | ManifestProblem | undefined> {
  const file = join(prefix, layout.manifest);
  const found = await lstatIfExists(file);
  if (!found) return undefined;
  if (!found.isFile()) return { why: "broken", message: `${file} is not a file` };
  if (found.size > maxManifest) return { why: "broken", message: `${file} is far too large` };
  const read = tryRead(file, { maxBytes: maxManifest, noLink: true });
  if (read.bytes) return parseManifest(read.bytes.toString("utf8"), file);
  if (read.cause?.code === "ENOENT") return undefined; // another run has just renamed it
  if (read.cause && !isLasting(read.cause)) throw fileError("read", file, read.cause);
  throw new UserError("E_MANIFEST_UNREADABLE", `cannot read ${file}`, {
    cause: read.cause ?? read.why,
  });
}

/** Reads the manifest; undefined if the volume has none. Throws if it cannot be used. */
export async function readManifest(prefix: string): Promise<Manifest | undefined> {
  const found = await findManifest(prefix);
  if (!found || !("why" in found)) return found;
  throw manifestError(prefix, found);
}

/** The error for a manifest that cannot be used. */
export function manifestError(prefix: string, { why, message }: ManifestProblem): UserError {
  if (why !== "newer") return new UserError("E_MANIFEST_BROKEN", message);
  const own = join(prefix, layout.binPath(commandName));
  const hint = isThere(own) ? { hint: `Run the volume's own command, which is newer: ${own}` } : {};
  return new UserError("E_MANIFEST_NEWER", message, hint);
}

/** Renames an unusable manifest; returns its new name, undefined if there is none. */
export async function setManifestAside(prefix: string, now: Date): Promise<string | undefined> {
  const file = join(prefix, layout.manifest);
  if (!(await lstatIfExists(file))) return undefined;
  const aside = `${file}.broken-${now.toISOString().replaceAll(/[-:.]/g, "")}`;
  await withContext("set aside", file, rename(file, aside));
  return aside;
}

/**
 * Changes the manifest: reads it again, lets `change` edit it, replaces it in one step, and repeats
 * this if another run has overwritten it in the meantime. Trees carry their own record, so a lost
 * update only causes work to be done twice.
 */
export async function editManifest(
  prefix: string,
  platform: string,
  change: (manifest: Manifest) => void,
): Promise<Manifest> {
  const file = join(prefix, layout.manifest);
  for (let attempt = 1; ; attempt += 1) {
    const manifest = (await readManifest(prefix)) ?? emptyManifest(platform);
    const before = renderManifest(manifest);
    change(manifest);
    const text = renderManifest(manifest);
    if (text === before && (await lstatIfExists(file))) return manifest;
    await writeAtomically(file, text);
    if (readPlain(file, maxManifest) === text || attempt === 20) return manifest;
  }
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { emptyManifest, type Manifest, parseManifest, renderManifest } from "../core/manifest.ts";
import { writeAtomically } from "./files.ts";

/** Reads the manifest; undefined where the volume has none. Throws where it cannot be used. */
export async function readManifest(prefix: string): Promise<Manifest | undefined> {
  const file = join(prefix, layout.manifest);
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return undefined;
    throw new UserError("volume", `cannot read ${file}`, {
      cause,
      hint: "Make it readable for the user who runs this, or choose another --prefix.",
    });
  });
  return text === undefined ? undefined : parseManifest(text, file);
}

/**
 * Changes the manifest: reads it anew, lets `change` edit it, writes it in one step, and looks
 * whether another run has written over it meanwhile; if so, it does the same again. Trees carry their
 * own record, so the worst that two writers can do to each other is work done twice.
 */
export async function editManifest(
  prefix: string,
  platform: string,
  change: (manifest: Manifest) => void,
): Promise<Manifest> {
  const file = join(prefix, layout.manifest);
  for (let attempt = 1; ; attempt += 1) {
    const manifest = (await readManifest(prefix)) ?? emptyManifest(platform);
    change(manifest);
    const text = renderManifest(manifest);
    await writeAtomically(file, text);
    const now = await readFile(file, "utf8").catch(() => "");
    if (now === text || attempt === 20) return manifest;
  }
}

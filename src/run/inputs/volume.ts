import { constants } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { UserError } from "../../core/errors.ts";
import { defaultPrefix, layout } from "../../core/layout.ts";
import { emptyManifest, type Manifest } from "../../core/manifest.ts";
import { type Platform, platformId } from "../../core/platform.ts";
import { plural } from "../../core/plural.ts";
import { access } from "../../io/disk.ts";
import { isLasting, listNames } from "../../io/files.ts";
import { type Inspection, inspect, rebuildManifest } from "../../io/volume/inspect.ts";
import { findManifest, manifestError } from "../../io/volume/manifest-file.ts";
import { openModes, umaskFor } from "../../io/volume/modes.ts";

/** What the volume holds, and how whole it is. */
export interface VolumeState {
  readonly manifest: Manifest;
  /** There is a manifest that cannot be used; `manifest` is what the trees prove. */
  readonly brokenManifest: boolean;
  readonly inspection: Inspection;
}

/**
 * Looks at the volume and refuses one of another platform. With `--deep`, every byte is read. Where the
 * verb is one that installs, modes of our own files that were changed are set again; nothing else is.
 */
export async function loadVolume(
  prefix: string,
  platform: Platform,
  context: Context,
): Promise<VolumeState> {
  const { verb, deep, dryRun, repair } = context.options;
  const isRepairing = (verb === "install" || verb === "update" || repair) && !dryRun;
  if (isRepairing) openModes(prefix);
  const found = await loadManifest(prefix, platform, context, isRepairing);
  refuseOtherPlatform(found.manifest, platform, prefix);
  const inspection = await inspect(prefix, found.manifest, { deep, repair: isRepairing });
  for (const tool of inspection.repaired) {
    const message = `${tool}: modes of its files were changed, and are set again as they were published`;
    context.reporter.emit({ type: "note", message });
  }
  return { ...found, inspection };
}

/**
 * The volume: what was asked for, else /opt/openclaw where it exists or can be made, else the user's
 * own data directory. The sh entrypoint decides in the same way. From here on what is made has modes
 * that fit this volume.
 */
export async function resolvePrefix(context: Context): Promise<string> {
  const prefix = await choosePrefix(context);
  context.setUmask(umaskFor(prefix, context.gid));
  return prefix;
}

const isReadOnly = (error: unknown): boolean =>
  error instanceof UserError && error.kind === "unmet";

async function choosePrefix(context: Context): Promise<string> {
  const { prefix } = context.options;
  if (prefix !== undefined) {
    if (isAbsolute(prefix) && !/[\n\r]/.test(prefix)) return resolve(prefix);
    throw new UserError("E_USAGE", `--prefix "${prefix}" is not an absolute path`, {
      hint: `Write it from the root: --prefix ${resolve("/", prefix)}`,
    });
  }
  const usable = async (path: string, mode: number): Promise<boolean> =>
    access(path, mode).then(
      () => true,
      (error: unknown) => {
        if (isLasting(error) || isReadOnly(error)) return false;
        throw error; // not to be told: no reason to begin another volume elsewhere
      },
    );
  if (await usable(defaultPrefix, constants.F_OK)) return defaultPrefix;
  if (await usable(dirname(defaultPrefix), constants.W_OK)) return defaultPrefix;
  // A relative one is none, says its specification.
  const { XDG_DATA_HOME: data = "" } = context.env;
  const share = isAbsolute(data) ? data : join(context.home, ".local", "share");
  const fallback = join(share, "openclaw");
  context.reporter.emit({
    type: "note",
    message: `${defaultPrefix} cannot be created here; using ${fallback} (--prefix chooses another)`,
  });
  return fallback;
}

/**
 * What the manifest says; of one that was lost or cut short, what the trees prove. One of a newer
 * schema is left to the newer version that wrote it, but for doctor --repair.
 */
async function loadManifest(
  prefix: string,
  platform: Platform,
  context: Context,
  repair: boolean,
): Promise<Pick<VolumeState, "manifest" | "brokenManifest">> {
  const found = await findManifest(prefix);
  if (found && !("why" in found)) return { manifest: found, brokenManifest: false };
  if (found?.why === "newer" && !context.options.repair) throw manifestError(found);
  const manifest = await rebuildManifest(prefix, emptyManifest(platformId(platform)), repair);
  const count = Object.keys(manifest.tools).length;
  if (!found && count === 0) return { manifest, brokenManifest: false };
  // None at all, while another run is at work, is a volume that is being filled.
  const isFilling = !found && listNames(join(prefix, layout.staging)).length > 0;
  const message = `${found?.message ?? `${prefix} has no manifest`}; ${plural(count, "tool is proven by its tree", "tools are proven by their trees")}`;
  const hint = "A run of install, or doctor --repair, keeps it aside and writes a new one.";
  const problem = found ? "E_MANIFEST_BROKEN" : "E_MANIFEST_MISSING";
  context.reporter.emit(
    isFilling ? { type: "note", message } : { type: "warning", problem, message, hint },
  );
  return { manifest, brokenManifest: true };
}

/** Throws a UserError (`volume`) where a volume serves another platform. */
export function refuseOtherPlatform(manifest: Manifest, platform: Platform, prefix: string): void {
  if (manifest.platform === platformId(platform)) return;
  throw new UserError(
    "E_VOLUME_PLATFORM",
    `${prefix} holds programs for ${manifest.platform}; this is ${platformId(platform)}`,
  );
}

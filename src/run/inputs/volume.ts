import { constants } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { UserError } from "../../core/errors.ts";
import { defaultPrefix, layout, volumeOfPackage } from "../../core/layout.ts";
import { titleOfTool } from "../../core/library-set.ts";
import { countTools, emptyManifest, type Manifest } from "../../core/manifest.ts";
import { type Platform, platformId } from "../../core/platform.ts";
import { plural } from "../../core/wording.ts";
import { access } from "../../io/disk.ts";
import { isLasting, isThere, listNames } from "../../io/files.ts";
import { type Inspection, inspect, rebuildManifest } from "../../io/volume/inspect.ts";
import { findManifest, manifestError, readManifest } from "../../io/volume/manifest-file.ts";
import { openModes, umaskFor } from "../../io/volume/modes.ts";

/** The contents and the state of a volume. */
export interface VolumeState {
  readonly manifest: Manifest;
  /** The manifest cannot be used; `manifest` is rebuilt from the trees. */
  readonly brokenManifest: boolean;
  readonly inspection: Inspection;
}

/**
 * Reads the volume and rejects one of another platform. With `--deep`, every file is hashed. If the
 * verb installs, changed modes of our own files are restored; nothing else is changed.
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
    const message = `${titleOfTool(tool)}: the modes of its files had been changed and were restored`;
    context.reporter.emit({ type: "note", message });
  }
  return { ...found, inspection };
}

/**
 * The volume: `--prefix`, else the one that this very command lies in, else /opt/openclaw if it exists or
 * can be created, else the user's data directory. The sh entrypoint has the same rules. Also sets the umask
 * for this volume.
 */
export async function resolvePrefix(context: Context): Promise<string> {
  const prefix = await choosePrefix(context);
  context.setUmask(umaskFor(prefix, context.gid));
  return prefix;
}

/** The volume and its manifest, for commands that look at nothing else; an empty one where there is none. */
export async function readVolume(
  context: Context,
  platform: Platform = context.machine,
): Promise<{ prefix: string; manifest: Manifest }> {
  const prefix = await resolvePrefix(context);
  const manifest = (await readManifest(prefix)) ?? emptyManifest(platformId(platform));
  return { prefix, manifest };
}

function checkedPrefix(prefix: string): string {
  const what = `--prefix (or OPENCLAW_SKILL_PREFIX) ${JSON.stringify(prefix)}`;
  if (!isAbsolute(prefix)) {
    const hint = prefix === "" ? "" : `: --prefix ${resolve(prefix)}`;
    throw new UserError("E_USAGE", `${what} is not an absolute path`, {
      hint: `Use an absolute path${hint}.`,
    });
  }
  const [, odd] = [...oddParts].find(([part]) => part.test(prefix)) ?? [];
  if (odd === undefined) return resolve(prefix);
  throw new UserError("E_USAGE", `${what} ${odd}`, { hint: "Choose another directory." });
}

/** In these no program is found. */
const oddParts = new Map([
  [/[\n\r]/, "contains a line break"],
  [/:/, "contains a colon, which separates the directories of PATH"],
]);

const isReadOnly = (error: unknown): boolean =>
  error instanceof UserError && error.kind === "unmet";

async function choosePrefix(context: Context): Promise<string> {
  const { prefix } = context.options;
  if (prefix !== undefined) return checkedPrefix(prefix);
  const own = volumeOfPackage(context.packageDir);
  if (own !== undefined && isThere(join(context.packageDir, layout.record))) return own;
  const usable = async (path: string, mode: number): Promise<boolean> =>
    access(path, mode).then(
      () => true,
      (error: unknown) => {
        if (isLasting(error) || isReadOnly(error)) return false;
        throw error; // not certain: no reason to start another volume elsewhere
      },
    );
  if (await usable(defaultPrefix, constants.F_OK)) return defaultPrefix;
  if (await usable(dirname(defaultPrefix), constants.W_OK)) return defaultPrefix;
  // The XDG specification ignores a relative path.
  const { XDG_DATA_HOME: data = "" } = context.env;
  const share = isAbsolute(data) ? data : join(context.home, ".local", "share");
  const fallback = join(share, "openclaw");
  context.reporter.emit({
    type: "note",
    message: `${defaultPrefix} cannot be created here; using ${fallback} (choose another with --prefix)`,
  });
  return fallback;
}

/**
 * The manifest; if it is lost or truncated, it is rebuilt from the trees. One with a newer schema
 * is left to the version that wrote it, except in doctor --repair.
 */
async function loadManifest(
  prefix: string,
  platform: Platform,
  context: Context,
  repair: boolean,
): Promise<Pick<VolumeState, "manifest" | "brokenManifest">> {
  const found = await findManifest(prefix);
  if (found && !("why" in found)) return { manifest: found, brokenManifest: false };
  if (found?.why === "newer" && !context.options.repair) throw manifestError(prefix, found);
  const manifest = await rebuildManifest(prefix, emptyManifest(platformId(platform)), repair);
  const count = countTools(manifest);
  if (!found && Object.keys(manifest.tools).length === 0)
    return { manifest, brokenManifest: false };
  // A missing manifest while another run is active means a volume that is being filled.
  const isFilling = !found && listNames(join(prefix, layout.staging)).length > 0;
  const message = `${found?.message ?? `${prefix} has no manifest`}; ${plural(count, "tool was found by its tree", "tools were found by their trees")}`;
  const hint = "install or doctor --repair renames it and writes a new one.";
  const problem = found ? "E_MANIFEST_BROKEN" : "E_MANIFEST_MISSING";
  context.reporter.emit(
    isFilling ? { type: "note", message } : { type: "warning", problem, message, hint },
  );
  return { manifest, brokenManifest: true };
}

/** Throws a UserError (`volume`) if a volume is for another platform. */
export function refuseOtherPlatform(manifest: Manifest, platform: Platform, prefix: string): void {
  if (manifest.platform === platformId(platform)) return;
  throw new UserError(
    "E_VOLUME_PLATFORM",
    `${prefix} holds programs for ${manifest.platform}; this is ${platformId(platform)}`,
  );
}

import { join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { sha256Hex } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import { defaultSeed, layout } from "../../core/layout.ts";
import type { Manifest, VerifiedRecord } from "../../core/manifest.ts";
import { requestedTools } from "../../core/plan/required-by.ts";
import { type Platform, platformId } from "../../core/platform.ts";
import { realpath } from "../../io/disk.ts";
import { lstatIfExists, tolerate } from "../../io/files.ts";
import { type ReadFile, readInput } from "../../io/input.ts";
import { findManifest, maxManifest } from "../../io/volume/manifest-file.ts";

/** A volume in the image: an additional source of tools. */
export interface Seed {
  /** Absolute. */
  readonly dir: string;
  readonly tools: Readonly<Record<string, VerifiedRecord>>;
  /** Tools that were requested by name when it was filled. */
  readonly requested: readonly string[];
  /** Tools that are held in it. */
  readonly held: readonly string[];
  /** Catalogues of `--catalogue` in it. */
  readonly catalogues: Manifest["catalogues"];
  /** Its manifest: another image may have another seed. */
  readonly file: ReadFile;
}

/**
 * Opens the seed: `--seed`, else the image's own. An unusable one is a warning and returns
 * undefined, because the network may have the same. Throws a UserError (`config`) if a named one
 * does not exist.
 */
export async function loadSeed(
  prefix: string,
  platform: Platform,
  { options, reporter }: Context,
): Promise<Seed | undefined> {
  if (options.seed === "") return undefined;
  const dir = resolve(options.seed ?? defaultSeed);
  const path = join(dir, layout.manifest);
  if (!(await lstatIfExists(path))) {
    if (options.seed === undefined) return undefined;
    throw new UserError("E_SEED", `there is no seed in ${dir} (no ${layout.manifest})`);
  }
  if ((await realpath(dir)) === ((await tolerate(realpath(prefix))) ?? prefix)) return undefined;
  const found = await findManifest(dir);
  if (found && "tools" in found && found.platform === platformId(platform)) {
    const sha256 = sha256Hex(readInput(path, { maxBytes: maxManifest }));
    const requested = requestedTools(found).filter((tool) => found.tools[tool]);
    const { tools, held = [], catalogues } = found;
    return { dir, tools, requested, held, catalogues, file: { path, sha256 } };
  }
  const why = found && "tools" in found ? `it is for ${found.platform}` : (found?.message ?? "");
  reporter.emit({
    type: "warning",
    problem: "E_SEED",
    message: `the seed ${dir} is not used: ${why}`,
  });
  return undefined;
}

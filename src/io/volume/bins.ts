import { join, relative } from "node:path";
import { UserError } from "../../core/errors.ts";
import { isLauncher, renderLauncher } from "../../core/launcher.ts";
import { layout } from "../../core/layout.ts";
import type { InstalledBin, InstalledRecord } from "../../core/manifest.ts";
import {
  linkAtomically,
  linkTarget,
  lstatIfExists,
  statIfExists,
  writeAtomically,
} from "../files.ts";
import { foldedNames, foldedTwin } from "../folded-names.ts";
import { readPlain } from "../input.ts";
import { mountOf } from "../mounts.ts";
import { hasCommandLinks, linkCommandParts } from "./command-links.ts";
import { isLibraryLinked, linkLibraries } from "./library-links.ts";

/** Far more than any launcher (bytes). */
const maxLauncher = 4096;

/** True if every `bin/NAME` of a tool is the correct link or launcher, and so are the other links of the command or of a library set. */
export async function isLinked(prefix: string, record: InstalledRecord): Promise<boolean> {
  const checks = Object.entries(record.bins).map(async ([name, bin]) => {
    const path = join(prefix, layout.binPath(name));
    const { runtime } = bin;
    if (runtime === undefined) {
      return (await linkTarget(path)) === targetOf(bin);
    }
    const found = await lstatIfExists(path);
    if (!found?.isFile() || (found.mode & 0o111) === 0) return false;
    return readPlain(path, maxLauncher) === renderLauncher({ ...bin, runtime });
  });
  checks.push(hasCommandLinks(prefix, record), isLibraryLinked(prefix, record));
  return (await Promise.all(checks)).every(Boolean);
}

/**
 * Creates every `bin/NAME` of a tool, each in one step, so that a program is never missing; and the other links of
 * the command, or of a library set. The commit syncs the directory once for all. Throws a UserError if one does not lead to its program
 * afterwards.
 */
export async function linkBins(prefix: string, record: InstalledRecord): Promise<void> {
  for (const [name, bin] of Object.entries(record.bins)) {
    const path = join(prefix, layout.binPath(name));
    const { runtime } = bin;
    const twin = (await lstatIfExists(path)) && foldedTwin(path);
    // Otherwise two tools would replace each other's links at every run.
    if (twin !== undefined && (await isOurs(path))) throw foldedNames(path, twin);
    if (runtime === undefined) await linkAtomically(targetOf(bin), path);
    else await writeAtomically(path, renderLauncher({ ...bin, runtime }), { mode: 0o777 });
    await checkStarts(path);
  }
  await linkCommandParts(prefix, record);
  await linkLibraries(prefix, record);
}

/** Checks the program as its user starts it: by its name in `bin/`, through the link. */
async function checkStarts(path: string): Promise<void> {
  const found = await statIfExists(path);
  if (found?.isFile() && (found.mode & 0o111) !== 0) return;
  const { type, point } = mountOf(path);
  const message = `${path} does not lead to a program although it was just created (${type}, mounted at ${point})`;
  throw new UserError("E_LINKS_LOST", message);
}

function targetOf(bin: InstalledBin): string {
  return relative(layout.bin, bin.path);
}

/** True for files that this command creates in `bin/`: a link into `lib/`, or a launcher. */
export async function isOurs(path: string): Promise<boolean> {
  const target = await linkTarget(path);
  if (target !== undefined) return target.startsWith("../lib/");
  return isLauncher(readPlain(path, maxLauncher) ?? "");
}

/** The targets of these links and launchers in `bin/`, relative to the volume. */
export async function treesInUse(prefix: string, names: Iterable<string>): Promise<string[]> {
  const bin = join(prefix, layout.bin);
  const found = await Promise.all(
    [...names].map(async (name) => {
      const path = join(bin, name);
      const target = await linkTarget(path);
      const text = target ?? readPlain(path, maxLauncher) ?? "";
      return [...text.matchAll(/lib\/[^/\s']+\/[^/\s']+/g)].map(([tree]) => tree);
    }),
  );
  return found.flat();
}

import { lstatSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "../../core/digest.ts";
import { layout } from "../../core/layout.ts";
import {
  type Probed,
  parseProbed,
  recognize,
  renderProbed,
  type Traits,
  usualTraits,
} from "../../core/traits.ts";
import { orNothing, token, tolerate, writeAtomically } from "../files.ts";
import { readPlain } from "../input.ts";
import { mountOf } from "../mounts.ts";
import { isSystemError, makeWorkDir, tryNeeds, tryTraits, Untried } from "./try-file-system.ts";

/** Far more than a record (bytes). */
const maxRecord = 64 * 1024;

/**
 * The traits of the volume's file system (src/core/traits.ts), from the volume's record; probed if
 * that does not know this mount. The volume's directories exist and are writable. Traits that
 * cannot be probed now, on a full disk, are assumed to be the usual ones and not recorded. Throws a
 * UserError (`unmet`, `disk`) if nothing can be installed.
 */
export async function probe(prefix: string): Promise<Traits> {
  const mount = mountKey(prefix);
  const known = readProbed(prefix)[mount];
  const kept = findKept(prefix);
  const found = known && kept && recognize(known, kept);
  if (found && found === known) return found.traits;
  const traits = found?.traits ?? (await tryAll(prefix));
  if (traits === undefined) return usualTraits;
  const copies = found?.copies ?? (known ? known.copies + 1 : 0);
  await record(prefix, mount, traits, copies);
  return traits;
}

/**
 * The same for a volume that may be read-only: undefined if no run has probed it. Reads two files
 * and /proc/self/mountinfo; writes nothing.
 */
export function knownTraits(prefix: string): Traits | undefined {
  const found = orNothing(() => lstatSync(join(prefix, layout.kept), { bigint: true }));
  const file = found && [prefix, found.dev, found.ino, found.ctimeNs].join(" ");
  if (file !== undefined && file === answered?.file) return answered.traits;
  const known = readProbed(prefix)[mountKey(prefix)];
  const kept = findKept(prefix);
  const traits = known && kept && recognize(known, kept)?.traits;
  answered = file !== undefined && traits ? { file, traits } : undefined;
  return traits;
}

/** The last answer, and the file that proves it is still this mount: a run asks several times for each tool. */
let answered: { readonly file: string; readonly traits: Traits } | undefined;

/** Identifies a mount; not by its device, which often changes at each mount. */
function mountKey(prefix: string): string {
  const { type, source, root, options, settings } = mountOf(prefix);
  const lasting = [...options, ...settings].filter((word) => word !== "ro" && word !== "rw");
  return sha256Hex(JSON.stringify([type, source, root, ...lasting])).slice(0, 16);
}

function readProbed(prefix: string): Record<string, Probed> {
  return parseProbed(readPlain(join(prefix, layout.traits), maxRecord));
}

function findKept(prefix: string): Probed["kept"] | undefined {
  const found = orNothing(() => lstatSync(join(prefix, layout.kept), { bigint: true }));
  return found?.isFile() ? { inode: `${found.ino}`, changed: `${found.ctimeNs}` } : undefined;
}

async function tryAll(prefix: string): Promise<Traits | undefined> {
  const dir = join(prefix, layout.staging, token());
  try {
    makeWorkDir(dir);
    await tryNeeds(dir);
    return await tryTraits(dir);
  } catch (error) {
    if (error instanceof Untried || isSystemError(error)) return undefined;
    throw error;
  } finally {
    orNothing(() => rmSync(dir, { recursive: true, force: true }));
  }
}

/** Only for a usable file system: an unusable one may be mounted differently next time. */
async function record(
  prefix: string,
  mount: string,
  traits: Traits,
  copies: number,
): Promise<void> {
  answered = undefined;
  const path = join(prefix, layout.kept);
  orNothing(() => writeFileSync(path, "", { flag: "wx" })); // another run may have created it
  const kept = findKept(prefix);
  if (kept === undefined) return;
  const text = renderProbed(readProbed(prefix), mount, { traits, kept, copies });
  // If this fails, the next run probes again.
  await tolerate(writeAtomically(join(prefix, layout.traits), text, { durable: false }));
}

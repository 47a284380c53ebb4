import { lstatSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { quote } from "../core/launcher.ts";
import { layout } from "../core/layout.ts";

/** The command that gives this user the right to write where it was denied. */
export function rightsHint(path: string): string {
  const me = myself();
  const who = `${me.uid}:${me.gid}`;
  const volume = volumeOf(path);
  if (volume === undefined) {
    return `Make it for the user who runs this, once, as root: install -d -o ${me.uid} -g ${me.gid} ${word(path)}`;
  }
  const owner = ownerOf(volume)?.uid ?? 0;
  const isForeign = owner !== 0 && owner !== me.uid;
  const give = isForeign ? `Run this as uid ${owner}, who owns it, or give` : "Give";
  return `${give} it to the user who runs this, once, as root: chown -R ${who} ${word(volume)}`;
}

/** The commands that show what is full. */
export function spaceHint(path: string): string {
  const where = word(placeOf(path));
  return `Make room (df -h ${where}; df -i ${where} shows how much there is) and run again; what was installed before is untouched.`;
}

/** The volume that a path lies in; outside of one, its directory. */
export function placeOf(path: string): string {
  return volumeOf(path) ?? dirname(path);
}

/** A path as a word for a shell, quoted where it must be. */
function word(path: string): string {
  return /^[\w./+-]+$/.test(path) ? path : quote(path);
}

/**
 * The volume that a path lies in: the directory above it that has our staging place, or that would
 * get our first directory. Undefined where it is the volume itself that cannot be made.
 */
function volumeOf(path: string): string | undefined {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (ownerOf(join(at, layout.staging))) return at;
  }
  const first = [layout.bin, layout.lib, "share", "etc", layout.manifest];
  const parent = dirname(path);
  if (first.includes(basename(path)) && ownerOf(parent)) return parent;
  return ownerOf(path) === undefined ? undefined : path;
}

/** Of this process; the sandbox's where the system does not tell. */
function myself(): { uid: number; gid: number } {
  try {
    return statSync("/proc/self");
  } catch {
    return { uid: 1000, gid: 1000 };
  }
}

function ownerOf(path: string): { uid: number; gid: number } | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

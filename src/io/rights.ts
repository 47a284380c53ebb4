import { lstatSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { quote } from "../core/launcher.ts";
import { layout } from "../core/layout.ts";
import { orNothing } from "../core/or-nothing.ts";

/** The command that gives this user the right to write where it was denied, and who can run it. */
export function rightsHint(path: string): string {
  const me = myself();
  const volume = volumeOf(path);
  if (volume === undefined) {
    return `Make it for the user who runs this, once, as root: install -d -o ${me.uid} -g ${me.gid} ${word(path)}`;
  }
  const denied = nearest(path);
  const owner = denied?.uid ?? 0;
  if (denied && owner === me.uid) {
    if ((denied.mode & 0o300) !== 0o300 && me.uid !== 0) {
      return `It is this user's own, and its mode does not let it: chmod -R u+rwX ${word(volume)}`;
    }
    return "It is this user's own: the mount, a flag (lsattr) or a security module of the host forbids it.";
  }
  if (denied && me.uid !== 0 && denied.gid === me.gid) {
    return `It is of this user's group, which may not write to it. Let it, once, as uid ${owner} or root: chmod -R g+rwX ${word(volume)}`;
  }
  const isForeign = owner !== 0 && owner !== me.uid;
  const give = isForeign ? `Run this as uid ${owner}, who owns it, or give` : "Give";
  return `${give} it to the user who runs this, once, as root: chown -R ${me.uid}:${me.gid} ${word(volume)}`;
}

/** What is there of a path: itself, or the directory in which it was to be made. */
function nearest(path: string): Stats | undefined {
  const found = ownerOf(path);
  return found?.isDirectory() || path === dirname(path) ? found : nearest(dirname(path));
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
  return orNothing(() => statSync("/proc/self")) ?? { uid: 1000, gid: 1000 };
}

function ownerOf(path: string): Stats | undefined {
  return orNothing(() => lstatSync(path));
}

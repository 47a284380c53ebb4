import { lstatSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { quote } from "../core/launcher.ts";
import { layout } from "../core/layout.ts";
import { orNothing } from "../core/or-nothing.ts";

/**
 * The command that grants this user write permission, and who can run it. `isFile`: a file was to be written;
 * outside of a volume its directory is somebody's own, and no command is shown.
 */
export function rightsHint(path: string, { isFile = false } = {}): string {
  const me = myself();
  if (isFile && knownVolume(path) === undefined) {
    return `uid ${me.uid} cannot write in ${word(dirname(path))}: grant it that, or name another place.`;
  }
  const volume = volumeOf(path);
  if (volume === undefined) {
    return `Create it for this user, once, as root: install -d -o ${me.uid} -g ${me.gid} ${word(path)}`;
  }
  const denied = nearest(path);
  const owner = denied?.uid ?? 0;
  if (denied && owner === me.uid) {
    if ((denied.mode & 0o300) !== 0o300 && me.uid !== 0) {
      return `This user owns it, but its mode denies access: chmod -R u+rwX ${word(volume)}`;
    }
    return "This user owns it; the mount, a flag (lsattr) or a security module of the host denies access.";
  }
  if (denied && me.uid !== 0 && denied.gid === me.gid) {
    return `This user's group has no write permission. Grant it, once, as uid ${owner} or root: chmod -R g+rwX ${word(volume)}`;
  }
  const isForeign = owner !== 0 && owner !== me.uid;
  const give = isForeign ? `Run as its owner, uid ${owner}, or give` : "Give";
  return `${give} it to this user, once, as root: chown -R ${me.uid}:${me.gid} ${word(volume)}`;
}

/** stat of the path, or of the directory in which it was to be created. */
function nearest(path: string): Stats | undefined {
  const found = ownerOf(path);
  return found?.isDirectory() || path === dirname(path) ? found : nearest(dirname(path));
}

/** The commands that show what is full. */
export function spaceHint(path: string): string {
  const where = word(placeOf(path));
  return `Free some space (df -h ${where} and df -i ${where} show the usage) and run again; existing installations are unchanged.`;
}

/** The volume of a path; outside of one, its directory. */
export function placeOf(path: string): string {
  return volumeOf(path) ?? dirname(path);
}

/** A path as a word of a shell, quoted if necessary. */
function word(path: string): string {
  return /^[\w./+-]+$/.test(path) ? path : quote(path);
}

/** The volume of a path, or the path itself. Undefined if the volume itself cannot be created. */
function volumeOf(path: string): string | undefined {
  return knownVolume(path) ?? (ownerOf(path) === undefined ? undefined : path);
}

/** The ancestor that has our staging directory, or in which our first directory would be created. */
function knownVolume(path: string): string | undefined {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (ownerOf(join(at, layout.staging))) return at;
  }
  const first = [layout.bin, layout.lib, "share", "etc", layout.manifest];
  const parent = dirname(path);
  return first.includes(basename(path)) && ownerOf(parent) ? parent : undefined;
}

/** Of this process; of the sandbox if the system does not tell. */
function myself(): { uid: number; gid: number } {
  return orNothing(() => statSync("/proc/self")) ?? { uid: 1000, gid: 1000 };
}

function ownerOf(path: string): Stats | undefined {
  return orNothing(() => lstatSync(path));
}

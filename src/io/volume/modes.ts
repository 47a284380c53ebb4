import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { layout, librariesDir } from "../../core/layout.ts";
import type { TreeList } from "../../core/manifest.ts";
import { copyFile, fileError, ifThere, moveOnto, orNothing, saying, token } from "../files.ts";
import { unfit } from "./unfit.ts";

/** Bits of a mode. */
const [groupWrites, anyExecutes, setId, setGroupId] = [0o020, 0o111, 0o6000, 0o2000] as const;

/**
 * The group that may write to a volume besides its owner: the prefix's group, if it is
 * group-writable (`fsGroup` of Kubernetes, group 0 of OpenShift). Undefined: only the owner may.
 */
export type WritingGroup = number | undefined;

/** Undefined also if there is no volume yet. */
export function writingGroup(prefix: string): WritingGroup {
  const found = ifThere(prefix, () => statSync(prefix));
  return found && (found.mode & groupWrites) !== 0 ? found.gid : undefined;
}

/**
 * The umask for everything in a volume: all users can read and the owner can write. The group can
 * write too if the prefix says so and new files get that group, so that each of its users can
 * repair what another one installed. `gid`: the group of this process.
 */
export function umaskFor(prefix: string, gid: number): number {
  const group = writingGroup(prefix);
  const isInherited = ((ifThere(prefix, () => statSync(prefix))?.mode ?? 0) & setGroupId) !== 0;
  return group !== undefined && (isInherited || group === gid) ? 0o002 : 0o022;
}

/** What decides the mode. */
export type Kind = "directory" | "program" | "file";

/** Who may write to a tree's files. */
export interface Writers {
  readonly group: WritingGroup;
  /**
   * Nobody, because a file is a hard link that several trees share: a write would damage all of them. Directories
   * stay writable: what replaces a file there is in one tree alone.
   */
  readonly isShared: boolean;
}

/**
 * The mode that a file of a volume should have; its current one if that is acceptable. Extra
 * permissions of the writing group stay; set-user-id and set-group-id bits stay on directories
 * only.
 */
export function modeFor(
  stats: Pick<Stats, "mode" | "gid">,
  { group, isShared }: Writers,
  kind: Kind,
): number {
  if (isShared && kind !== "directory") return kind === "file" ? 0o444 : 0o555;
  const mode = stats.mode & 0o7777;
  const own = kind === "directory" ? mode & setGroupId : 0;
  const shared = group === undefined ? 0 : stats.gid === group ? groupWrites : mode & groupWrites;
  return (kind === "file" ? 0o644 : 0o755) | shared | own;
}

/** Sets a mode in a directory that only this run writes to, if it differs and can be set. */
export function setMode(path: string, mode: number, stats: Pick<Stats, "mode">): void {
  if ((stats.mode & 0o7777) !== mode) orNothing(() => chmodSync(path, mode));
}

/**
 * Makes a file in staging executable. If its mode cannot be set, it is replaced by a copy that is
 * created with the bits. Throws a UserError (`unmet`) if the file system has no such bits.
 */
export function makeExecutable(path: string): void {
  const executes = (): boolean => (saying("stat", path, () => lstatSync(path)).mode & 0o100) !== 0;
  if (executes()) return;
  orNothing(() => chmodSync(path, 0o755));
  if (executes()) return;
  const copy = join(dirname(path), `.${token()}.tmp`);
  try {
    copyFile(path, copy, 0o777);
    moveOnto(copy, path);
  } catch (cause) {
    orNothing(() => rmSync(copy, { force: true }));
    throw fileError("write", path, cause);
  }
  if (!executes()) throw unfit(dirname(path), "execute bits");
}

/** O_PATH, which Node has no name for: opens a file without any permission on it. */
const nameOnly = 0o10000000;

/**
 * Calls `visit` with the last of these names below `dir`, by a path that refers to exactly that
 * file or directory even if other users rename it in the meantime. Follows no link below `dir`.
 */
function at(
  dir: string,
  [name = "", ...names]: readonly string[],
  visit: (path: string, stats: Stats) => void,
): void {
  const flags = nameOnly | constants.O_NOFOLLOW;
  const file = orNothing(() => openSync(join(dir, name), name === "" ? nameOnly : flags));
  if (file === undefined) return;
  try {
    const path = `/proc/self/fd/${file}`;
    const stats = names.length > 0 ? undefined : orNothing(() => fstatSync(file));
    if (names.length > 0) at(path, names, visit);
    else if (stats) visit(path, stats);
  } finally {
    orNothing(() => closeSync(file));
  }
}

/**
 * Restores the modes of a published tree's programs, files and directories from its list, as far as
 * this user can: a copy, a backup or Kubernetes may have changed them. Other users may write there,
 * so only files of the tree are changed. True if anything was changed.
 */
export function repairModes(prefix: string, dir: string, list: TreeList): boolean {
  const group = writingGroup(prefix);
  const isLibrary = dir.startsWith(`${layout.lib}/${librariesDir}/`);
  let changed = false;
  const visit = (path: string, stats: Stats, below: string, owner: number): void => {
    const kind = kindOf(below, stats, list);
    // A file of another user is a hard link from elsewhere.
    if (kind === undefined || stats.uid !== owner) return;
    const writers = { group, isShared: isLibrary && below !== layout.record };
    changed = repairMode(path, stats, modeFor(stats, writers, kind)) || changed;
    if (kind !== "directory") return;
    for (const name of orNothing(() => readdirSync(path)) ?? []) {
      const inner = below === "" ? name : `${below}/${name}`;
      at(path, [name], (found, its) => visit(found, its, inner, owner));
    }
  };
  at(prefix, ["", ...dir.split("/")], (path, stats) => visit(path, stats, "", stats.uid));
  return changed;
}

/** Undefined for files that are not in the tree's list. */
function kindOf(path: string, stats: Stats, list: TreeList): Kind | undefined {
  if (stats.isDirectory()) return "directory";
  const entry = path === layout.record ? "644" : list[path];
  if (!stats.isFile() || entry === undefined) return undefined;
  return isProgram(entry) ? "program" : "file";
}

/** True if the mode has changed: some file systems accept every mode and set none. */
function repairMode(path: string, stats: Stats, mode: number): boolean {
  if (mode === (stats.mode & 0o7777)) return false;
  orNothing(() => chmodSync(path, mode));
  return orNothing(() => statSync(path).mode) !== stats.mode;
}

/** Of a tree list's entry, `MODE SHA256`. */
export function isProgram(entry: string): boolean {
  const mode = /^[0-7]+\b/.exec(entry)?.[0] ?? "0";
  return (Number.parseInt(mode, 8) & anyExecutes) !== 0;
}

/** The mode in a tree list: executable or not; unchanged if it has set-user-id. */
export function describeMode(mode: number): string {
  if ((mode & setId) !== 0) return (mode & 0o7777).toString(8);
  return (mode & anyExecutes) !== 0 ? "755" : "644";
}

/**
 * Restores this user's access to the volume's own directories and other users' read access, if this
 * user owns them and their modes deny it: after a restored backup, a `chmod -R` or a copy under
 * another umask. It never removes permissions; users who cannot list the prefix get no access. If
 * anything had to be opened, everything in the volume is, so that it can be removed later.
 */
export function openModes(prefix: string): void {
  const { bin, lib, staging, share, freshness, profile, manifest } = layout;
  let opened = false;
  const open = (dir: string, bits: number): void => {
    // Nearly always so: one look instead of three files that are opened.
    const seen = orNothing(() => lstatSync(join(prefix, dir), { throwIfNoEntry: false }));
    if (seen && (seen.mode & bits) === bits) return;
    at(prefix, ["", ...dir.split("/")], (path, stats) => {
      if (addMode(path, stats, bits)) opened = true;
    });
  };
  at(prefix, [""], (path, stats) => {
    opened = addMode(path, stats, 0o700 | ((stats.mode & 0o044) >> 2));
  });
  for (const dir of [bin, lib, "share", share, freshness, "etc", dirname(profile)])
    open(dir, 0o755);
  for (const tool of orNothing(() => readdirSync(join(prefix, lib))) ?? []) {
    if (!tool.startsWith(".")) open(`${lib}/${tool}`, 0o755);
  }
  open(staging, 0o700);
  open(manifest, 0o644);
  if (opened) at(prefix, [""], openBelow);
}

function openBelow(path: string): void {
  for (const name of orNothing(() => readdirSync(path)) ?? []) {
    at(path, [name], (found, stats) => {
      if (!stats.isDirectory()) return;
      addMode(found, stats, 0o700);
      openBelow(found);
    });
  }
}

/** True if bits were added to a directory, or to a file without other hard links. */
function addMode(path: string, stats: Stats, bits: number): boolean {
  const isOurs = stats.isDirectory() || (stats.isFile() && stats.nlink === 1);
  if (!isOurs || (stats.mode & bits) === bits) return false;
  orNothing(() => chmodSync(path, stats.mode | bits));
  return orNothing(() => statSync(path).mode) !== stats.mode;
}

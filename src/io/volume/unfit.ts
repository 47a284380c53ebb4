import { UserError } from "../../core/errors.ts";
import { mountOf } from "../mounts.ts";

/** What every volume needs; the texts follow "this file system". */
const needs = {
  "execute bits": {
    lacks: "has no execute bits",
    hint: "mount this one with execute bits (vfat, exfat, ntfs: fmask=0022; cifs: file_mode=0755)",
  },
  programs: { lacks: "cannot start programs", hint: "mount this one so that it can" },
  "symbolic links": {
    lacks: "has no symbolic links",
    hint: "mount this one with them (cifs: mfsymlinks; rclone: --vfs-links)",
  },
  "links upwards": {
    lacks: "cannot read symbolic links that point upwards",
    hint: "mount this one so that it can (sshfs: no_contain_symlinks)",
  },
  names: {
    lacks: 'does not allow names with "+", "@", "%" or "=" in them',
    hint: "mount this one so that it does",
  },
} as const;

/** Nothing can be installed on this file system; a retry does not help: `unmet`. */
export function unfit(path: string, need: keyof typeof needs, cause?: unknown): UserError {
  const { type, point } = mountOf(path);
  const { lacks, hint } = needs[need];
  const message = `this file system ${lacks}: ${type} mounted at ${point}`;
  return new UserError("E_FILE_SYSTEM", message, {
    cause,
    shared: { key: message, message },
    hint: `Nothing can be installed there. Use a named volume, or a directory on ext4, xfs, btrfs or tmpfs, or ${hint}.`,
  });
}

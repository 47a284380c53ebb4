import { UserError } from "../../core/errors.ts";
import { mountOf } from "../mounts.ts";

/** What a volume cannot be without; the words that follow "this file system". */
const needs = {
  "execute bits": {
    lacks: "has no execute bits",
    hint: "mount this one with execute bits (vfat, exfat, ntfs: fmask=0022; cifs: file_mode=0755)",
  },
  programs: { lacks: "lets no program be started", hint: "mount this one so that it does" },
  "symbolic links": {
    lacks: "has no symbolic links",
    hint: "mount this one with them (cifs: mfsymlinks; rclone: --vfs-links)",
  },
  "links upwards": {
    lacks: "cannot read symbolic links that lead upwards",
    hint: "mount this one so that it can (sshfs: no_contain_symlinks)",
  },
  names: {
    lacks: 'cannot have names with "+", "@", "%" or "=" in them',
    hint: "mount this one so that it can",
  },
} as const;

/** Nothing can be installed where a path lies, however often it is tried: `unmet`. */
export function unfit(path: string, need: keyof typeof needs, cause?: unknown): UserError {
  const { type, point } = mountOf(path);
  const { lacks, hint } = needs[need];
  const message = `this file system ${lacks}: ${type} mounted at ${point}`;
  return new UserError("E_FILE_SYSTEM", message, {
    cause,
    shared: { key: message, message },
    hint: `Nothing can be installed in it. Use a named volume or a directory of ext4, xfs, btrfs or tmpfs, or ${hint}.`,
  });
}

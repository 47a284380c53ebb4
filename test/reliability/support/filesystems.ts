/**
 * File systems that people put volumes on: real ones of this kernel and of FUSE, and stand-ins that
 * `faulty.c` makes of those that is not available here.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { mountFaulty } from "./faulty.ts";

export interface Mounted {
  /** The volume's directory, `volume`, is or will be in it. */
  readonly path: string;
  /** As after a new start of the host or container. */
  remount(): Promise<void>;
  readOnly(): Promise<void>;
  close(): void;
}

export interface FileSystem {
  readonly name: string;
  /** A stand-in says what it has in common with the real one. */
  readonly standsFor?: string;
  /** Tried in each run of the tests, not only in a full one. */
  readonly isCommon?: boolean;
  /** Programs that mounting takes; a path stands for itself. */
  readonly needs: readonly string[];
  /** Times are rounded down to multiples of this (ms). */
  readonly stampMs?: number;
  /** Words that lead to what runs there, and its user. */
  readonly through?: readonly string[];
  readonly uid?: number;
  mount(dir: string): Promise<Mounted>;
}

function run(...words: readonly string[]): void {
  const [file = "", ...args] = words;
  execFileSync(file, args, { stdio: ["ignore", "ignore", "pipe"] });
}

/**
 * Mounts again what was just unmounted. Another test that runs beside this one may have started a process with mounts
 * of its own, which keeps the device busy until it ends; a minute is more than any of them takes.
 */
async function whenFree(mount: () => void): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      mount();
      return;
    } catch (error) {
      if (tries === 120 || !/already mounted|busy/.test(String(error))) throw error;
      await sleep(500);
    }
  }
}

/** A file system that two commands mount and unmount. */
export function simple(
  name: string,
  needs: readonly string[],
  prepare: (dir: string) => void,
  mount: (dir: string, at: string, options: string) => readonly string[],
): FileSystem {
  return {
    name,
    needs,
    async mount(dir) {
      const path = join(dir, "mnt");
      mkdirSync(path, { recursive: true });
      prepare(dir);
      const up = (options: string): Promise<void> =>
        whenFree(() => run(...mount(dir, path, options)));
      await up("rw");
      return {
        path,
        async remount() {
          run("umount", path);
          await up("rw");
        },
        async readOnly() {
          run("umount", path);
          await up("ro");
        },
        close: () => void spawnSync("umount", ["--lazy", path]),
      };
    },
  };
}

/** A file system in a file, by the kernel. */
function block(name: string, type: string, make: readonly string[], options = ""): FileSystem {
  return simple(
    name,
    [make[0] as string],
    (dir) => {
      run("truncate", "--size=400M", join(dir, "image"));
      run(...make, join(dir, "image"));
    },
    (dir, at, how) => ["mount", "-t", type, "-o", `loop,${how}${options}`, join(dir, "image"), at],
  );
}

/** One that shows another directory. */
function over(
  name: string,
  program: string,
  words: (dir: string, at: string, options: string) => readonly string[],
): FileSystem {
  return simple(
    name,
    [program],
    (dir) => {
      for (const part of ["lower", "upper", "work"]) {
        mkdirSync(join(dir, part), { recursive: true });
      }
    },
    (dir, at, options) => [program, ...words(dir, at, options)],
  );
}

function faulty(name: string, standsFor: string, ...switches: readonly string[]): FileSystem {
  return {
    name,
    standsFor,
    isCommon: true,
    needs: ["gcc", "fusermount3"],
    async mount(dir) {
      const disk = await mountFaulty(dir, switches);
      return {
        path: disk.path,
        remount: () => disk.remount(switches),
        readOnly: () => disk.remount([...switches, "ro"]),
        close: disk.close,
      };
    },
  };
}

const tmpfs: FileSystem = {
  name: "tmpfs",
  isCommon: true,
  needs: [],
  async mount(dir) {
    const path = join(dir, "mnt");
    mkdirSync(path, { recursive: true });
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path);
    const again = async (how: string) => run("mount", "-o", `remount,${how}`, path);
    return {
      path,
      remount: () => again("rw"),
      readOnly: () => again("ro"),
      close: () => void spawnSync("umount", ["--lazy", path]),
    };
  },
};

/** Two directories as one, with everything else as the program has it. */
const branches = (dir: string): string => `${join(dir, "upper")}:${join(dir, "lower")}`;

const common = (system: FileSystem): FileSystem => ({ ...system, isCommon: true });

export const fileSystems: readonly FileSystem[] = [
  common(block("ext4", "ext4", ["mkfs.ext4", "-q", "-I", "256"])),
  {
    ...block("ext3, 128-byte inodes (stamps of 1 s)", "ext3", ["mkfs.ext3", "-q", "-I", "128"]),
    stampMs: 1000,
  },
  block("xfs", "xfs", ["mkfs.xfs", "-q"]),
  block("btrfs", "btrfs", ["mkfs.btrfs", "-q"]),
  tmpfs,
  common(
    over("overlay", "mount", (dir, at, how) => {
      const [lower, upper, work] = ["lower", "upper", "work"].map((part) => join(dir, part));
      const options = `${how},lowerdir=${lower},upperdir=${upper},workdir=${work}`;
      return ["-t", "overlay", "-o", options, "overlay", at];
    }),
  ),
  over("fuse-overlayfs", "fuse-overlayfs", (dir, at, how) => {
    const [lower, upper, work] = ["lower", "upper", "work"].map((part) => join(dir, part));
    return ["-o", `${how},lowerdir=${lower},upperdir=${upper},workdir=${work}`, at];
  }),
  over("bindfs", "bindfs", (dir, at, how) => ["-o", how, join(dir, "upper"), at]),
  common(
    over("bindfs, chmod refused", "bindfs", (dir, at, how) => {
      return ["-o", how, "--chmod-deny", join(dir, "upper"), at];
    }),
  ),
  over("mergerfs", "mergerfs", (dir, at, how) => ["-o", `${how},allow_other`, branches(dir), at]),
  over("unionfs-fuse", "unionfs", (dir, at, how) => {
    const [upper, lower] = branches(dir).split(":");
    return ["-o", `cow,allow_other,${how}`, `${upper}=RW:${lower}=RO`, at];
  }),
  simple(
    "gocryptfs",
    ["gocryptfs"],
    (dir) => {
      mkdirSync(join(dir, "upper"));
      writeFileSync(join(dir, "word"), "word\n");
      run(
        "gocryptfs",
        "-init",
        "-q",
        "-scryptn",
        "10",
        "-passfile",
        join(dir, "word"),
        join(dir, "upper"),
      );
    },
    (dir, at, how) => {
      const ways = how === "ro" ? ["-ro"] : [];
      const word = ["-passfile", join(dir, "word")];
      return ["gocryptfs", "-q", "-allow_other", ...ways, ...word, join(dir, "upper"), at];
    },
  ),
  simple(
    "ntfs-3g",
    ["ntfs-3g", "mkfs.ntfs"],
    (dir) => {
      run("truncate", "--size=100M", join(dir, "image"));
      run("mkfs.ntfs", "-q", "-F", "-f", join(dir, "image"));
    },
    (dir, at, how) => ["ntfs-3g", "-o", `${how},permissions`, join(dir, "image"), at],
  ),
  simple(
    "exfat (FUSE)",
    ["mount.exfat-fuse", "mkfs.exfat"],
    (dir) => {
      run("truncate", "--size=100M", join(dir, "image"));
      run("mkfs.exfat", join(dir, "image"));
    },
    (dir, at, how) => ["mount", "-t", "exfat-fuse", "-o", `loop,${how}`, join(dir, "image"), at],
  ),
  faulty("new inodes at each mount", "gVisor, VirtioFS, libfuse", "inodes=mount"),
  {
    ...faulty("new inodes, stamps of 2 s", "Docker Desktop's FUSE", "inodes=mount", "stamps=2"),
    stampMs: 2000,
  },
  faulty("other inodes at each call", "some FUSE file systems", "inodes=call"),
  faulty("one inode for all", "some FUSE file systems", "inodes=same"),
  faulty("change time is modification time", "CIFS from Samba, sshfs", "ctime=mtime"),
  faulty("no change time", "some FUSE file systems", "ctime=zero"),
  faulty("change time is birth time", "some FUSE file systems", "ctime=birth"),
  faulty("change times an hour ahead", "a server with another clock", "ctime=+3600"),
  faulty("chmod refused", "CIFS with its own modes", "refuse=chmod:1", "modes=0755"),
  faulty("chmod ignored", "vboxsf, drvfs", "ignore=chmod", "modes=0777"),
  faulty("no execute bits", "CIFS with file_mode=0644", "ignore=chmod", "modes=0644"),
  faulty("no symbolic links", "vfat, exfat, CIFS by default", "refuse=symlink:1"),
  faulty("links that cannot be read", "sshfs by default", "links=downward"),
  faulty("links listed as files", "CIFS with mfsymlinks", "links=files"),
  faulty("no hard links", "vfat, SMB", "refuse=link:1"),
  faulty("no fsync", "some FUSE file systems", "refuse=fsync:22", "refuse=fsyncdir:22"),
  faulty(
    "no rename of directories",
    "mergerfs, overlay without redirect_dir",
    "refuse=rename-dir:18",
  ),
  faulty("no rename onto files", "some SMB servers", "refuse=rename-over:17"),
  faulty("names in one case", "Docker Desktop on macOS", "case=fold"),
];

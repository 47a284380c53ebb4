import type { Problem } from "./problem.ts";

/** Problems of files, disks, permissions and machine limits. */
export const machineProblems = {
  E_DISK_FULL: {
    kind: "disk",
    cause: "The disk has no space or no inodes left.",
    remedy:
      "Free some space (df -h and df -i show the usage; gc removes replaced versions), and run again.",
  },
  E_DISK_QUOTA: {
    kind: "disk",
    cause: "The disk quota is used up.",
    remedy: "Free some space or raise the quota, and run again.",
  },
  E_DISK_FAILING: {
    kind: "disk",
    cause: "The disk, or the connection to it, reports errors.",
    remedy: "Check the host's kernel log (dmesg).",
  },
  E_FILE_OPERATION: {
    kind: "disk",
    cause: "The file system refused an operation.",
    remedy: "See the error of the file system in the message.",
  },
  E_TMPDIR: {
    kind: "disk",
    cause: "No temporary directory can be created.",
    remedy: "Set TMPDIR to a writable directory with free space.",
  },
  E_PERMISSION: {
    kind: "permission",
    cause: "This user has no permission to read or write the path.",
    remedy:
      "Change the owner or the permissions of the path, or run as its owner or where it is writable.",
  },
  E_VOLUME_READ_ONLY: {
    kind: "unmet",
    cause: "The volume is read-only on this host.",
    remedy:
      "Install from a host where it is writable (gateway or provisioner), or mount it read-write.",
  },
  E_NOT_A_DIRECTORY: {
    kind: "config",
    cause: "A file is at a path that must be a directory.",
    remedy: "Move the file away, or choose another --prefix.",
  },
  E_PROCESS_LIMIT: {
    kind: "busy",
    cause: "No more processes or threads can be started.",
    remedy:
      "Raise the process limit (ulimit -u; for a container docker run --pids-limit), or run again with --jobs 1.",
  },
  E_OPEN_FILES: {
    kind: "busy",
    cause: "Too many files are open.",
    remedy:
      "Run with --jobs 1, or raise the limit (ulimit -n; for the whole machine, as root: sysctl fs.file-max).",
  },
  E_MEMORY: {
    kind: "busy",
    cause: "There is not enough memory.",
    remedy: "Raise the memory limit (of the container, or ulimit -v), or run again with --jobs 1.",
  },
  E_PROGRAM_BUSY: {
    kind: "busy",
    cause: "Another process is writing to the program that should start.",
    remedy: "Run the command again; existing installations are unchanged.",
  },
  E_SYSTEM_CALL: {
    kind: "busy",
    cause: "A system call failed.",
    remedy: "Run the command again; existing installations are unchanged.",
  },
  E_STOPPED: {
    kind: "busy",
    cause: "A signal stopped the run.",
    remedy: "Run the command again.",
  },
  E_KILLED: {
    kind: "busy",
    cause: "A program was killed, probably by a limit on memory or CPU time.",
    remedy: "Raise that limit, or run again with --jobs 1.",
  },
  E_PACKAGE_REPLACED: {
    kind: "busy",
    cause: "Another build replaced this package while a run was at work.",
    remedy: "Run the command again.",
  },
  E_STAGING_REMOVED: {
    kind: "busy",
    cause: "Another run removed the staging directory of this run, which was paused for too long.",
    remedy: "Run the command again.",
  },
  E_VOLUME_BUSY: {
    kind: "busy",
    cause: "Another run is working on this volume, or was a minute ago.",
    remedy: "Run the command again when the other run has ended.",
  },
  E_BUG: {
    kind: "busy",
    cause: "This is a bug in openclaw-install-skill-deps.",
    remedy: "Report it with the printed lines.",
  },
} as const satisfies Record<string, Problem>;

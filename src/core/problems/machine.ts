import type { Problem } from "./problem.ts";

/** Problems of files, disks and rights, and of what this machine is short of. */
export const machineProblems = {
  E_DISK_FULL: {
    kind: "disk",
    cause: "The disk has no space or no inodes left.",
    remedy: "Make room (df -h and df -i show how much there is), and run again.",
  },
  E_DISK_QUOTA: {
    kind: "disk",
    cause: "The disk quota is used up.",
    remedy: "Make room or have the quota raised, and run again.",
  },
  E_DISK_FAILING: {
    kind: "disk",
    cause: "The disk or the connection to it fails.",
    remedy: "Look at the host's kernel log (dmesg).",
  },
  E_FILE_OPERATION: {
    kind: "disk",
    cause: "The file system refused an operation.",
    remedy: "See the file system's own message.",
  },
  E_TMPDIR: {
    kind: "disk",
    cause: "No temporary directory can be created.",
    remedy: "Set TMPDIR to a directory that this user can write to and that has room.",
  },
  E_PERMISSION: {
    kind: "permission",
    cause: "This user may not read or write the path.",
    remedy: "Give it to the user who runs this, or run this as its owner or where it is writable.",
  },
  E_VOLUME_READ_ONLY: {
    kind: "unmet",
    cause: "The volume is read-only on this host.",
    remedy: "Fill it where it is writable (gateway or provisioner), or mount it read-write.",
  },
  E_NOT_A_DIRECTORY: {
    kind: "config",
    cause: "Something that is not a directory is where a directory must be.",
    remedy: "Move it aside, or choose another --prefix.",
  },
  E_PROCESS_LIMIT: {
    kind: "busy",
    cause: "No further process or thread can be started.",
    remedy:
      "Raise the limit of processes (ulimit -u; for a container its pids limit, docker run --pids-limit), or run again with --jobs 1.",
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
    remedy:
      "Raise the limit of memory (the container's, or ulimit -v), or run again with --jobs 1.",
  },
  E_PROGRAM_BUSY: {
    kind: "busy",
    cause: "Another process is writing the program that is to be started.",
    remedy: "Run it again; what was installed before is untouched.",
  },
  E_SYSTEM_CALL: {
    kind: "busy",
    cause: "A call of the operating system failed.",
    remedy: "Run it again; what was installed before is untouched.",
  },
  E_STOPPED: {
    kind: "busy",
    cause: "A signal stopped the run.",
    remedy: "Run it again.",
  },
  E_KILLED: {
    kind: "busy",
    cause: "A program was killed: memory or processor time ran out.",
    remedy: "Raise that limit, or run again with --jobs 1.",
  },
  E_STAGING_REMOVED: {
    kind: "busy",
    cause: "Another run removed the staging of this one, which was paused for too long.",
    remedy: "Run it again.",
  },
  E_VOLUME_BUSY: {
    kind: "busy",
    cause: "Another run is working on this volume, or was a minute ago.",
    remedy: "Run the command again when it is over.",
  },
  E_BUG: {
    kind: "busy",
    cause: "The program met a case that it was not written for.",
    remedy: "Report it with the lines that were printed.",
  },
} as const satisfies Record<string, Problem>;

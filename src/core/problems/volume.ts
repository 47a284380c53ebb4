import type { Problem } from "./problem.ts";

/** Problems of the volume, its file system, its manifest and its trees, and of bundles. */
export const volumeProblems = {
  E_NOT_WATCHING: {
    kind: "warning",
    cause:
      "`watch` is not running in this container, or a watcher was killed, is at its first run, or does not look any more; with `--strict` also: its last run failed.",
    remedy: "Read its messages; what failed is tried again by itself.",
  },
  E_NOT_VERIFIED: {
    kind: "warning",
    cause: "Node is not available, and without it the volume could not be verified as up to date.",
    remedy: "Fill the volume from a container that has Node (the gateway, or a provisioner).",
  },
  E_FILE_SYSTEM: {
    kind: "unmet",
    cause: "The file system lacks something that programs need, such as symbolic links.",
    remedy: "Use a named volume, or a directory on ext4, xfs, btrfs or tmpfs.",
  },
  E_CASE_FOLDING: {
    kind: "unmet",
    cause: "The file system treats two file names of one tool as the same.",
    remedy: "Use a named volume instead of a host directory (Docker Desktop), or another --prefix.",
  },
  E_NOEXEC: {
    kind: "unmet",
    cause: "The file system is mounted noexec: its programs cannot be started.",
    remedy: "Mount it without noexec (docker run: --tmpfs DIR:exec).",
  },
  E_LINKS_LOST: {
    kind: "disk",
    cause: "Links or modes that were just written cannot be read back.",
    remedy: "Use another kind of volume: this file system does not keep links or modes.",
  },
  E_VOLUME_PLATFORM: {
    kind: "volume",
    cause: "The volume or the bundle holds programs for another platform.",
    remedy: "One volume serves one platform: use another --prefix, or a bundle of this platform.",
  },
  E_VOLUME_EMPTY: {
    kind: "volume",
    cause: "The volume has no tools to export.",
    remedy: "Install tools first: openclaw-install-skill-deps.",
  },
  E_VOLUME_LINK: {
    kind: "volume",
    cause: "A directory of the volume is a link to a place outside of it.",
    remedy: "Remove the link and run again, or use its target as --prefix.",
  },
  E_VOLUME_CROWDED: {
    kind: "volume",
    cause: "The volume has too many trees of one version.",
    remedy: "Remove the trees that the manifest does not list.",
  },
  E_MANIFEST_MISSING: {
    kind: "volume",
    cause: "The volume has no usable manifest, so it is not known which tools are in use.",
    remedy: "Run openclaw-install-skill-deps doctor --repair.",
  },
  E_MANIFEST_UNREADABLE: {
    kind: "volume",
    cause: "This user cannot read the manifest.",
    remedy: "Make it readable for this user, or choose another --prefix.",
  },
  E_MANIFEST_BROKEN: {
    kind: "volume",
    cause: "The manifest is damaged.",
    remedy:
      "Run openclaw-install-skill-deps: it renames the damaged file and rebuilds the manifest from the trees.",
  },
  E_MANIFEST_NEWER: {
    kind: "volume",
    cause: "The manifest was written by a newer version of this package.",
    remedy:
      "Use that version, which the volume may have as bin/openclaw-install-skill-deps, or run doctor --repair.",
  },
  E_DECLARED_RECORD: {
    kind: "volume",
    cause: "The record of what skills declare is damaged.",
    remedy: "Remove the record: declarations are then pinned again at their next use.",
  },
  E_TREE_CHANGED: {
    kind: "integrity",
    cause: "Files of an installed tool were changed or removed.",
    remedy: "Run openclaw-install-skill-deps doctor --repair on that volume.",
  },
  E_IMPORT_REFUSED: {
    kind: "warning",
    cause:
      "A tool of the bundle was not imported, because the volume has a different one with this name.",
    remedy: "To replace it: bundle import --force-reinstall.",
  },
  E_BUNDLE_INVALID: {
    kind: "integrity",
    cause: "The file is not a bundle, is damaged, or was changed.",
    remedy: "Copy it again, and compare its digest with the output of bundle export.",
  },
} as const satisfies Record<string, Problem>;

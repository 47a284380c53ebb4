import type { Problem } from "./problem.ts";

/** Problems of the volume, its file system, its manifest and its trees, and of bundles. */
export const volumeProblems = {
  E_NOT_VERIFIED: {
    kind: "warning",
    cause: "Without Node, the volume is not found to be as the last run left it.",
    remedy: "Let a container that has Node fill the volume (the gateway, or a provisioner).",
  },
  E_FILE_SYSTEM: {
    kind: "unmet",
    cause: "The file system lacks something that programs need, such as symbolic links.",
    remedy: "Use a named volume or a directory of ext4, xfs, btrfs or tmpfs.",
  },
  E_CASE_FOLDING: {
    kind: "unmet",
    cause: "The file system does not tell two file names of one tool apart.",
    remedy:
      "Use a named volume instead of a directory of the host (Docker Desktop), or another --prefix.",
  },
  E_NOEXEC: {
    kind: "unmet",
    cause: "The file system is mounted noexec: no program in it can be started.",
    remedy: "Mount it without that option (docker run: --tmpfs DIR:exec).",
  },
  E_LINKS_LOST: {
    kind: "disk",
    cause: "Links or modes that were just written are not there.",
    remedy: "See whether this file system keeps links and modes; use another kind of volume.",
  },
  E_VOLUME_PLATFORM: {
    kind: "volume",
    cause: "The volume or the bundle holds programs for another platform.",
    remedy: "One volume serves one platform: use another --prefix, or a bundle of this platform.",
  },
  E_VOLUME_EMPTY: {
    kind: "volume",
    cause: "The volume holds nothing that could be exported.",
    remedy: "Fill it first: openclaw-install-skill-deps.",
  },
  E_VOLUME_LINK: {
    kind: "volume",
    cause: "A directory of the volume is a link that leads out of it.",
    remedy: "Remove the link and run again, or name its target with --prefix.",
  },
  E_VOLUME_CROWDED: {
    kind: "volume",
    cause: "The volume has too many trees of one version.",
    remedy: "Remove the trees that the manifest does not list.",
  },
  E_MANIFEST_MISSING: {
    kind: "volume",
    cause: "The volume has no manifest that says what is in use.",
    remedy: "Run openclaw-install-skill-deps doctor --repair.",
  },
  E_MANIFEST_UNREADABLE: {
    kind: "volume",
    cause: "This user cannot read the manifest.",
    remedy: "Make it readable for the user who runs this, or choose another --prefix.",
  },
  E_MANIFEST_BROKEN: {
    kind: "volume",
    cause: "The manifest is damaged.",
    remedy:
      "Run openclaw-install-skill-deps: it keeps the damaged file aside and rebuilds the manifest from the trees.",
  },
  E_MANIFEST_NEWER: {
    kind: "volume",
    cause: "The manifest was written by a newer version of this package.",
    remedy: "Use that version, or run openclaw-install-skill-deps doctor --repair.",
  },
  E_DECLARED_RECORD: {
    kind: "volume",
    cause: "The record of what skills declare is damaged.",
    remedy: "Remove it: what skills declare is then pinned again at its next use.",
  },
  E_TREE_CHANGED: {
    kind: "integrity",
    cause: "Files of an installed tool are not as they were published.",
    remedy: "Run openclaw-install-skill-deps doctor --repair on the volume that they are from.",
  },
  E_IMPORT_REFUSED: {
    kind: "warning",
    cause: "A tool of the bundle is not imported: the volume has another one of its name.",
    remedy: "To replace the volume's: bundle import --force-reinstall.",
  },
  E_BUNDLE_INVALID: {
    kind: "integrity",
    cause: "The file is not a bundle, is damaged, or was changed.",
    remedy: "Copy it again, and compare its digest with the one that bundle export printed.",
  },
} as const satisfies Record<string, Problem>;

import type { Problem } from "./problem.ts";

/** Problems of downloads and archives. */
export const contentProblems = {
  E_DEBIAN_RELEASE: {
    kind: "integrity",
    cause: "A Debian release file is not signed by a Debian key, has expired, or is incomplete.",
    remedy: "Use another mirror; check the Signed-By keyring in apt's sources.",
  },
  E_DIGEST_MISMATCH: {
    kind: "integrity",
    cause: "A download does not match the pinned digest or size.",
    remedy:
      "Nothing was installed from it. The file was replaced after the recipe was written, or it was changed in transit.",
  },
  E_DOWNLOAD_TOO_LARGE: {
    kind: "integrity",
    cause: "A server has far more bytes than files of this kind have.",
    remedy: "Nothing of it was used. Check that the address is that of the right file.",
  },
  E_SIGNATURE: {
    kind: "integrity",
    cause:
      "A signature of a recipe's source is wrong, is about other bytes, or is by another signer.",
    remedy:
      "Nothing was written. Do not use these bytes before their makers say why; the message says what was wrong.",
  },
  E_SIGNATURE_UNKNOWN: {
    kind: "warning",
    cause:
      "Whether a recipe's source is signed could not be found out: a server failed, or answered with something else.",
    remedy: "Run recipe pin FILE when the server answers: it records what is signed then.",
  },
  E_WEB_PAGE: {
    kind: "integrity",
    cause: "The server sent a web page instead of the file.",
    remedy: "Check for a proxy, a login page, or a mirror without this file.",
  },
  E_ARCHIVE_HOSTILE: {
    kind: "integrity",
    cause: "An archive tries to write outside its directory, or is ambiguous.",
    remedy: "Nothing was installed from it. Do not use this file: it may be malicious.",
  },
  E_ARCHIVE_DAMAGED: {
    kind: "integrity",
    cause: "An archive is damaged or truncated.",
    remedy:
      "Nothing was installed from it. The digest matches, so the published file itself is damaged: use another file or version.",
  },
  E_ARCHIVE_FORMAT: {
    kind: "integrity",
    cause: "A file does not have the format that its recipe states.",
    remedy:
      "Nothing was installed from it. The digest matches, so the URL or the format in the recipe is wrong.",
  },
  E_ARCHIVE_TOO_LARGE: {
    kind: "integrity",
    cause: "An archive unpacks to far more data than a normal release.",
    remedy:
      "Nothing was installed from it. Releases unpack to a few times their size: inspect this file before you use it.",
  },
  E_ARCHIVE_UNSUPPORTED: {
    kind: "unmet",
    cause: "An archive uses a feature that is not supported here.",
    remedy:
      "Nothing was installed from it. Use another file of the release, or repack it as tar.gz.",
  },
  E_ARCHIVE_MEMORY: {
    kind: "unmet",
    cause: "An archive needs more memory than this container has.",
    remedy:
      "Nothing was installed from it. Give this container more memory, or use another file of the release.",
  },
  E_WHEEL: {
    kind: "integrity",
    cause: "A Python wheel is not valid.",
    remedy: "Nothing was installed from it. Lock another version of the package.",
  },
} as const satisfies Record<string, Problem>;

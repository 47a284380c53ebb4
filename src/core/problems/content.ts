import type { Problem } from "./problem.ts";

/** Problems of downloaded bytes and of archives. */
export const contentProblems = {
  E_DEBIAN_RELEASE: {
    kind: "integrity",
    cause:
      "A release of Debian is not signed by a key of Debian, is no longer valid, or is not complete.",
    remedy: "Use another mirror; look at the keyring in Signed-By of apt's sources.",
  },
  E_DIGEST_MISMATCH: {
    kind: "integrity",
    cause: "What was downloaded does not have the pinned digest or size.",
    remedy:
      "Nothing of it was installed. Either the file was replaced after the recipe was written, or something on the way changed it.",
  },
  E_WEB_PAGE: {
    kind: "integrity",
    cause: "A web page arrived instead of the file.",
    remedy:
      "Something on the way answers instead of the server: a proxy, a login page, a mirror without this file.",
  },
  E_ARCHIVE_HOSTILE: {
    kind: "integrity",
    cause: "An archive tries to write elsewhere, or reads differently to different programs.",
    remedy:
      "Nothing of it was installed. An honest release has no such entry: do not use this file.",
  },
  E_ARCHIVE_DAMAGED: {
    kind: "integrity",
    cause: "An archive contradicts itself or ends too early.",
    remedy:
      "Nothing of it was installed. Its digest is the pinned one, so it was published or pinned like this: use another file or version.",
  },
  E_ARCHIVE_FORMAT: {
    kind: "integrity",
    cause: "A file has another format than its recipe says.",
    remedy:
      "Nothing of it was installed. Its digest is the pinned one, so the URL or the format that is pinned with it is wrong.",
  },
  E_ARCHIVE_TOO_LARGE: {
    kind: "integrity",
    cause: "An archive unpacks to far more than a release does.",
    remedy:
      "Nothing of it was installed. Releases unpack to a few times their size: look at this file before you use it.",
  },
  E_ARCHIVE_UNSUPPORTED: {
    kind: "unmet",
    cause: "An archive uses a feature that is not supported here.",
    remedy:
      "Nothing of it was installed. Use another file of the release, or pack it again as tar.gz.",
  },
  E_ARCHIVE_MEMORY: {
    kind: "unmet",
    cause: "An archive needs more memory than this container has.",
    remedy:
      "Nothing of it was installed. Give this container more memory, or use another file of the release.",
  },
  E_WHEEL: {
    kind: "integrity",
    cause: "A wheel breaks the rules for wheels.",
    remedy: "Nothing of it was installed. Lock another version of the package.",
  },
} as const satisfies Record<string, Problem>;

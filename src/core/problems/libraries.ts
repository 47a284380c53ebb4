import type { Problem } from "./problem.ts";

/** Why the packages that a skill's own files declare cannot be installed. */
export const libraryProblems = {
  E_LIBRARIES_OFF: {
    kind: "unmet",
    cause: "Skills declare Python or Node packages for their scripts, and nothing allows them.",
    remedy:
      "To install them: openclaw-install-skill-deps --allow-libraries. They are text of the skills' authors; requirements shows them.",
  },
  E_LIBRARIES_REFUSED: {
    kind: "warning",
    cause: "A dependency file of a skill has a line that cannot be pinned.",
    remedy:
      "Nothing of this file is installed. Change the line, or leave the packages to the image.",
  },
  E_LIBRARIES_CONFLICT: {
    kind: "unmet",
    cause: "The packages that a skill's files declare exclude each other.",
    remedy: "Correct the versions in the skill's files; the message names the packages.",
  },
  E_LIBRARIES_LOCK: {
    kind: "unmet",
    cause: "The lock file beside a skill's package.json cannot be used.",
    remedy: "Recreate the lock file, or remove it: the versions are then pinned at first use.",
  },
  E_LIBRARIES_NOT_LISTED: {
    kind: "unmet",
    cause: "The npm registry does not list a version that a skill's lock file names.",
    remedy:
      "Recreate the skill's lock file, or remove it: the versions are then pinned at first use. A mirror may only be late.",
  },
  E_LIBRARIES_NO_WHEEL: {
    kind: "unmet",
    cause: "A Python package that a skill declares has no wheel that fits.",
    remedy:
      "Declare a version that has wheels. An sdist is never installed, because it runs its own code.",
  },
  E_LIBRARIES_SCRIPTS: {
    kind: "warning",
    cause: "npm packages of a skill have install scripts, which are never run.",
    remedy:
      "Try the skill: many packages work without them. One that must build or download something at install needs an image that has it.",
  },
  E_LIBRARIES_SYSTEM: {
    kind: "warning",
    cause:
      "Compiled modules of a skill's Python packages need shared libraries that this machine lacks.",
    remedy:
      "These modules cannot be imported in a sandbox that lacks the libraries, too, and others can. Use an image that has them, or another package, such as opencv-python-headless for opencv-python.",
  },
  E_LIBRARIES_TOO_LARGE: {
    kind: "unmet",
    cause: "The packages that a skill declares are too many or too large for a volume.",
    remedy: "Use an image that has these packages.",
  },
} as const satisfies Record<string, Problem>;

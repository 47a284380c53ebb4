import type { Problem } from "./problem.ts";

/** Why the packages that a skill's own files declare cannot be installed. */
export const libraryProblems = {
  E_LIBRARIES_CONFLICT: {
    kind: "unmet",
    cause: "The packages that a skill's files declare exclude each other.",
    remedy: "Correct the versions in the skill's files; the message names the packages.",
  },
  E_LIBRARIES_NO_WHEEL: {
    kind: "unmet",
    cause: "A Python package that a skill declares has no wheel that fits.",
    remedy:
      "Declare a version that has wheels. An sdist is never installed, because it runs its own code.",
  },
  E_LIBRARIES_TOO_LARGE: {
    kind: "unmet",
    cause: "The packages that a skill declares are too many or too large for a volume.",
    remedy: "Use an image that has these packages.",
  },
} as const satisfies Record<string, Problem>;

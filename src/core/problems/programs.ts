import type { Problem } from "./problem.ts";

/** Why a program cannot be provided on this host, or only with restrictions. */
export const programProblems = {
  E_DOES_NOT_RUN: {
    kind: "unmet",
    cause: "The program cannot be started on this host, or fails its smoke test.",
    remedy:
      "Check whether this image lacks a library that it needs, or write a recipe for another build.",
  },
  E_NO_RECIPE: {
    kind: "unmet",
    cause: "No recipe provides the program.",
    remedy: "Write a recipe (recipe new), or use an image that has the program.",
  },
  E_NO_BUILD: {
    kind: "unmet",
    cause: "The recipe or its lock has no source for this platform, its libc or its Python.",
    remedy: "Add a source for this platform to the recipe, or use another image.",
  },
  E_NEED: {
    kind: "unmet",
    cause: "Another tool that this one needs cannot be installed.",
    remedy: "Fix that tool first (see its error).",
  },
  E_SETUP: {
    kind: "unmet",
    cause: "The tool's setup program fails, or is for another platform.",
    remedy:
      "Install the tool on a machine of its platform; check the memory and time limits of this container.",
  },
  E_NO_GO: {
    kind: "unmet",
    cause: "A Go toolchain is needed to build the program, and none can be used.",
    remedy: "Put a newer go on PATH, or add a recipe go.",
  },
  E_NO_NPM: {
    kind: "unmet",
    cause:
      "npm is not on PATH. It resolves an npm package's dependencies when a recipe is written, pinned, or first used as a skill declares it.",
    remedy:
      "Use an image that has npm, or write a recipe on a machine that has it: installing from a recipe does not need npm.",
  },
  E_NPM_VERSION: {
    kind: "unmet",
    cause: "The npm registry does not have the package or the version.",
    remedy: "Check the package's name and versions: npm view NAME versions.",
  },
  E_NPM_CLOSURE: {
    kind: "unmet",
    cause: "The npm package's dependencies conflict, or are not all in a registry.",
    remedy: "Write a recipe with another source.",
  },
  E_NO_WHEEL: {
    kind: "unmet",
    cause: "The Python package, or one of its dependencies, has no wheel.",
    remedy:
      "Choose another version or source. An sdist is never locked, because it runs its own code at install.",
  },
  E_DECLARED: {
    kind: "unmet",
    cause: "A skill declares an installation that cannot be used.",
    remedy: "Write a recipe for it: openclaw-install-skill-deps recipe new.",
  },
  E_DECLARED_CHANGED: {
    kind: "integrity",
    cause: "A skill's declaration has changed since its first use.",
    remedy:
      "Nothing was installed from it. To accept the change: openclaw-install-skill-deps --allow-declared --force-reinstall NAME.",
  },
  E_DECLARED_UNVERIFIED: {
    kind: "warning",
    cause: "A tool was installed as a skill declares it; there is no recipe for it.",
    remedy: "No action is needed; a recipe would pin the tool.",
  },
  E_OLDER_VERSION: {
    kind: "warning",
    cause: "An older version was installed, because the current one could not be fetched.",
    remedy: "Run openclaw-install-skill-deps update later.",
  },
} as const satisfies Record<string, Problem>;

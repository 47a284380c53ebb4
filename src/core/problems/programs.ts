import type { Problem } from "./problem.ts";

/** Why a program cannot be provided on this host, or not as it should be. */
export const programProblems = {
  E_DOES_NOT_RUN: {
    kind: "unmet",
    cause: "The program cannot be started on this host, or fails its smoke test.",
    remedy:
      "See whether this image lacks a library that it needs, or write a recipe for another build of it.",
  },
  E_NO_RECIPE: {
    kind: "unmet",
    cause: "No recipe provides the program.",
    remedy: "Write a recipe (recipe new), or use an image that has the program.",
  },
  E_NO_BUILD: {
    kind: "unmet",
    cause: "The recipe or its lock has nothing for this platform, its libc or its Python.",
    remedy: "Add a source for this platform to the recipe, or use another image.",
  },
  E_NEED: {
    kind: "unmet",
    cause: "Another tool that this one needs cannot be installed.",
    remedy: "Fix that tool first (see its error).",
  },
  E_SETUP: {
    kind: "unmet",
    cause: "A program that prepares the tool's files fails, or is for another platform.",
    remedy:
      "Install the tool on a machine of its platform; look at memory and time limits of this container.",
  },
  E_NO_GO: {
    kind: "unmet",
    cause: "A Go toolchain is needed to build the program, and none can be used.",
    remedy: "Put a newer go on PATH, or add a recipe go.",
  },
  E_NO_NPM: {
    kind: "unmet",
    cause:
      "npm, which chooses what a package of npm needs when it is drafted, pinned or used first, is not on PATH.",
    remedy:
      "Use an image that has npm, or write a recipe on a machine that has it: installing one needs none.",
  },
  E_NPM_VERSION: {
    kind: "unmet",
    cause: "The npm registry does not have the package or the version.",
    remedy: "Look at the package's name and versions: npm view NAME versions.",
  },
  E_NPM_CLOSURE: {
    kind: "unmet",
    cause: "What the npm package needs contradicts itself, or is not all in a registry.",
    remedy: "Write a recipe for the program from another source.",
  },
  E_NO_WHEEL: {
    kind: "unmet",
    cause: "The Python package, or one that it needs, has no wheel.",
    remedy: "Only wheels are locked: an sdist would run its own code at install.",
  },
  E_DECLARED: {
    kind: "unmet",
    cause: "What a skill declares cannot be installed.",
    remedy: "Write a recipe for it: openclaw-install-skill-deps recipe new.",
  },
  E_DECLARED_CHANGED: {
    kind: "integrity",
    cause: "What a skill declares is not what it was at its first use.",
    remedy:
      "Nothing of it was installed. If the change is right: openclaw-install-skill-deps --allow-declared --force-reinstall NAME.",
  },
  E_DECLARED_UNVERIFIED: {
    kind: "warning",
    cause: "A tool was installed as a skill declares it; no recipe pins it.",
    remedy: "Nothing needs to be done; a recipe would pin it.",
  },
  E_OLDER_VERSION: {
    kind: "warning",
    cause: "An older version is used, because the wanted one cannot be fetched now.",
    remedy: "Run openclaw-install-skill-deps update later.",
  },
} as const satisfies Record<string, Problem>;

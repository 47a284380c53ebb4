import type { Problem } from "./problem.ts";

/** Problems of recipes and their locks, and of the commands that write them. */
export const recipeProblems = {
  E_DRAFT: {
    kind: "recipe",
    cause: "No recipe can be written from this source.",
    remedy: "Choose another source; the message says what is wrong with this one.",
  },
  E_RECIPE_GO: {
    kind: "recipe",
    cause: "The Go module needs another toolchain, or does not have the package.",
    remedy: "Correct `toolchain` or `package` in the recipe.",
  },
  E_RECIPE: {
    kind: "recipe",
    cause: "A recipe is not valid.",
    remedy: "Correct it; openclaw-install-skill-deps recipe check FILE shows every error.",
  },
  E_RECIPE_ADVICE: {
    kind: "warning",
    cause: "A recipe works, but should be improved.",
    remedy: "Change the recipe as the message says.",
  },
  E_RECIPE_BINS: {
    kind: "recipe",
    cause: "The archive does not have the programs that the recipe names.",
    remedy: "Correct `bins` or `strip` in the recipe.",
  },
  E_RECIPE_EXISTS: {
    kind: "usage",
    cause: "The recipe file already exists.",
    remedy: "Overwrite it with --force, or choose another --name; recipe pin updates digests.",
  },
  E_LOCK: {
    kind: "recipe",
    cause: "A lock is invalid or incomplete.",
    remedy: "Recreate the lock: recipe lock FILE.",
  },
  E_LOCK_SOURCE: {
    kind: "recipe",
    cause: "The recipe has no source to lock or pin, or has several that differ.",
    remedy: "Use the same package and the same lock for each platform.",
  },
  E_WHEELS_COLLIDE: {
    kind: "recipe",
    cause: "Two Python packages of a lock install different files at the same path.",
    remedy: "Lock another version of one of the packages.",
  },
  E_DRAFT_SOURCE: {
    kind: "usage",
    cause: "recipe new does not support this kind of source.",
    remedy:
      "Give a release's URL (and that for the other architecture), npm:NAME, pypi:NAME, deb:NAME, go:MODULE, or TOOL@VERSION for a recipe of the catalogue at another version.",
  },
  E_DRAFT_NAME: {
    kind: "usage",
    cause: "The name of the tool or of its program is not clear.",
    remedy: "Give the tool's name with --name and its programs with --bin.",
  },
  E_DRAFT_PROGRAM: {
    kind: "recipe",
    cause: "The package or archive does not have the program.",
    remedy: "Give the programs with --bin NAME, or use the package that has them.",
  },
  E_AUTHOR_PROGRAM: {
    kind: "config",
    cause: "A program that writing recipes needs (gpgv, uv, go) cannot be started.",
    remedy: "Install it on this machine; installing tools does not need it.",
  },
  E_DEBIAN_MIRROR: {
    kind: "config",
    cause: "apt's sources have no Debian mirror, or the mirror lacks this release.",
    remedy:
      "Create locks in a Debian container, or with a sources.list that names a mirror (APT_CONFIG).",
  },
  E_DEBIAN_PACKAGE: {
    kind: "recipe",
    cause: "The Debian release does not have this package or version.",
    remedy: "Find the name and version in this release with `apt-cache search`, and use these.",
  },
} as const satisfies Record<string, Problem>;

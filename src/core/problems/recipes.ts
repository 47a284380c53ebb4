import type { Problem } from "./problem.ts";

/** Problems of recipes and their locks, and of the commands that write them. */
export const recipeProblems = {
  E_DRAFT: {
    kind: "recipe",
    cause: "No recipe can be made of what was found.",
    remedy: "See the message; choose another source.",
  },
  E_RECIPE_GO: {
    kind: "recipe",
    cause: "The Go module needs another toolchain, or has no such package.",
    remedy: "Correct `toolchain` or `package` in the recipe.",
  },
  E_RECIPE: {
    kind: "recipe",
    cause: "A recipe has a mistake.",
    remedy: "Correct it; openclaw-install-skill-deps recipe check FILE shows every mistake.",
  },
  E_RECIPE_ADVICE: {
    kind: "warning",
    cause: "A recipe works, and something in it should be better.",
    remedy: "See the message.",
  },
  E_RECIPE_BINS: {
    kind: "recipe",
    cause: "The archive does not have the programs that the recipe names.",
    remedy: "Correct `bins` or `strip` in the recipe.",
  },
  E_RECIPE_EXISTS: {
    kind: "usage",
    cause: "The recipe to be written exists already.",
    remedy: "Write over it with --force, or choose another --name; recipe pin updates digests.",
  },
  E_LOCK: {
    kind: "recipe",
    cause: "A lock is not valid or not complete.",
    remedy: "Make the lock again: recipe lock FILE.",
  },
  E_LOCK_SOURCE: {
    kind: "recipe",
    cause: "The recipe has no source that can be locked or pinned, or several different ones.",
    remedy: "Give each platform the same package and the same lock.",
  },
  E_WHEELS_COLLIDE: {
    kind: "recipe",
    cause: "Two Python packages of a lock install different files of one name.",
    remedy: "Lock another version of one of the packages; pip cannot install both either.",
  },
  E_DRAFT_SOURCE: {
    kind: "usage",
    cause: "recipe new cannot make a recipe from this source.",
    remedy:
      "Name a release's URL (and that for the other processor), npm:NAME, pypi:NAME, deb:NAME or go:MODULE.",
  },
  E_DRAFT_NAME: {
    kind: "usage",
    cause: "The name of the tool or of its program cannot be derived.",
    remedy: "Name the tool with --name and its programs with --bin.",
  },
  E_DRAFT_PROGRAM: {
    kind: "recipe",
    cause: "The package or archive does not have the program.",
    remedy: "Name the programs with --bin NAME, or name the package that has them.",
  },
  E_AUTHOR_PROGRAM: {
    kind: "config",
    cause: "A program that only authors need (gpgv, uv, go) cannot be run.",
    remedy: "Install it on the author's machine; installing tools does not need it.",
  },
  E_DEBIAN_MIRROR: {
    kind: "config",
    cause: "apt's sources name no mirror of Debian, or one without this release.",
    remedy:
      "Make locks in a container of Debian, or with a sources.list that names a mirror (APT_CONFIG).",
  },
  E_DEBIAN_PACKAGE: {
    kind: "recipe",
    cause: "The release of Debian does not have the package or its version.",
    remedy: "See `apt-cache search` for its name in this release, and write that version.",
  },
} as const satisfies Record<string, Problem>;

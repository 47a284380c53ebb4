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
  E_CATALOGUE: {
    kind: "integrity",
    cause: "What --catalogue names is not a catalogue, or is damaged or too large.",
    remedy:
      "Nothing was stored. Make it with openclaw-install-skill-deps recipe compile DIR FILE, or name another one.",
  },
  E_CATALOGUE_DIGEST: {
    kind: "integrity",
    cause: "The catalogue does not have the digest that --catalogue or the registry names.",
    remedy: "Nothing was stored. Check who replaced the file; then correct the digest.",
  },
  E_CATALOGUE_OLDER: {
    kind: "integrity",
    cause: "A signed catalogue is older than the newest one that this volume has had.",
    remedy:
      "Nothing was stored. If the older one is meant, sign it again, or name it with its digest.",
  },
  E_CATALOGUE_SCHEMA: {
    kind: "config",
    cause: "The catalogue has another schema than this command reads: it is for another version.",
    remedy: "Use the version of the command that the message names, or another catalogue.",
  },
  E_CATALOGUE_SIGNATURE: {
    kind: "integrity",
    cause: "The catalogue's signature is missing, wrong, or by another key.",
    remedy: "Nothing was stored. Check the key; sign the file again with minisign -S.",
  },
  E_CATALOGUE_UNAVAILABLE: {
    kind: "warning",
    cause: "The catalogue cannot be fetched now, and the volume has no copy that can be used.",
    remedy:
      "What is installed is kept. Run again with network, or import a bundle from a volume that has it.",
  },
  E_CATALOGUE_KEPT: {
    kind: "warning",
    cause: "A newer catalogue could not be used; the volume's copy of the last one was.",
    remedy: "See the message for why; run update again later.",
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

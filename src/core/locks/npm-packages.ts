import { UserError } from "../errors.ts";
import { type Platform, platformId } from "../platform.ts";
import type { LockedPackage } from "../recipe.ts";

/**
 * The packages of a lock that a platform needs. An optional package whose filters do not match is
 * dropped with everything nested below it. Throws a UserError (`unmet`) if a required one does not
 * match.
 */
export function selectPackages(
  packages: readonly LockedPackage[],
  platform: Platform,
): LockedPackage[] {
  const misfits = packages.filter((locked) => !fits(locked, platform));
  const dropped = misfits.filter((locked) => locked.optional).map((locked) => `${locked.path}/`);
  const isNested = (locked: LockedPackage): boolean =>
    dropped.some((path) => locked.path.startsWith(path));
  const refused = misfits.find((locked) => !locked.optional && !isNested(locked));
  if (refused) {
    throw new UserError(
      "E_NO_BUILD",
      `${refused.name}@${refused.version} does not run on ${platformId(platform)}`,
      { hint: "The program has no build for this platform." },
    );
  }
  return packages.filter((locked) => !misfits.includes(locked) && !isNested(locked));
}

type Filters = { [Key in "os" | "cpu" | "libc"]?: readonly string[] | undefined };

/** True if a package runs on a platform, by the `os`, `cpu` and `libc` that its lock names. */
export function fits(filters: Filters, { os, arch, libc }: Platform): boolean {
  return listFits(filters.os, os) && listFits(filters.cpu, arch) && listFits(filters.libc, libc);
}

/**
 * npm's rule: a list matches if it names the value and does not exclude it; a list of only
 * exclusions matches all others.
 */
function listFits(list: readonly string[] | undefined, value: string): boolean {
  if (!list || list.length === 0 || (list.length === 1 && list[0] === "any")) return true;
  if (list.includes(`!${value}`)) return false;
  return list.includes(value) || list.every((word) => word.startsWith("!"));
}

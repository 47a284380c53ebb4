import { UserError } from "../errors.ts";
import { type Platform, platformId } from "../platform.ts";
import type { LockedWheel } from "../recipe.ts";
import { minorOf, parseWheelName, wheelRank } from "./wheel-tags.ts";

/**
 * The wheels that a program needs under a Python (`3.12.14`) on a platform: of each package the one
 * that pip would take. Throws a UserError (`unmet`) where the lock has none for this place.
 */
export function selectWheels(
  wheels: readonly LockedWheel[],
  python: string,
  platform: Platform,
): LockedWheel[] {
  const minor = minorOf(python) ?? python;
  const place = placeOf(minor, platform);
  const needed = wheels.filter(({ only }) => only === undefined || only.includes(place));
  if (needed.length === 0) throw noWheels(`Python ${minor}`, wheels, platform);
  const chosen = new Map<string, { wheel: LockedWheel; rank: number }>();
  for (const wheel of needed) {
    const named = parseWheelName(wheel.file);
    const rank = named && wheelRank(named, minor, platform);
    const other = chosen.get(wheel.name);
    if (rank !== undefined && rank < (other?.rank ?? Number.POSITIVE_INFINITY)) {
      chosen.set(wheel.name, { wheel, rank });
    }
  }
  const missing = needed.find(({ name }) => !chosen.has(name));
  if (missing) throw noWheels(`${missing.name} ${missing.version}`, wheels, platform);
  return [...chosen.values()].map(({ wheel }) => wheel);
}

/** The place of a lock that a Python on a platform is: `3.12-x64`. */
export function placeOf(minor: string, { arch }: Platform): string {
  return `${minor}-${arch}`;
}

function noWheels(what: string, wheels: readonly LockedWheel[], platform: Platform): UserError {
  const places = [...new Set(wheels.flatMap(({ only }) => only ?? []))].sort();
  const message = `the lock has no wheel of ${what} for ${platformId(platform)}`;
  return new UserError("E_NO_BUILD", message, {
    hint: `It serves ${places.join(", ")}. Another python3 in the volume, or a newer lock, would do.`,
  });
}

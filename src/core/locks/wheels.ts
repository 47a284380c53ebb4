import { UserError } from "../errors.ts";
import { type Platform, platformId } from "../platform.ts";
import type { LockedWheel } from "../recipe.ts";
import { minorOf, parseWheelName, wheelRank } from "./wheel-tags.ts";

/**
 * The wheels that a program needs under a Python (`3.12.14`) on a platform: of each package the one
 * that pip would choose. Throws a UserError (`unmet`) if the lock has none for this environment.
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

/** The key of a Python on a platform in a lock: `3.12-x64`. */
export function placeOf(minor: string, { arch }: Platform): string {
  return `${minor}-${arch}`;
}

function noWheels(what: string, wheels: readonly LockedWheel[], platform: Platform): UserError {
  const places = [...new Set(wheels.flatMap(({ only }) => only ?? []))].sort();
  const message = `the lock has no wheel of ${what} for ${platformId(platform)}`;
  return new UserError("E_NO_BUILD", message, {
    hint: `The lock is for ${places.join(", ")}. Install another python3 into the volume, or make a newer lock.`,
  });
}

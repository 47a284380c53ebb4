// semver's main module loads ranges and more: 2 ms of every start.
import compareBuild from "semver/functions/compare-build.js";
import parse from "semver/functions/parse.js";
import { compareParts } from "./deb-version.ts";

/**
 * -1, 0 or 1: by semver, with its build; other versions by all of their numbers (`1.8` is `1.8.0`,
 * `156.0.8078.114` is older than `156.0.8078.200`), then by what follows these.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  if (left && right) return compareBuild(left, right);
  const [mine, other] = [partsOf(a), partsOf(b)];
  if (!mine || !other) return a === b ? 0 : a < b ? -1 : 1;
  const count = Math.max(mine.numbers.length, other.numbers.length);
  for (let i = 0; i < count; i += 1) {
    const order = compareParts(mine.numbers[i] ?? "0", other.numbers[i] ?? "0");
    if (order !== 0) return order;
  }
  const isEarly = Number(other.isEarly) - Number(mine.isEarly);
  return isEarly || Math.sign(compareParts(mine.rest, other.rest));
}

/** The first numbers of a version, without leading zeros: of `v2024.01-2` 2024 and 1; empty if it has none. */
export function numbersOf(version: string): readonly string[] {
  return partsOf(version)?.numbers ?? [];
}

/** True for words of a version before a release: `2.0b1`, `1.0.0-rc.1`. */
export function isBeforeRelease(version: string): boolean {
  return early.test(version);
}

const early = /(^|[^a-z])(alpha|beta|rc|pre|preview|dev|nightly|canary|next|snapshot|a\d|b\d)/i;

function partsOf(version: string) {
  const [, digits, rest = ""] = /^\D*(\d+(?:\.\d+)*)(.*)$/s.exec(version) ?? [];
  if (digits === undefined) return undefined;
  const numbers = digits.split(".").map((number) => number.replace(/^0+(?=\d)/, ""));
  // What follows three numbers and a dash is before a release to semver.
  const isEarly = isBeforeRelease(rest) || (numbers.length === 3 && rest.startsWith("-"));
  return { numbers, rest, isEarly };
}

import * as semver from "semver";

/** -1, 0 or 1 by semver; versions that are not semver are read for the numbers they hold. */
export function compareVersions(a: string, b: string): number {
  const read = (text: string) => semver.parse(text, { loose: true }) ?? semver.coerce(text);
  const [left, right] = [read(a), read(b)];
  if (left && right) return semver.compare(left, right);
  return a === b ? 0 : a < b ? -1 : 1;
}

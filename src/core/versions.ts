// semver's main module loads ranges and more: 2 ms of every start.
import coerce from "semver/functions/coerce.js";
import compare from "semver/functions/compare.js";
import parse from "semver/functions/parse.js";

/** -1, 0 or 1 by semver; other versions are coerced to the numbers in them. */
export function compareVersions(a: string, b: string): number {
  const read = (text: string) => parse(text, { loose: true }) ?? coerce(text);
  const [left, right] = [read(a), read(b)];
  if (left && right) return compare(left, right);
  return a === b ? 0 : a < b ? -1 : 1;
}

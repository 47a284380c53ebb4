import coerce from "semver/functions/coerce.js";
import prerelease from "semver/functions/prerelease.js";
import satisfies from "semver/functions/satisfies.js";
import { compareDebVersions } from "../core/deb-version.ts";
import { plural } from "../core/plural.ts";
import { compareVersions } from "../core/versions.ts";
import { atVersion } from "./draft-version.ts";
import { nameOfOrigin, type Origin } from "./versions.ts";

/** What an origin answered, or why it could not be asked. */
export interface Answer {
  readonly origin: Origin;
  readonly versions: readonly string[] | string;
}

/** What a recipe could be moved to. */
export interface Newest {
  /** The newest version that every answering origin has; the recipe's own if there is no newer one. */
  readonly version: string;
  /** Debian's package at its new version, if the release has another: it has versions of its own. */
  readonly deb?: { readonly name: string; readonly from: string; readonly to: string };
  /** Packages of the Debian lock that have newer versions. */
  readonly staleDebs: number;
  /** What a person should know: a new major version, a version that is held back, an origin that did not answer. */
  readonly notes: readonly string[];
  /** Origins that could not be asked. */
  readonly unasked: readonly string[];
}

const unstable = /(^|[^a-z])(alpha|beta|rc|pre|preview|dev|nightly|canary|next|snapshot|a\d|b\d)/i;

/** Chooses from what the origins of a recipe at `version` answered. `hold`: a semver range that is not followed. */
export function newestOf(
  { version, hold }: { readonly version: string; readonly hold?: string | undefined },
  answers: readonly Answer[],
  staleDebs = 0,
): Newest {
  const notes: string[] = [];
  const unasked: string[] = [];
  let common: readonly string[] | undefined;
  let deb: Newest["deb"];
  for (const { origin, versions } of answers) {
    if (typeof versions === "string") {
      unasked.push(nameOfOrigin(origin));
      notes.push(versions);
    } else if (origin.kind === "deb") deb ??= newerDeb(origin, versions);
    else {
      const own = ownVersions(origin.tag, version, versions);
      common = common === undefined ? own : common.filter((each) => own.includes(each));
    }
  }
  const newer = (common ?? []).filter((each) => compareVersions(each, version) > 0);
  const stable = newer.filter(
    (each) => prerelease(each, { loose: true }) === null && !unstable.test(each),
  );
  const followed = stable.filter((each) => !isHeld(each, hold)).sort(compareVersions);
  const held = stable.length - followed.length;
  if (held > 0) notes.push(`held: ${hold} is not followed`);
  const to = followed.at(-1) ?? version;
  if (majorOf(to) !== majorOf(version)) notes.push("a new major version");
  if (staleDebs > 0)
    notes.push(
      `${plural(staleDebs, "package")} of the Debian lock ${staleDebs > 1 ? "have" : "has"} a newer version`,
    );
  return { version: to, ...(deb && { deb }), staleDebs, notes, unasked };
}

/** The versions of an origin whose words for a version are like those of the recipe's source. */
function ownVersions(tag: string, version: string, listed: readonly string[]): string[] {
  const mark = "\0";
  const [before, after] = atVersion(tag, version, mark).split(mark);
  if (before === undefined || after === undefined) return [];
  return listed
    .filter(
      (each) =>
        each.startsWith(before) &&
        each.endsWith(after) &&
        each.length > before.length + after.length,
    )
    .map((each) => each.slice(before.length, each.length - after.length))
    .filter((each) => /^\d[0-9A-Za-z.+_-]*$/.test(each));
}

function newerDeb({ name, tag: from }: Origin, [to]: readonly string[]): Newest["deb"] {
  return to !== undefined && compareDebVersions(to, from) > 0 ? { name, from, to } : undefined;
}

function isHeld(version: string, hold: string | undefined): boolean {
  const plain = coerce(version);
  return hold !== undefined && plain !== null && satisfies(plain, hold);
}

const majorOf = (version: string): number | undefined => coerce(version)?.major;

/** True if there is anything to move. */
export function isBehind({ version, deb, staleDebs }: Newest, own: string): boolean {
  return version !== own || deb !== undefined || staleDebs > 0;
}

import prerelease from "semver/functions/prerelease.js";
import satisfies from "semver/functions/satisfies.js";
import { compareDebVersions } from "../core/deb-version.ts";
import { isVersion } from "../core/names.ts";
import { compareVersions, isBeforeRelease, numbersOf } from "../core/versions.ts";
import { plural } from "../core/wording.ts";
import { atVersion } from "./draft-version.ts";
import { nameOfOrigin, type Origin } from "./versions.ts";

/** What an origin answered, or why it could not be asked. */
export interface Answer {
  readonly origin: Origin;
  readonly versions: readonly string[] | Unanswered;
  /** What a person should know of it. */
  readonly note?: string;
}

/** Why an origin could not be asked. */
export interface Unanswered {
  readonly why: string;
  /** A cause that concerns other recipes, too: `github.com cannot be reached`. */
  readonly shared?: string | undefined;
}

/** What a recipe could be moved to. */
export interface Newest {
  /** The newest version that every answering origin has; the recipe's own if there is no newer one. */
  readonly version: string;
  /** Others that are newer than the recipe's own, the newest first. */
  readonly older: readonly string[];
  /** Debian's package at its new version, if the release has another: it has versions of its own. */
  readonly deb?: { readonly name: string; readonly from: string; readonly to: string };
  /** Packages of the Debian lock that have newer versions. */
  readonly staleDebs: number;
  /** What a person should know: a new major version, a version that is held back, an origin that did not answer. */
  readonly notes: readonly string[];
  /** Origins that could not be asked. */
  readonly unasked: readonly string[];
  /** Why, where the cause is not the recipe's own; it is not in `notes`. */
  readonly sharedCauses: readonly string[];
}

/** Chooses from what the origins of a recipe at `version` answered. `hold`: a semver range that is not followed. */
export function newestOf(
  { version, hold }: { readonly version: string; readonly hold?: string | undefined },
  answers: readonly Answer[],
  staleDebs = 0,
): Newest {
  const { common, deb, notes, unasked, sharedCauses } = gather(answers, version);
  const newer = common.filter((each) => compareVersions(each, version) > 0);
  const stable = newer.filter((each) => isRelease(each, version));
  const followed = stable.filter((each) => !isHeld(each, hold)).sort(compareVersions);
  const held = stable.length - followed.length;
  if (held > 0) notes.push(`held: ${hold} is not followed`);
  if (staleDebs > 0)
    notes.push(
      `${plural(staleDebs, "package")} of the Debian lock ${staleDebs > 1 ? "have" : "has"} a newer version`,
    );
  const [to = version, ...older] = followed.reverse();
  const rest = { ...(deb && { deb }), staleDebs, notes, unasked, sharedCauses };
  return { version: to, older, ...rest };
}

/** A move to another major version, in words; undefined if it is none. */
export function majorNote(from: string, to: string): string | undefined {
  return majorOf(to) === majorOf(from) ? undefined : "a new major version";
}

/** What all answers have in common, and what each says for itself. */
function gather(answers: readonly Answer[], version: string) {
  const notes: string[] = [];
  const unasked = new Set<string>();
  const sharedCauses = new Set<string>();
  let common: readonly string[] | undefined;
  let deb: Newest["deb"];
  for (const { origin, versions, note: said } of answers) {
    if (said !== undefined) notes.push(said);
    if ("why" in versions) {
      unasked.add(nameOfOrigin(origin));
      if (versions.shared === undefined) notes.push(versions.why);
      else sharedCauses.add(versions.shared);
    } else if (origin.kind === "deb" && versions.length > 0) deb ??= newerDeb(origin, versions);
    else {
      const { own, note } = followable(origin, version, versions);
      if (note !== undefined) notes.push(note);
      if (origin.kind === "deb") continue;
      common = common === undefined ? own : common.filter((each) => own.includes(each));
    }
  }
  return {
    common: common ?? [],
    deb,
    notes,
    unasked: [...unasked],
    sharedCauses: [...sharedCauses],
  };
}

/** What can be followed of an origin, and what is odd about it. */
interface Followable {
  readonly own: readonly string[];
  readonly note?: string;
}

/** The versions of an origin whose words for a version are like those of the recipe's source. */
function followable(origin: Origin, version: string, listed: readonly string[]): Followable {
  const name = nameOfOrigin(origin);
  const none = (why: string): Followable => ({ own: [], note: `${why}, so nothing is followed` });
  if (listed.length === 0) return none(`${name} lists no version`);
  if (origin.kind === "page") {
    const own = listed.filter((each) => partsOf(each) === partsOf(version));
    return own.length > 0 ? { own } : none(`${name} names no version like ${version}`);
  }
  const tag = origin.tag ?? listed.find((each) => atVersion(each, version, mark) !== each);
  if (tag === undefined) return none(`${name} does not list ${version}`);
  const [before, after] = atVersion(tag, version, mark).split(mark);
  if (before === undefined || after === undefined) {
    return none(`${tag} of ${name} does not name the version`);
  }
  const own = listed
    .filter(
      (each) =>
        each.startsWith(before) &&
        each.endsWith(after) &&
        each.length > before.length + after.length,
    )
    .map((each) => each.slice(before.length, each.length - after.length))
    .filter((each) => isLike(each, version));
  return { own, ...(isWithdrawn(origin, listed) && { note: `${name} no longer offers ${tag}` }) };
}

/** True if it begins with the same word: `r30` like `r29`. */
function isLike(version: string, own: string): boolean {
  const word = /^\D*/.exec(own)?.[0] ?? "";
  const isSame = version.startsWith(word) && /^\d/.test(version.slice(word.length));
  return isSame && isVersion(version);
}

/** A version before a release to semver counts if the recipe's own is such a one: `7.1.1-41` after `7.1.1-40`. */
function isRelease(version: string, own: string): boolean {
  if (isBeforeRelease(version)) return false;
  return prerelease(version, { loose: true }) === null || formOf(version) === formOf(own);
}

const formOf = (version: string): string =>
  version.replace(/\d+/g, "0").replace(/(?<![a-z])[a-z](?![a-z])/gi, "a");

/** Removed, yanked, or newer than what the registry calls the latest. Go's proxy does not list all that it has. */
function isWithdrawn({ kind, tag }: Origin, listed: readonly string[]): boolean {
  if (tag === undefined || kind === "go") return false;
  return !listed.some((each) => each === tag || compareVersions(each, tag) === 0);
}

const mark = "\0";
const partsOf = (version: string): number => version.split(".").length;

function newerDeb({ name, tag: from }: Origin, [to]: readonly string[]): Newest["deb"] {
  const isNewer = to !== undefined && from !== undefined && compareDebVersions(to, from) > 0;
  return isNewer ? { name, from, to } : undefined;
}

function isHeld(version: string, hold: string | undefined): boolean {
  const [major = "0", minor = "0", patch = "0"] = numbersOf(version);
  return hold !== undefined && satisfies(`${major}.${minor}.${patch}`, hold);
}

const majorOf = (version: string): string | undefined => numbersOf(version)[0];

/** True if there is anything to move. */
export function isBehind({ version, deb, staleDebs }: Newest, own: string): boolean {
  return version !== own || deb !== undefined || staleDebs > 0;
}

import * as semver from "semver";
import { isDebVersion } from "../deb-version.ts";
import { parseHexDigest, parseIntegrity } from "../digest.ts";
import { commandName, librariesDir, librariesPrefix } from "../layout.ts";
import { parseWheelName } from "../locks/wheel-tags.ts";
import { isBinName, isNpmName, isRelativePath, isToolName, isVersion } from "../names.ts";
import type { ArchiveFormat } from "../recipe.ts";

/**
 * The rules for single texts of a recipe. Each returns what is wrong, as the rest of a sentence
 * that starts with the field's name; undefined if the text is valid.
 */
export type TextRule = (text: string) => string | undefined;

export const toolNameRule: TextRule = (text) =>
  isToolName(text)
    ? (notOwnName(text) ?? notOfLibraries(text))
    : "must be lower case letters, digits and ._+-";

export const binNameRule: TextRule = (text) =>
  isBinName(text) ? notOwnName(text) : `has "${text}", which is not a plain program name`;

export const fileNameRule: TextRule = (text) =>
  isRelativePath(text)
    ? undefined
    : `has "${text}", which is not a path below the test's directory`;

export const outputRule: TextRule = (text) => (text.trim() === "" ? "is empty" : undefined);

/** What starts under this name decides what is in the volume; no recipe, and no skill, may provide it. */
function notOwnName(text: string): string | undefined {
  return text === commandName ? `has "${text}", the name of this command itself` : undefined;
}

function notOfLibraries(text: string): string | undefined {
  const isTheirs = text === librariesDir || text.startsWith(librariesPrefix);
  return isTheirs ? `has "${text}", a name of skills' own libraries` : undefined;
}

/** `recipe new` writes it for values that only the author knows. */
const isPlaceholder = (text: string): boolean => /^TODO\b/.test(text);
const unwritten = "is a placeholder; write it";

export const lineRule: TextRule = (text) => {
  if (isPlaceholder(text)) return unwritten;
  if (text.trim() === "") return "is empty";
  return text.trim() === text && !/[\r\n]/.test(text) ? undefined : "must be one line";
};

export const versionRule: TextRule = (text) => {
  if (isPlaceholder(text)) return unwritten;
  if (isMoving(text)) return `is "${text}", which changes; write the version itself`;
  return isVersion(text) ? undefined : `is "${text}", which is not a version`;
};

export const rangeRule: TextRule = (text) =>
  semver.validRange(text) === null ? `is "${text}", which is not a semver range` : undefined;

export const versionsRule: TextRule = (text) =>
  /^(git\+)?https:\/\/[^\s/]+\/\S*$/.test(text) && URL.canParse(text)
    ? undefined
    : "must be the https:// address of a page, or git+https:// and that of a repository";

export const homepageRule: TextRule = (text) => {
  if (isPlaceholder(text)) return unwritten;
  return URL.canParse(text) && text.startsWith("https://")
    ? undefined
    : "must be an https:// address";
};

export const pathRule: TextRule = (text) => {
  if (template.test(text) || /\{\w*\}/.test(text)) return "holds a template; write it out";
  return isRelativePath(text)
    ? undefined
    : `is "${text}"; a path stays in the unpacked tree: no "..", no leading "/"`;
};

export const glibcRule: TextRule = (text) =>
  /^\d+(\.\d+)+$/.test(text) ? undefined : `is "${text}", which is not a glibc version`;

export const sha256Rule = hexRule("sha256", 64);
export const sha512Rule = hexRule("sha512", 128);

export const integrityRule: TextRule = (text) =>
  /^sha(256|512)-\S+$/.test(text) && parseIntegrity(text)
    ? undefined
    : "is not sha512- and the base64 of 64 bytes";

export const lockNameRule: TextRule = (text) =>
  isBinName(text) && text.endsWith(".lock.json")
    ? undefined
    : "must name a file beside the recipe that ends in .lock.json";

export const npmRule: TextRule = (text) => {
  const { name, version } = splitPackage(text);
  if (template.test(text)) return "holds a template; write it out";
  if (version === "") return `is "${text}", which has no version`;
  // semver.valid also accepts "v1.2.3" and " 1.2.3"; a registry knows only the normalized form.
  if (semver.valid(version) !== version) return `is "${text}", which is not one exact version`;
  return isNpmName(name) ? undefined : `is "${text}", which is not a package's name`;
};

export const debRule: TextRule = (text) => {
  const { name, version } = splitPackage(text);
  if (version === "") return `is "${text}", which has no version`;
  if (!isDebVersion(version)) return `is "${text}", which is not a version of Debian's`;
  return debNameRule(name);
};

export const debReleaseRule: TextRule = (text) =>
  /^[a-z]+$/.test(text) ? undefined : `is "${text}", which is not the name of a release`;

export const debNameRule: TextRule = (text) =>
  /^[a-z0-9][a-z0-9+.-]+$/.test(text) ? undefined : `is "${text}", which is not a package's name`;

/** Variables that change which program runs, for this program and its child processes. */
const refusedNames = /^(LD_.*|PATH|HOME|IFS|ENV|BASH_ENV|SHELL|PWD)$/;

export const envNameRule: TextRule = (text) => {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(text)) return `has "${text}", which is not a variable`;
  return refusedNames.test(text) ? `has ${text}, which a recipe must not set` : undefined;
};

export const startWordRule: TextRule = (text) => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(text)) return "has a control character";
  return /[{}]/.test(text.replaceAll("{root}", ""))
    ? "has a placeholder other than {root}"
    : undefined;
};

export const pypiRule: TextRule = (text) => {
  const { name, version } = splitPackage(text);
  if (version === "") return `is "${text}", which has no version`;
  if (!isVersion(version) || isMoving(version))
    return `is "${text}", which is not one exact version`;
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)
    ? undefined
    : `is "${text}"; write the name in its normal form: lower case, with - between words`;
};

export const wheelRule: TextRule = (text) =>
  parseWheelName(text) ? undefined : `is "${text}", which is not a wheel's name`;

export const goRule: TextRule = (text) => {
  const { name, version } = splitPackage(text);
  if (!/^v\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/.test(version)) {
    return `is "${text}", which has no exact version such as v1.2.3`;
  }
  return /^[a-z0-9-]+(\.[a-z0-9-]+)+(\/[A-Za-z0-9][A-Za-z0-9._~-]*)+$/.test(name)
    ? undefined
    : `is "${text}", which is not a module's path`;
};

export const goPackageRule: TextRule = (text) =>
  text === "." || (isRelativePath(text) && /^[A-Za-z0-9._/-]+$/.test(text))
    ? undefined
    : `is "${text}"; a package is a directory of the module: cmd/gog, or . for its root`;

export const goSumRule: TextRule = (text) =>
  /^h1:[A-Za-z0-9+/]{43}=$/.test(text) ? undefined : "is not h1: and the base64 of 32 bytes";

export const goVersionRule: TextRule = (text) =>
  /^1\.\d+(\.\d+)?$/.test(text) ? undefined : `is "${text}", which is not a Go version`;

export const urlRule: TextRule = (text) => {
  const at = text.search(placeholder);
  if (at >= 0) return `holds a template (${text.slice(at, at + 20)}); write it out`;
  // A parsed URL may lack its slashes; fetching and mirrors use the text.
  if (!URL.canParse(text) || !/^https?:\/\/[^/\\]/.test(text)) {
    return "is not a URL that starts with https://";
  }
  const url = new URL(text);
  if (url.protocol !== "https:" && !isLoopback(url)) return "must start with https://";
  if (url.username !== "" || url.password !== "") return "must not hold a name or password";
  if (/\/(latest|nightly)\//i.test(url.pathname))
    return "points to the latest release, which changes";
  return formatOfUrl(text) ? undefined : "has an archive format that cannot be unpacked";
};

/** Splits `@scope/name@1.2.3`; version is empty if there is none. */
export function splitPackage(text: string): { name: string; version: string } {
  const at = text.lastIndexOf("@");
  return at > 0
    ? { name: text.slice(0, at), version: text.slice(at + 1) }
    : { name: text, version: "" };
}

/** The format that a URL's path implies; undefined if it cannot be unpacked. */
export function formatOfUrl(text: string): ArchiveFormat | undefined {
  const path = new URL(text).pathname.toLowerCase();
  const known = endings.find(([ending]) => ending.test(path));
  return known ? known[1] : "raw";
}

const endings: readonly (readonly [RegExp, ArchiveFormat | undefined])[] = [
  [/\.(tar\.gz|tgz)$/, "tar.gz"],
  [/\.(tar\.xz|txz)$/, "tar.xz"],
  [/\.(tar\.bz2|tbz2?)$/, "tar.bz2"],
  [/\.(tar\.zst|tzst)$/, "tar.zst"],
  [/\.tar$/, "tar"],
  [/\.zip$/, "zip"],
  [/\.tar\.[a-z0-9]+$/, undefined],
  [/\.gz$/, "gz"],
  [/\.bz2$/, "bz2"],
  [/\.(7z|rar|deb|rpm|apk|pkg|dmg|msi|exe|whl|xz|zst|lz4?|lzma|br)$/, undefined],
];

const template = /\{\{|\}\}|\$\{|\$\(|<[a-z]+>|%[sv](?![0-9a-f])/i;
/**
 * Common placeholders: `{version}`, `$VERSION`, `[tag]`, `/:tag`, `%VERSION%`. Real URLs have none.
 */
const placeholder =
  /[{}<>`]|%7[bBdD]|\$[A-Za-z_(]|\[[A-Za-z_]+\]|\/:[A-Za-z]|%(?![0-9A-Fa-f]{2})|(?<![A-Za-z])VERSION(?![A-Za-z])/;

function isMoving(word: string): boolean {
  return /^(latest|stable|nightly|head|master|main)$/i.test(word);
}

/** A mirror on this machine needs no certificate: the digest verifies its bytes. */
function isLoopback(url: URL): boolean {
  return url.protocol === "http:" && /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url.hostname);
}

function hexRule(algorithm: "sha256" | "sha512", digits: number): TextRule {
  return (text) => {
    if (parseHexDigest(algorithm, text)) return undefined;
    return /^[0-9a-f]+$/i.test(text)
      ? `has ${text.length} digits; ${algorithm} has ${digits}`
      : "is not hexadecimal digits";
  };
}

import { eq, valid } from "@renovatebot/pep440";
import { isAtLeast, machineNames, type Platform } from "../platform.ts";

/** A wheel's file name, parsed: the package, and where it runs. */
export interface WheelName {
  readonly name: string;
  readonly version: string;
  readonly pythons: readonly string[];
  readonly abis: readonly string[];
  readonly platforms: readonly string[];
}

/** The assumed libc version if none is known: that of OpenClaw's images. */
const usualLibc = { glibc: "2.36", musl: "1.2" } as const;

/**
 * Parses `NAME-VERSION(-BUILD)-PYTHONS-ABIS-PLATFORMS.whl`; undefined for any other name. The
 * package's name is normalized.
 */
export function parseWheelName(file: string): WheelName | undefined {
  const match =
    /^([A-Za-z0-9][A-Za-z0-9._]*)-([A-Za-z0-9][A-Za-z0-9._+!]*)(?:-\d[A-Za-z0-9_.]*)?-([A-Za-z0-9_.]+)-([A-Za-z0-9_.]+)-([A-Za-z0-9_.]+)\.whl$/.exec(
      file,
    );
  if (!match) return undefined;
  const [, name = "", version = "", pythons = "", abis = "", platforms = ""] = match;
  return {
    name: normalName(name),
    version,
    pythons: tagsOf(pythons),
    abis: tagsOf(abis),
    platforms: tagsOf(platforms),
  };
}

function tagsOf(text: string): string[] {
  return text.toLowerCase().split(".");
}

/** A package's normalized name: `Typing_Extensions` becomes `typing-extensions`. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** `1.0` equals `1.0.0`, and `1.0-RC1` equals `1.0rc1` (PEP 440); in file names `_` means `-`. */
export function isSameVersion(one: string, other: string): boolean {
  const [a, b] = [one, other].map((version) => version.replaceAll("_", "-"));
  if (a === undefined || b === undefined || a === b) return a === b;
  return valid(a) !== null && valid(b) !== null && eq(a, b);
}

/** `3.12` of `3.12.14` and `3.12.14+20260814`; undefined unless it is Python 3. */
export function minorOf(version: string): string | undefined {
  return /^3\.\d+(?=[.+]|$)/.exec(version)?.[0];
}

/**
 * How well a wheel fits a Python (`3.12`) on a platform; undefined if it does not run there. Like
 * pip, the smallest rank wins.
 */
export function wheelRank(
  wheel: WheelName,
  python: string,
  platform: Platform,
): number | undefined {
  const minor = Number(python.slice(2));
  const ranks = wheel.platforms.flatMap((tag) => {
    const where = platformRank(tag, platform);
    if (where === undefined) return [];
    return wheel.pythons.flatMap((interpreter) =>
      wheel.abis.flatMap((abi) => {
        const who = interpreterRank(interpreter, abi, minor, tag === "any");
        return who === undefined ? [] : [who * 10_000 + where];
      }),
    );
  });
  return ranks.length === 0 ? undefined : Math.min(...ranks);
}

/** pip's order: built for exactly this Python, for the stable ABI, for any Python 3. */
function interpreterRank(
  interpreter: string,
  abi: string,
  minor: number,
  isAnywhere: boolean,
): number | undefined {
  const match = /^(cp|py)3(\d*)$/.exec(interpreter);
  if (!match) return undefined;
  const since = match[2] === "" ? undefined : Number(match[2]);
  if (since !== undefined && since > minor) return undefined;
  const age = since === undefined ? 0 : minor - since;
  if (match[1] === "cp") {
    if (abi === `cp3${minor}` && age === 0) return 0;
    if (abi === "abi3" && since !== undefined) return 1 + age;
    return abi === "none" && age === 0 ? 100 : undefined;
  }
  if (abi !== "none") return undefined;
  return (isAnywhere ? 300 : 200) + (since === undefined ? 1 : age === 0 ? 0 : 1 + age);
}

const oldNames: Readonly<Record<string, string>> = {
  manylinux1: "manylinux_2_5",
  manylinux2010: "manylinux_2_12",
  manylinux2014: "manylinux_2_17",
};

/** As in pip: the newest compatible libc first, a wheel for any platform last. */
function platformRank(tag: string, platform: Platform): number | undefined {
  if (tag === "any") return 9999;
  const machine = machineNames[platform.arch];
  if (!tag.endsWith(`_${machine}`)) return undefined;
  const system = tag.slice(0, -machine.length - 1);
  if (system === "linux") return 9998;
  const match = /^(many|musl)linux_(\d+)_(\d+)$/.exec(oldNames[system] ?? system);
  const libc = match?.[1] === "many" ? "glibc" : "musl";
  if (!match || libc !== platform.libc) return undefined;
  const have = platform.libcVersion ?? usualLibc[libc];
  const wants = `${match[2]}.${match[3]}`;
  return isAtLeast(have, wants) ? 9000 - Number(match[3]) : undefined;
}

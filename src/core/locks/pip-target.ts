import { isAtLeast, machineNames, type Platform } from "../platform.ts";
import { minorOf } from "./wheel-tags.ts";

/** Where packages will run, as pip is told: its options, and what markers are evaluated for. */
export interface PipTarget {
  readonly options: readonly string[];
  readonly markers: Readonly<Record<string, string>>;
}

/** The glibc of OpenClaw's stock images: wheels that need a newer one would fail in them. */
const stockGlibc = "2.36";
/** The Python of the stock sandbox image. Packages that replace newer modules are chosen by it. */
const stockPython = "3.11.2";

/**
 * The target for a line of Python (`3.11`) on a platform. `own`: the version of the volume's Python, which counts
 * if it is of this line; for other lines the oldest version counts, which needs the most packages.
 */
export function pipTarget(minor: string, platform: Platform, own: string | undefined): PipTarget {
  const exact = /^3\.\d+\.\d+/.exec(own ?? "")?.[0];
  const version = [exact, stockPython].find((it) => it && minorOf(it) === minor) ?? `${minor}.0`;
  const machine = machineNames[platform.arch];
  const tags = libcTags(platform).map((tag) => `${tag}_${machine}`);
  const options = [
    ...["--python-version", version, "--implementation", "cp"],
    ...["--abi", `cp${minor.replace(".", "")}`],
    ...tags.flatMap((tag) => ["--platform", tag]),
  ];
  return {
    options,
    markers: {
      implementation_name: "cpython",
      implementation_version: version,
      os_name: "posix",
      platform_machine: machine,
      platform_python_implementation: "CPython",
      platform_release: "",
      platform_system: "Linux",
      platform_version: "",
      python_full_version: version,
      python_version: minor,
      sys_platform: "linux",
    },
  };
}

const oldNames: Readonly<Record<number, string>> = {
  17: "manylinux2014",
  12: "manylinux2010",
  5: "manylinux1",
};

/** The tags of a libc, newest first: pip knows only those that it is told. */
function libcTags({ libc, libcVersion }: Platform): string[] {
  if (libc === "musl") return ["musllinux_1_2", "musllinux_1_1", "linux"];
  const isOlder = libcVersion !== undefined && !isAtLeast(libcVersion, stockGlibc);
  const newest = Number((isOlder ? libcVersion : stockGlibc).split(".")[1]);
  const minors = Array.from({ length: Math.max(newest - 4, 0) }, (_, i) => newest - i);
  const tags = minors.flatMap((minor) => [`manylinux_2_${minor}`, oldNames[minor] ?? []].flat());
  return [...tags, "linux"];
}

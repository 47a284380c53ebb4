import { expect, test } from "vitest";
import { pipTarget } from "../../src/core/locks/pip-target.ts";
import type { Platform } from "../../src/core/platform.ts";

const x64: Platform = { os: "linux", arch: "x64", libc: "glibc", libcVersion: "2.36" };
const tagsOf = (platform: Platform): string[] => {
  const { options } = pipTarget("3.11", platform, undefined);
  return options.flatMap((word, i) => (options[i - 1] === "--platform" ? [word] : []));
};

test("a wheel for any glibc up to that of the host is allowed, newest first", () => {
  const tags = tagsOf(x64);
  expect(tags[0]).toBe("manylinux_2_36_x86_64");
  expect(tags.at(-1)).toBe("linux_x86_64");
  for (const old of ["manylinux2014", "manylinux2010", "manylinux1", "manylinux_2_5"])
    expect(tags).toContain(`${old}_x86_64`);
  const older = tagsOf({ ...x64, arch: "arm64", libcVersion: "2.31" });
  expect(older[0]).toBe("manylinux_2_31_aarch64");
});

test("a newer host does not get what the stock images cannot load", () => {
  expect(tagsOf({ ...x64, libcVersion: "2.41" })).toEqual(tagsOf(x64));
});

test("musl has its own tags, and none of glibc", () => {
  const tags = tagsOf({ os: "linux", arch: "x64", libc: "musl" });
  expect(tags).toContain("musllinux_1_2_x86_64");
  expect(tags.filter((tag) => tag.startsWith("many"))).toEqual([]);
});

test.each([
  ["3.12", "3.12.14", "3.12.14"],
  ["3.12", "3.12.14+20260814", "3.12.14"],
  ["3.11", "3.12.14", "3.11.2"], // the stock sandbox image
  ["3.13", "3.12.14", "3.13.0"],
  ["3.13", undefined, "3.13.0"],
])("line %s with the volume's Python %s is %s for markers", (minor, own, version) => {
  const { options, markers } = pipTarget(minor, x64, own);
  expect(markers).toMatchObject({ python_full_version: version, python_version: minor });
  expect(options.join(" ")).toContain(`--python-version ${version} `);
  expect(options.join(" ")).toContain(`--abi cp${minor.replace(".", "")} `);
});

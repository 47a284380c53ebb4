import { expect, test } from "vitest";
import {
  isSameVersion,
  minorOf,
  normalName,
  parseWheelName,
  wheelRank,
} from "../../src/core/locks/wheel-tags.ts";
import type { Platform } from "../../src/core/platform.ts";

const glibc: Platform = { os: "linux", arch: "x64", libc: "glibc", libcVersion: "2.36" };
const places: Record<string, Platform> = {
  glibc,
  "glibc 2.28": { ...glibc, libcVersion: "2.28" },
  arm64: { ...glibc, arch: "arm64" },
  musl: { ...glibc, libc: "musl", libcVersion: "1.2.4" },
  "no version": { os: "linux", arch: "x64", libc: "glibc" },
};

function rank(tags: string, python = "3.12", place = "glibc"): number | undefined {
  const wheel = parseWheelName(`a-1.0-${tags}.whl`);
  if (!wheel) throw new Error(tags);
  return wheelRank(wheel, python, places[place] ?? glibc);
}

test.each([
  ["py3-none-any", "3.12", "musl", true],
  ["py2.py3-none-any", "3.11", "glibc", true],
  ["py2-none-any", "3.12", "glibc", false],
  ["cp312-cp312-manylinux_2_28_x86_64", "3.12", "glibc", true],
  ["cp312-cp312-manylinux_2_28_x86_64", "3.12", "glibc 2.28", true],
  ["cp312-cp312-manylinux_2_34_x86_64", "3.12", "glibc 2.28", false],
  ["cp312-cp312-manylinux_2_28_x86_64", "3.12", "no version", true],
  ["cp312-cp312-manylinux_2_28_x86_64", "3.11", "glibc", false],
  ["cp312-cp312-manylinux_2_28_x86_64", "3.12", "arm64", false],
  ["cp312-cp312-manylinux_2_28_x86_64", "3.12", "musl", false],
  ["cp312-cp312-musllinux_1_2_x86_64", "3.12", "musl", true],
  ["cp312-cp312-musllinux_1_2_x86_64", "3.12", "glibc", false],
  ["cp312-cp312-manylinux2014_aarch64", "3.12", "arm64", true],
  ["cp39-abi3-manylinux_2_17_x86_64", "3.12", "glibc", true],
  ["cp313-abi3-manylinux_2_17_x86_64", "3.12", "glibc", false],
  ["cp313-cp313t-manylinux_2_17_x86_64", "3.13", "glibc", false],
  ["cp311-none-any", "3.12", "glibc", false],
  ["cp312-cp312-macosx_11_0_arm64", "3.12", "arm64", false],
  ["cp312-cp312-win_amd64", "3.12", "glibc", false],
])("%s under Python %s on %s: %s", (tags, python, place, fits) => {
  expect(rank(tags, python, place) !== undefined).toBe(fits);
});

test("pip's order: this very Python, its stable interface, newer libc, any Python", () => {
  const tags = [
    "cp312-cp312-manylinux_2_28_x86_64",
    "cp312-cp312-manylinux_2_17_x86_64",
    "cp312-cp312-manylinux2010_x86_64",
    "cp312-abi3-manylinux_2_28_x86_64",
    "cp39-abi3-manylinux_2_28_x86_64",
    "py3-none-manylinux_2_28_x86_64",
    "py3-none-any",
    "py2.py3-none-any",
  ];
  const ranks = tags.map((tag) => rank(tag) ?? Number.NaN);
  expect(ranks.slice(0, 7)).toEqual([...ranks.slice(0, 7)].sort((a, b) => a - b));
  expect(new Set(ranks.slice(0, 7)).size).toBe(7);
  expect(ranks[7]).toBe(ranks[6]);
});

test("names", () => {
  expect(parseWheelName("Typing_Extensions-4.1-py3-none-any.whl")?.name).toBe("typing-extensions");
  expect(parseWheelName("a-1.0-1-py3-none-any.whl")).toMatchObject({ version: "1.0" });
  expect(parseWheelName("a.b-1.0+cpu-py3-none-any.whl")).toMatchObject({ version: "1.0+cpu" });
  expect(normalName("A._-B")).toBe("a-b");
  expect(minorOf("3.12.14+20260814")).toBe("3.12");
  expect(minorOf("2.7.18")).toBeUndefined();
});

test.each([
  "a-1.0.tar.gz",
  "a.whl",
  "../a-1.0-py3-none-any.whl",
  "a b-1.0-py3-none-any.whl",
  "-1-2-3-4.whl",
])("%s is no wheel's name", (file) => expect(parseWheelName(file)).toBeUndefined());

test.each([
  ["1.0", "1.0.0", true],
  ["1.0.0RC1", "1.0rc1", true],
  ["1.0_post1", "1.0.post1", true],
  ["1.0+local.1", "1.0+Local_1", true],
  ["0!1.0", "1.0", true],
  ["2024.01.02", "2024.1.2", true],
  ["1.0", "1.0.1", false],
  ["1.0", "1.0rc1", false],
  ["1.0", "1!1.0", false],
  ["odd", "odd", true],
  ["odd", "other", false],
])("%s and %s are the same version: %s", (one, other, same) => {
  expect(isSameVersion(one, other)).toBe(same);
  expect(isSameVersion(other, one)).toBe(same);
});

test("a name in capitals has the same tags", () => {
  expect(parseWheelName("Zog-1.0-PY3-None-Any.whl")).toMatchObject({
    name: "zog",
    pythons: ["py3"],
    abis: ["none"],
    platforms: ["any"],
  });
});

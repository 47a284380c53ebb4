import { describe, expect, test } from "vitest";
import { parseDigest, parseHexDigest, parseIntegrity } from "../../src/core/digest.ts";
import { exitStatusFor } from "../../src/core/errors.ts";
import { isBinName, isRelativePath, isToolName } from "../../src/core/names.ts";
import { isAtLeast, keysFor, parsePlatform } from "../../src/core/platform.ts";
import { nearest } from "../../src/core/wording.ts";

test.each(["gog", "g++", "7z", "ast-grep", "python3.11", "Foo_1"])("%s is a program", (name) => {
  expect(isBinName(name)).toBe(true);
});

test.each([
  "",
  "../../bin/sh",
  "a b",
  "-rf",
  "docker compose",
  ".",
  "a/b",
  "a\n",
  "é",
  "a".repeat(101),
])("%j is no program", (name) => {
  expect(isBinName(name)).toBe(false);
});

test("a tool's name is lower case", () => {
  expect(isToolName("gog")).toBe(true);
  expect(isToolName("Gog")).toBe(false);
});

test.each([
  ["bin/gog", true],
  ["a b/c", true],
  ["/bin/gog", false],
  ["../gog", false],
  ["bin/../gog", false],
  ["./gog", false],
  ["bin//gog", false],
  ["bin/", false],
  ["bin\\gog", false],
  ["bin/\u0000gog", false],
  ["", false],
])("%j as a path in a tree: %s", (path, expected) => {
  expect(isRelativePath(path)).toBe(expected);
});

test.each([
  ["gogg", "gog"],
  ["ripgrp", "ripgrep"],
  ["xyzzy", undefined],
  ["a", undefined],
])("nearest to %s is %s", (word, expected) => {
  expect(nearest(word, ["gog", "ripgrep", "jq"])).toBe(expected);
});

describe("digests", () => {
  const hex = "ab".repeat(32);
  test("hexadecimal of any case, and nothing but a whole digest", () => {
    expect(parseHexDigest("sha256", hex.toUpperCase())).toEqual({ algorithm: "sha256", hex });
    for (const bad of ["", hex.slice(1), `${hex}0`, `${hex.slice(1)}g`]) {
      expect(parseHexDigest("sha256", bad)).toBeUndefined();
    }
    expect(parseDigest(`sha256:${hex}`)?.hex).toBe(hex);
    expect(parseDigest(`md5:${hex}`)).toBeUndefined();
  });
  test("integrity strings: the strongest counts, sha1 alone does not", () => {
    const sha512 = Buffer.alloc(64, 7).toString("base64");
    const sha256 = Buffer.alloc(32, 7).toString("base64");
    expect(parseIntegrity(`sha256-${sha256} sha512-${sha512}`)?.algorithm).toBe("sha512");
    expect(parseIntegrity(`sha1-${Buffer.alloc(20).toString("base64")}`)).toBeUndefined();
    expect(parseIntegrity("sha512-short")).toBeUndefined();
  });
});

describe("platforms", () => {
  test("read, with glibc where no libc is said", () => {
    expect(parsePlatform("linux-arm64")).toEqual({ os: "linux", arch: "arm64", libc: "glibc" });
    expect(keysFor(parsePlatform("linux-x64-musl"))).toEqual([
      "linux-x64-musl",
      "linux-x64",
      "any",
    ]);
    for (const bad of ["darwin-arm64", "linux", "linux-x86", "linux-x64-uclibc", ""]) {
      expect(() => parsePlatform(bad)).toThrow(/is not a platform/);
    }
  });
  test.each([
    ["2.36", "2.34", true],
    ["2.34", "2.34", true],
    ["2.9", "2.34", false],
    ["3", "2.34", true],
  ])("%s is at least %s: %s", (have, want, expected) => {
    expect(isAtLeast(have, want)).toBe(expected);
  });
});

test.each([
  [[], false, 0],
  [["unmet"], false, 0],
  [["unmet"], true, 3],
  [["network", "unmet"], true, 5],
  [["network", "integrity"], false, 4],
  [["recipe", "network"], false, 2],
  [["permission"], false, 5],
] as const)("the exit status for %j, strict %s, is %i", (codes, strict, expected) => {
  expect(exitStatusFor(codes, strict)).toBe(expected);
});

test.each([
  ["lsit", "list"],
  ["ripgrpe", "ripgrep"],
  ["jqq", "jq"],
  ["kubctl", "kubectl"],
  ["foo", undefined],
  ["a", undefined],
])("%s is near to %s", (word, near) => {
  expect(nearest(word, ["fd", "jq", "kubectl", "list", "ripgrep"])).toBe(near);
});

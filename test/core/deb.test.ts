import { describe, expect, test } from "vitest";
import { compareDebVersions, upstreamVersion } from "../../src/core/deb-version.ts";
import {
  closureOf,
  newestPackages,
  parseIndex,
  pruneClosure,
} from "../../src/core/locks/deb-closure.ts";
import { parseDebLock, renderDebLock } from "../../src/core/locks/deb-lock.ts";
import { renderProblem } from "../../src/core/recipe.ts";
import { parseRecipe } from "../../src/core/recipes/file.ts";

describe("versions", () => {
  test.each([
    ["1.0-1", "1.0-1", 0],
    ["1.0-1", "1.0-2", -1],
    ["1.10", "1.9", 1],
    ["1.0~rc1", "1.0", -1],
    ["1.0", "1.0+b1", -1],
    ["1:0.1", "9.9", 1],
    ["1.0-1+deb12u2", "1.0-1+deb12u10", -1],
    ["1.0a", "1.0+", -1],
    ["1.0-1", "1.0-1~bpo1", 1],
    ["001", "1", 0],
  ])("%s against %s", (a, b, order) => {
    expect(Math.sign(compareDebVersions(a, b))).toBe(order);
    expect(Math.sign(compareDebVersions(b, a))).toBe(order === 0 ? 0 : -order);
  });

  test.each([
    ["8:6.9.11.60+dfsg-1.6+deb12u2", "6.9.11.60"],
    ["10.0.0~dfsg-11+deb12u9", "10.0.0"],
    ["3.5.0+ds1-0+deb12u1", "3.5.0"],
    ["1:9.2p1-2", "9.2p1"],
    ["2.17.1.1-2~deb12u1", "2.17.1.1"],
  ])("%s is %s", (version, upstream) => {
    expect(upstreamVersion(version)).toBe(upstream);
  });
});

const locked = {
  name: "tmux",
  version: "3.3a-3",
  archive: "debian",
  path: "pool/main/t/tmux/tmux_3.3a-3_amd64.deb",
  size: 454536,
  sha256: "a".repeat(64),
};
const lockOf = (over: object = {}, top: object = {}): string =>
  JSON.stringify({
    debLock: 1,
    release: "bookworm",
    snapshot: "20260912T000000Z",
    amd64: [{ ...locked, ...over }],
    ...top,
  });

describe("locks", () => {
  test("are read and written", () => {
    const parsed = parseDebLock(lockOf(), "x.deb.lock.json");
    if (!parsed.ok) throw new Error(parsed.problems.map(renderProblem).join());
    expect(parsed.held.packages.amd64?.[0]).toMatchObject({
      name: "tmux",
      digest: { hex: "a".repeat(64) },
    });
    const text = renderDebLock(parsed.held);
    expect(text.split("\n")).toHaveLength(9);
    expect(JSON.parse(text)).toEqual(JSON.parse(lockOf()));
  });

  test.each<[string, string]>([
    ["no JSON", "{"],
    ["a package-lock", JSON.stringify({ lockfileVersion: 3, packages: {} })],
    ["another version", lockOf({}, { debLock: 2 })],
    ["an unknown key", lockOf({}, { mirror: "http://x.test" })],
    ["no package", lockOf({}, { amd64: [] })],
    ["a package twice", lockOf({}, { arm64: [locked, locked] })],
    ["a host in the path", lockOf({ path: "http://x.test/pool/main/t/tmux/tmux_1_amd64.deb" })],
    ["a path out of the pool", lockOf({ path: "pool/main/t/tmux/../../x.deb" })],
    ["an absolute path", lockOf({ path: "/pool/main/t/tmux/tmux_1_amd64.deb" })],
    ["a query", lockOf({ path: "pool/main/t/tmux/tmux_1_amd64.deb?x" })],
    ["another archive", lockOf({ archive: "https://x.test" })],
    ["a short digest", lockOf({ sha256: "abc" })],
    ["a size of 0", lockOf({ size: 0 })],
    ["a name with a slash", lockOf({ name: "../x" })],
    ["a version with a slash", lockOf({ version: "1/2" })],
    ["a moment that is none", lockOf({}, { snapshot: "../../x" })],
  ])("with %s are refused", (_what, text) => {
    const parsed = parseDebLock(text, "x.deb.lock.json");
    expect(parsed.ok).toBe(false);
  });
});

describe("a closure", () => {
  const stanza = (name: string, more = ""): string =>
    `Package: ${name}\nVersion: 1\nFilename: pool/main/x/${name}.deb\nSize: 1\nSHA256: ab\n${more}`;
  const index = parseIndex(
    [
      stanza(
        "tool",
        "Depends: libc (>= 2) | other, virtual, missing, service:any\nPre-Depends: libpre\n",
      ),
      stanza("libc"),
      stanza("libpre"),
      stanza("real", "Provides: virtual (= 1), more\n"),
      stanza("service"),
      stanza("other"),
      "Package: broken\n",
    ].join("\n"),
  );
  const newer = parseIndex(stanza("libc").replace("Version: 1", "Version: 1+deb12u1"));

  test("takes the newest, the first alternative and what provides a name", () => {
    const packages = newestPackages([index, newer]);
    expect(packages.byName.get("libc")?.version).toBe("1+deb12u1");
    expect([...closureOf(["tool"], packages)].sort()).toEqual([
      "libc",
      "libpre",
      "real",
      "service",
      "tool",
    ]);
  });

  test("is pruned to what is linked, what is named, and licences", () => {
    const holds = (
      libraries: Record<string, string[]>,
      needed: string[] = [],
      licenceIn?: string,
    ) => ({
      libraries: new Map(Object.entries(libraries)),
      needed: new Set(needed),
      ...(licenceIn === undefined ? {} : { licenceIn }),
    });
    const contents = new Map([
      ["tool", holds({ "libown.so": [] }, ["liba.so.1", "libown.so"])],
      [
        "liba",
        holds({ "liba.so.1": ["libb.so.1"], "plugin.so": ["libplugin.so.1"] }, [], "liba-doc"),
      ],
      ["libb", holds({ "libb.so.1": ["liba.so.1", "nobody.so"] })],
      ["libplugin", holds({ "libplugin.so.1": [] })],
      ["copy", holds({ "libown.so": [] })],
      ["liba-doc", holds({})],
      ["data", holds({})],
      ["service", holds({})],
    ]);
    expect(pruneClosure(["tool", "data", "absent"], contents)).toEqual([
      "data",
      "liba",
      "liba-doc",
      "libb",
      "tool",
    ]);
  });
});

describe("a recipe", () => {
  const recipe = (
    over: string,
    artifacts = "deb: tmux@3.3a-3\n    lock: tmux.deb.lock.json",
  ): string =>
    `name: tmux
description: x
homepage: https://x.test
license: ISC
version: "3.3a"
provenance: x
bins: { tmux: usr/bin/tmux }
test: [tmux, -V]
${over}artifacts:
  linux-x64:
    ${artifacts}
`;
  const problems = (text: string, lock = lockOf()): string => {
    const parsed = parseRecipe({ text, file: "tmux.yaml", lock: () => lock });
    return parsed.ok ? "" : parsed.problems.map(renderProblem).join("\n");
  };

  test("is right", () => {
    const parsed = parseRecipe({
      text: recipe('env: { A: "{root}/x" }\n'),
      file: "tmux.yaml",
      lock: () => lockOf(),
    });
    if (!parsed.ok) throw new Error(problems(recipe("")));
    expect(parsed.recipe.artifacts["linux-x64"]).toMatchObject([
      {
        kind: "debian",
        name: "tmux",
        version: "3.3a-3",
        snapshot: "20260912T000000Z",
        start: { env: { A: "{root}/x" } },
      },
    ]);
  });

  test.each([
    ["a variable of the loader", recipe("env: { LD_PRELOAD: x }\n"), /must not set/],
    ["PATH", recipe("env: { PATH: x }\n"), /must not set/],
    ["a variable that is none", recipe('env: { "A;b": x }\n'), /not a variable/],
    ["another placeholder", recipe('env: { A: "{home}/x" }\n'), /placeholder other than/],
    ["a line break", recipe('env: { A: "x\\ny" }\n'), /control character/],
    ["arguments of another program", recipe("args: { scp: [x] }\n"), /not one of bins/],
    ["a setup of another program", recipe("setup: [dot, -c]\n"), /not one of bins/],
    ["a release that is none", recipe("release: Trixie/sid\n"), /not the name of a release/],
    [
      "another release than its lock's",
      recipe("release: trixie\n"),
      /is trixie, but tmux.deb.lock.json is of bookworm/,
    ],
    ["a release of no package", recipe("release: bookworm\n", "npm: x@1.0.0"), /is for deb only/],
    ["no lock", recipe("", "deb: tmux@3.3a-3"), /has deb and no lock/],
    [
      "the system's loader, and no glibc",
      recipe("loader: system\n", "deb: tmux@3.3a-3\n    lock: tmux.deb.lock.json"),
      /has no glibc, which `loader: system` needs/,
    ],
    ["no version", recipe("", "deb: tmux\n    lock: tmux.deb.lock.json"), /has no version/],
    [
      "both npm and deb",
      recipe("", "deb: tmux@3.3a-3\n    npm: x@1.0.0\n    lock: tmux.deb.lock.json"),
      /both npm and deb/,
    ],
    [
      "another version of the program",
      recipe("").replace('"3.3a"', '"3.4"'),
      /but tmux@3.3a-3 is 3.3a/,
    ],
    [
      "another version in the lock",
      recipe("", "deb: tmux@3.3a-4\n    lock: tmux.deb.lock.json"),
      /holds tmux@3.3a-3, not tmux@3.3a-4/,
    ],
    [
      "no package for the processor",
      recipe("").replace("linux-x64", "linux-arm64"),
      /does not hold tmux for arm64/,
    ],
    ["any platform", recipe("").replace("linux-x64", "any"), /needs a platform/],
    [
      "a glibc",
      recipe("", 'deb: tmux@3.3a-3\n    lock: tmux.deb.lock.json\n    glibc: "2.36"').replace(
        "linux-x64",
        "linux-x64-glibc",
      ),
      /have their own/,
    ],
    [
      "env without deb",
      recipe("env: { A: b }\n", `url: https://x.test/tmux\n    sha256: ${"a".repeat(64)}`),
      /env is for deb only/,
    ],
  ])("with %s is refused", (_what, text, message) => {
    expect(problems(text)).toMatch(message);
  });
});

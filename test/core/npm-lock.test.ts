import { describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { compactLock, parseLock } from "../../src/core/locks/npm-lock.ts";
import { selectPackages } from "../../src/core/locks/npm-packages.ts";
import type { Arch, Libc, Platform } from "../../src/core/platform.ts";
import type { LockedPackage } from "../../src/core/recipe.ts";

const integrity = `sha512-${"A".repeat(86)}==`;
const entry = { version: "1.0.0", integrity };

function lock(packages: Record<string, object>): string {
  return JSON.stringify({ lockfileVersion: 3, packages });
}

function packagesOf(packages: Record<string, object>): readonly LockedPackage[] {
  const parsed = parseLock(lock(packages), "x.lock.json");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.held;
}

function platform(arch: Arch = "x64", libc: Libc = "glibc"): Platform {
  return { os: "linux", arch, libc };
}

function pathsFor(packages: Record<string, object>, where = platform()): string[] {
  return selectPackages(packagesOf(packages), where).map(({ path }) => path);
}

describe("parseLock", () => {
  test("reads names, scopes and aliases", () => {
    const packages = packagesOf({
      "": { name: "root" },
      "node_modules/@a/b": entry,
      "node_modules/c/node_modules/d": { ...entry, name: "real", optional: true },
    });
    expect(packages).toMatchObject([
      { path: "node_modules/@a/b", name: "@a/b", version: "1.0.0", optional: false },
      { path: "node_modules/c/node_modules/d", name: "real", optional: true },
    ]);
  });

  test("leaves out what is only for development or lies in another's tarball", () => {
    const packages = packagesOf({
      "node_modules/a": { ...entry, dev: true },
      "node_modules/b": { version: "1.0.0", inBundle: true },
    });
    expect(packages).toEqual([]);
  });

  test.each(["../x", "node_modules/../x", "packages/a", "node_modules/a/../../b", "node_modules/"])(
    "refuses the path %s",
    (path) => {
      expect(parseLock(lock({ [path]: entry }), "x.lock.json")).toMatchObject({
        ok: false,
        problems: [{ message: expect.stringContaining(path) }],
      });
    },
  );
});

describe("selectPackages", () => {
  const optional = { ...entry, optional: true };

  test.each<[object, Platform, boolean]>([
    [{}, platform(), true],
    [{ os: ["linux"] }, platform(), true],
    [{ os: ["darwin"] }, platform(), false],
    [{ os: ["!win32"] }, platform(), true],
    [{ os: ["!linux"] }, platform(), false],
    [{ os: ["any"] }, platform(), true],
    [{ os: "linux" }, platform(), true],
    [{ cpu: ["x64", "arm64"] }, platform("arm64"), true],
    [{ cpu: ["x64"] }, platform("arm64"), false],
    [{ cpu: ["!arm64"] }, platform("arm64"), false],
    [{ libc: ["glibc"] }, platform("x64", "musl"), false],
    [{ libc: ["musl"] }, platform("x64", "musl"), true],
  ])("%j", (filters, where, kept) => {
    expect(pathsFor({ "node_modules/a": { ...optional, ...filters } }, where)).toHaveLength(
      kept ? 1 : 0,
    );
  });

  test("drops what is nested below a dropped package, and nothing beside it", () => {
    const paths = pathsFor({
      "node_modules/a": { ...optional, os: ["darwin"] },
      "node_modules/a/node_modules/b": entry,
      "node_modules/a/node_modules/c": { ...entry, os: ["darwin"] },
      "node_modules/ab": entry,
    });
    expect(paths).toEqual(["node_modules/ab"]);
  });

  test("fails where a package that must be there does not fit", () => {
    const select = () =>
      pathsFor({ "node_modules/a": { ...entry, cpu: ["x64"] } }, platform("arm64"));
    expect(select).toThrow(UserError);
    expect(select).toThrow("a@1.0.0 does not run on linux-arm64-glibc");
  });
});

describe("compactLock", () => {
  const address = "https://registry.example/a.tgz";
  const text = compactLock(
    lock({
      "": { dependencies: { b: "1", a: "1" } },
      "node_modules/b": { ...entry, dependencies: { c: "1" }, license: "MIT", resolved: address },
      "node_modules/b/node_modules/c": entry,
      "node_modules/c": entry,
      "node_modules/a": { ...entry, optionalDependencies: { mac: "1", linux: "1" } },
      "node_modules/mac": { ...entry, optional: true, os: ["darwin"], dependencies: { only: "1" } },
      "node_modules/only": { ...entry, optional: true },
      "node_modules/linux": { ...entry, optional: true, os: ["linux"] },
    }),
  );

  test("keeps, sorted, what some platform of ours uses", () => {
    expect(Object.keys(JSON.parse(text).packages)).toEqual([
      "node_modules/a",
      "node_modules/b",
      "node_modules/b/node_modules/c",
      "node_modules/linux",
    ]);
  });

  test("has no addresses, and is its own compact form", () => {
    expect(text).not.toContain("registry");
    expect(compactLock(text)).toBe(text);
  });
});

import { describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { type PypiLock, parsePypiLock, renderPypiLock } from "../../src/core/locks/pypi-lock.ts";
import { selectWheels } from "../../src/core/locks/wheels.ts";
import type { Platform } from "../../src/core/platform.ts";

const sha256 = "a".repeat(64);
const x64: Platform = { os: "linux", arch: "x64", libc: "glibc", libcVersion: "2.36" };

function lock(packages: PypiLock["packages"]): string {
  return renderPypiLock({
    pypiLockVersion: 1,
    places: ["3.11-x64", "3.12-arm64", "3.12-x64"],
    packages,
  });
}

function wheel(file: string): PypiLock["packages"][number]["wheels"][number] {
  return { file, sha256, size: 5 };
}

const packages: PypiLock["packages"] = [
  {
    name: "zog",
    version: "1.0",
    wheels: [
      wheel("zog-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"),
      wheel("zog-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"),
      wheel("zog-1.0-cp312-cp312-manylinux_2_17_aarch64.whl"),
    ],
  },
  {
    name: "tomli",
    version: "2.0",
    only: ["3.11-x64"],
    wheels: [wheel("tomli-2.0-py3-none-any.whl")],
  },
];

function filesFor(python: string, platform: Platform): string[] {
  const parsed = parsePypiLock(lock(packages), "zog.pypi.lock.json");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return selectWheels(parsed.held, python, platform).map(({ file }) => file);
}

describe("parsePypiLock", () => {
  test("what is rendered is read, sorted, one wheel per line", () => {
    const text = lock(packages);
    const parsed = parsePypiLock(text, "x");
    expect(parsed).toMatchObject({
      ok: true,
      held: [{ name: "tomli" }, ...Array(3).fill({ name: "zog" })],
    });
    expect(text.split("\n").filter((line) => line.includes(".whl"))).toHaveLength(4);
  });

  test.each([
    ["zog-1.0.tar.gz", sha256, "is not a wheel"],
    ["zog-2.0-py3-none-any.whl", sha256, "is not a wheel of zog 1.0"],
    ["gog-1.0-py3-none-any.whl", sha256, "is not a wheel of zog 1.0"],
    ["../zog-1.0-py3-none-any.whl", sha256, "is not a wheel's name"],
    ["zog-1.0-py3-none-any.whl", "abc", "has no sha256"],
  ])("refuses %s with %s", (file, digest, message) => {
    const text = lock([
      { name: "zog", version: "1.0", wheels: [{ file, sha256: digest, size: 5 }] },
    ]);
    const parsed = parsePypiLock(text, "zog.pypi.lock.json");
    expect(parsed).toMatchObject({
      ok: false,
      problems: [{ file: "zog.pypi.lock.json", line: 6 }],
    });
    expect(JSON.stringify(parsed)).toContain(message);
  });

  test.each(["", "[]", '{"lockfileVersion":3,"packages":{}}', '{"pypiLockVersion":2}'])(
    "refuses %j",
    (text) => {
      expect(parsePypiLock(text, "x").ok).toBe(false);
    },
  );
});

describe("selectWheels", () => {
  test("takes those of the Python and the processor, and what only that Python needs", () => {
    expect(filesFor("3.12.14+20260814", x64)).toEqual([
      "zog-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
    ]);
    expect(filesFor("3.12.1", { ...x64, arch: "arm64" })).toEqual([
      "zog-1.0-cp312-cp312-manylinux_2_17_aarch64.whl",
    ]);
    expect(filesFor("3.11.2", x64)).toEqual([
      "tomli-2.0-py3-none-any.whl",
      "zog-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
    ]);
  });

  test.each([
    ["3.13.1", x64],
    ["3.12.1", { ...x64, libc: "musl", libcVersion: "1.2" } as const],
    ["3.11.1", { ...x64, arch: "arm64" } as const],
  ])("says that it has none for %s on %j", (python, platform) => {
    expect(() => filesFor(python, platform)).toThrow(UserError);
    expect(() => filesFor(python, platform)).toThrow(/no wheel of/);
  });
});

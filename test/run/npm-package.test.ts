import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packageFor } from "../../src/run/inputs/npm-package.ts";

const name = "openclaw-install-skill-deps";
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "npm-package-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ask = (npmPackage?: string, isContainer = false) =>
  packageFor({ options: { npmPackage }, packageDir: dir, version: "1.2.3" }, isContainer);

test("a package of npm is named with its version, a clone is packed", async () => {
  expect(await ask()).toEqual({ npmPackage: `${name}@1.2.3`, isPacked: false });
  writeFileSync(join(dir, "package-lock.json"), "{}");
  expect(await ask()).toEqual({ npmPackage: `${dir}/${name}-1.2.3.tgz`, isPacked: true });
  // The host that the configuration is for does not have this directory.
  expect(await ask(undefined, true)).toEqual({ npmPackage: `${name}@1.2.3`, isPacked: false });
});

test("--package names a tarball that is there, or a package", async () => {
  const tarball = join(dir, "mine.tgz");
  await expect(ask(tarball)).rejects.toThrow(/there is no such file/);
  writeFileSync(tarball, "");
  expect(await ask(tarball)).toEqual({ npmPackage: tarball, isPacked: false });
  expect(await ask("@me/deps@2.0.0")).toEqual({ npmPackage: "@me/deps@2.0.0", isPacked: false });
});

test("in a container, an absolute path is one of the host", async () => {
  expect((await ask("/srv/x.tgz", true)).npmPackage).toBe("/srv/x.tgz");
  await expect(ask("x.tgz", true)).rejects.toThrow(/there is no such file/);
});

test.each(["x;reboot", "$(id)", "--x", "a b", "/srv/a:b.tgz"])("%s is refused", async (word) => {
  await expect(ask(word)).rejects.toMatchObject({ problem: "E_USAGE" });
});

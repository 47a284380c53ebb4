/**
 * Another machine's volume, made here: its programs are told by readelf, and one of them runs under qemu
 * (Debian's binutils and qemu-user-static).
 */
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { $ } from "zx";
import { repository } from "../support/workplace.ts";

let prefix: string;
beforeAll(async () => {
  prefix = mkdtempSync(join(tmpdir(), "arm64-"));
  const env = { ...process.env, OPENCLAW_SKILL_PREFIX: prefix, OPENCLAW_SKILL_PROFILE_DIR: "" };
  const run = $({ cwd: repository, quiet: true, nothrow: true, env });
  const names = ["rg", "ast-grep", "node"];
  const { exitCode, stderr } =
    await run`entrypoint/openclaw-install-skill-deps --platform linux-arm64 ${names}`;
  expect(exitCode, stderr).toBe(0);
});
afterAll(() => rmSync(prefix, { recursive: true, force: true }));

const quiet = $({ quiet: true, nothrow: true });

describe("--platform linux-arm64", () => {
  test("every program is for AArch64, and the manifest says so", async () => {
    const programs = readdirSync(join(prefix, "bin")).map((name) =>
      realpathSync(join(prefix, "bin", name)),
    );
    const isElf = (path: string) => readFileSync(path).subarray(1, 4).toString() === "ELF";
    const binaries = programs.filter(isElf);
    expect(binaries.length).toBeGreaterThanOrEqual(3);
    for (const path of binaries) {
      const { stdout, exitCode } = await quiet`readelf -h ${path}`;
      expect(exitCode, path).toBe(0);
      expect(stdout, path).toMatch(/Machine: +AArch64/);
    }
    const manifest = JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8"));
    expect(manifest.platform).toBe("linux-arm64-glibc");
  });

  test("a program of it runs on an AArch64 processor", async () => {
    const file = join(repository, "package.json");
    const rg = join(prefix, "bin/rg");
    const { stdout, exitCode, stderr } =
      await quiet`qemu-aarch64-static ${rg} --only-matching openclaw-install-skill-deps --max-count 1 ${file}`;
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toBe("openclaw-install-skill-deps\n");
  });

  test("this machine's own command refuses the volume", async () => {
    const env = { ...process.env, OPENCLAW_SKILL_PREFIX: prefix };
    const run = $({ cwd: repository, quiet: true, nothrow: true, env });
    const { exitCode, stderr } =
      await run`entrypoint/openclaw-install-skill-deps --platform linux-x64 rg`;
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/holds programs for linux-arm64-glibc; this is linux-x64-glibc/);
  });
});

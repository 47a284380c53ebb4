/**
 * Python programs from the machine's own Python index and Go programs from its own module proxy: every
 * recipe of theirs is installed for real and run with nothing of this machine on PATH.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { $ } from "zx";
import { namesWithoutCommand } from "../support/own-command.ts";
import { repository } from "../support/workplace.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "live-languages-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }), 60_000);

function install(prefix: string, ...args: string[]) {
  const env = {
    ...process.env,
    OPENCLAW_SKILL_PREFIX: prefix,
    OPENCLAW_SKILL_PROFILE_DIR: "",
    OPENCLAW_SKILL_RECIPES: join(repository, "test/fixtures/recipes"), // a Python from the registry
  };
  const run = $({ cwd: repository, quiet: true, nothrow: true, env });
  return run`entrypoint/openclaw-install-skill-deps --ignore-system ${args}`;
}

const ask = (prefix: string, name: string, ...args: string[]): string =>
  execFileSync(join(prefix, "bin", name), args, {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", HOME: dir },
  });

describe("Python", { timeout: 600_000 }, () => {
  test("nano-pdf, yt-dlp and black are installed, run, and change nothing by running", async () => {
    const prefix = join(dir, "python");
    const { exitCode, stderr } = await install(prefix, "nano-pdf", "yt-dlp", "black");
    expect(stderr).toMatch(/4 installed/);
    expect(exitCode).toBe(0);
    expect(ask(prefix, "black", "--version")).toMatch(/^black, 26\.10\.1/);
    expect(ask(prefix, "yt-dlp", "--version")).toBe("2026.10.26\n");
    expect(ask(prefix, "nano-pdf", "--help")).toMatch(/Usage: nano-pdf/);
    expect(ask(prefix, "python3", "--version")).toMatch(/^Python 3\.12\./);
    expect(ask(prefix, "pip", "--version")).toContain(`from ${prefix}/lib/python3/`);
    const again = await install(prefix, "--dry-run", "nano-pdf", "yt-dlp", "black");
    expect(again.stdout).not.toMatch(/install/);
  });
});

describe("Go", { timeout: 900_000 }, () => {
  // With LIVE_SAMPLE without gog, whose modules take minutes.
  const names = process.env.LIVE_SAMPLE === undefined ? ["gog", "goplaces"] : ["goplaces"];

  test(`${names} built here where the archive is not available, and run`, async () => {
    const prefix = join(dir, "go");
    const { exitCode, stderr } = await install(prefix, ...names);
    expect(stderr).toMatch(`${names.length} installed`);
    expect(exitCode).toBe(0);
    if (names.includes("gog")) expect(ask(prefix, "gog", "--version")).toMatch(/0\.37\.0/);
    expect(ask(prefix, "goplaces", "--help")).toMatch(/Google Places|goplaces/);
    expect(namesWithoutCommand(join(prefix, "lib"))).toEqual([".staging", ...names]);
    expect(readdirSync(join(prefix, "lib/.staging"))).toEqual([]);
  });

  test("the toolchain, from the module proxy, is a tool like any other", async () => {
    const prefix = join(dir, "toolchain");
    const { exitCode } = await install(prefix, "go");
    expect(exitCode).toBe(0);
    expect(ask(prefix, "go", "version")).toMatch(/^go version go1\.27\.0 linux/);
    const { tools } = JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8"));
    expect(tools.go.source.size).toBeGreaterThan(50_000_000);
  });
});

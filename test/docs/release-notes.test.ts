/** The script that the release workflow runs first, in a copy of what it reads. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { $ } from "zx";
import { repository } from "../support/workplace.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "notes-"));
  mkdirSync(join(dir, ".github"));
  cpSync(join(repository, ".github/release-notes.ts"), join(dir, ".github/release-notes.ts"));
  symlinkSync(join(repository, "node_modules"), join(dir, "node_modules"));
  version("1.2.0");
  changelog(
    "## [Unreleased]",
    "## [1.2.0] - 2026-11-30",
    "### Added",
    "- a `## b`",
    "## [1.1.0]",
    "- c",
  );
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function version(own: string, locked = own): void {
  for (const [name, version] of [
    ["package", own],
    ["package-lock", locked],
  ])
    writeFileSync(join(dir, `${name}.json`), JSON.stringify({ type: "module", version }));
}

function changelog(...lines: string[]): void {
  writeFileSync(join(dir, ".github/CHANGELOG.md"), `# Changelog\n\n${lines.join("\n\n")}\n`);
}

async function notes(...words: string[]) {
  const run = $({ cwd: dir, quiet: true, nothrow: true });
  const { stdout, stderr, exitCode } =
    await run`${process.execPath} .github/release-notes.ts ${words}`;
  return { stdout, stderr, exitCode };
}

test("prints the section of the tag, and nothing of the others", async () => {
  expect(await notes("v1.2.0")).toEqual({
    stdout: "### Added\n\n- a `## b`\n",
    stderr: "",
    exitCode: 0,
  });
});

test.each([
  ["another tag than package.json's version", "v1.3.0", () => {}, "package.json has version 1.2.0"],
  ["a tag without v", "1.2.0", () => {}, "package.json has version 1.2.0"],
  [
    "a lock file of another version",
    "v1.2.0",
    () => version("1.2.0", "1.1.0"),
    "package-lock.json",
  ],
  ["no section of the version", "v1.3.0", () => version("1.3.0"), 'no section "## [1.3.0]'],
  [
    "a section of a longer version only",
    "v1.2.0",
    () => changelog("## [1.2.0-rc.1]", "- x"),
    "no section",
  ],
  [
    "a section in which nothing is",
    "v1.2.0",
    () => changelog("## [1.2.0]", "## [1.1.0]", "- x"),
    "is empty",
  ],
])("%s fails, with the reason", async (_what, tag, change, reason) => {
  change();
  const { stdout, stderr, exitCode } = await notes(tag);
  expect(stderr).toContain(reason);
  expect([stdout, exitCode]).toEqual(["", 1]);
});

test("without a tag, prints what would be next", async () => {
  expect((await notes()).stdout).toBe("### Added\n\n- a `## b`\n");
  changelog("## [Unreleased]", "- next", "## [1.2.0]", "- last");
  expect((await notes()).stdout).toBe("- next\n");
});

test("the changelog here has notes for the version of package.json", async () => {
  const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  const run = $({ cwd: repository, quiet: true });
  const { stdout } = await run`${process.execPath} .github/release-notes.ts v${version}`;
  expect(stdout.trim()).not.toBe("");
});

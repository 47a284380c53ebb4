/** The completion scripts of the built package, in real shells. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verbs } from "../../src/usage/commands.ts";
import { completionFiles, type Shell } from "../../src/usage/completion-files.ts";
import { openWorkplace } from "../support/workplace.ts";
import { complete, isInstalled, scriptOf } from "./shells.ts";

const shells = Object.keys(completionFiles) as Shell[];
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "completions-"));
  mkdirSync(join(dir, "recipes"));
  writeFileSync(join(dir, "recipes", "mine.yaml"), "");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("completion SHELL prints the script of the package", async () => {
  const place = await openWorkplace();
  try {
    for (const shell of shells) {
      const { status, stdout } = await place.run("completion", shell);
      expect(status).toBe(0);
      expect(stdout).toBe(readFileSync(scriptOf(shell), "utf8"));
    }
    const { status, stderr } = await place.run("completion", "tcsh");
    expect(status).toBe(2);
    expect(stderr).toMatch(/tcsh: no such shell \[E_USAGE\]\n {2}hint: .*completion zsh/);
  } finally {
    await place.close();
  }
});

test.skipIf(!isInstalled("shellcheck"))(
  "shellcheck finds nothing wrong in the script for bash",
  () => {
    const found = spawnSync("shellcheck", ["--shell=bash", scriptOf("bash")], { encoding: "utf8" });
    expect(found.stdout).toBe("");
  },
);

/** Words of a line, the last one to be completed, and what it becomes. */
const cases: readonly [words: string[], becomes: string[]][] = [
  [[""], [...verbs]],
  [["ins"], ["install"]],
  [
    ["bundle", ""],
    ["export", "import"],
  ],
  [["bundle", "import", "--sh"], ["--sha256"]],
  [["install", "--force-r"], ["--force-reinstall"]],
  [["--prefix", "/srv/volume", "doc"], ["doctor"]],
  [
    ["doctor", "--re"],
    ["--recipes", "--repair"],
  ],
  [["list", "--force-r"], []],
  [
    ["config", "s"],
    ["sandbox", "seed", "stock"],
  ],
  [
    ["--platform", "linux-a"],
    ["linux-arm64", "linux-arm64-musl"],
  ],
  [["update", "--platform", "linux-x64-"], ["linux-x64-musl"]],
  [
    ["completion", ""],
    ["bash", "fish", "zsh"],
  ],
  [["install", "yt-"], ["yt-dlp"]],
  [["remove", "gh", "jq"], ["jq"]],
  [["help", "boo"], []],
  [
    ["install", "--skill", "x", "--sk"],
    ["--skill", "--skills-dir"],
  ],
];

for (const shell of shells) {
  describe.skipIf(!isInstalled(shell))(shell, () => {
    test.each(cases)("%j", (words, becomes) => {
      const found = complete(shell, words, dir);
      // Options are offered with the `=` that their value follows.
      expect(found.map((word) => word.replace(/=$/, ""))).toEqual([...becomes].sort());
    });

    test("files, directories, and the commands behind --", () => {
      const offered = complete(shell, ["recipe", "check", "recipes/m"], dir);
      expect(offered.map((name) => name.replace(/^recipes\//, ""))).toEqual(["mine.yaml"]);
      const directories = complete(shell, ["install", "--prefix", "rec"], dir);
      expect(directories.map((name) => name.replace(/\/$/, ""))).toEqual(["recipes"]);
      expect(complete(shell, ["install", "--", "printen"], dir)).toContain("printenv");
    });

    test("an option that takes its value with =", () => {
      const offered = complete(shell, ["list", "--json=ev"], dir);
      expect(offered.map((word) => word.replace(/^--json=/, ""))).toEqual(["events"]);
    });
  });
}

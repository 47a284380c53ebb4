/** A recipe's smoke test by the built command: its files, and what it must print. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { archive } from "../support/archives.ts";
import { namesWithoutCommand } from "../support/own-command.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.close());

/** Prints the files of its working directory, and leaves one there. */
const zog = '#!/bin/sh\ncat "$@"; echo done >&2; : >left\n';

function offer(smoke: unknown): void {
  const packed = archive("tar.gz", { "bin/zog": { body: zog, mode: 0o755 } });
  const source = place.serve("zog.tar.gz", packed);
  const artifacts = { "linux-x64": source, "linux-arm64": source };
  place.recipe("zog", { test: smoke, artifacts });
}

const isInstalled = (): boolean => place.manifest().tools.zog !== undefined;
const files = { "a.txt": "one\n", "b.txt": "zwei, drei …\n" };

test("a program that prints what it must, of its files, is installed; nothing of the test stays", async () => {
  offer({ run: ["zog", "a.txt", "b.txt"], files, output: "one\nzwei, drei …" });
  const { status, stderr } = await place.run("zog");
  expect([status, isInstalled()], stderr).toEqual([0, true]);
  expect(Object.keys(place.snapshot()).filter((path) => /\.txt$|left/.test(path))).toEqual([]);
  expect(readdirSync(join(place.prefix, "lib/.staging"))).toEqual([]);
});

test.each([
  ["another result", { output: "two" }, 'does not print "two": one | zwei'],
  ["what it says on stderr", { output: "done" }, 'does not print "done": one'],
  ["no such file", { files: {}, output: "one" }, "exit status"],
])("%s is a failed installation, also with status 0", async (_what, more, words) => {
  offer({ run: ["zog", "a.txt", "b.txt"], files, ...more });
  const { status, stderr } = await place.run("--strict", "zog");
  expect(stderr).toContain("zog fails its smoke test");
  if (words !== "exit status") expect(stderr).toContain(words);
  expect(status).toBe(3);
  expect(namesWithoutCommand(join(place.prefix, "bin"))).toEqual([]);
  expect(readdirSync(join(place.prefix, "lib/.staging"))).toEqual([]);
});

test("a compiled catalogue has files and output, too", async () => {
  offer({ run: ["zog", "a.txt"], files, output: "two" });
  const compiled = join(place.dir, "catalogue.json");
  expect(await place.run("recipe", "compile", place.recipes, compiled)).toMatchObject({
    status: 0,
  });
  const named = `${compiled}#sha256=${createHash("sha256").update(readFileSync(compiled)).digest("hex")}`;
  const from = { OPENCLAW_SKILL_RECIPES: "" };
  const { stderr } = await place.runWith(from, "--catalogue", named, "--strict", "zog");
  expect(stderr).toContain('does not print "two": one');
});

test("among many, one that fails says why, and the others are installed", async () => {
  for (const name of ["one", "two", "three", "four", "five"]) {
    const body = `#!/bin/sh\n${name === "four" ? "echo no luck >&2; exit 3" : 'test "$1 $#" = " a  b  1"'}\n`;
    const packed = archive("tar.gz", { [`bin/${name}`]: { body, mode: 0o755 } });
    const source = place.serve(`${name}.tar.gz`, packed);
    const artifacts = { "linux-x64": source, "linux-arm64": source };
    place.recipe(name, { test: [name, " a  b "], artifacts });
  }
  const { status, stderr } = await place.run("--strict", "one", "two", "three", "four", "five");
  expect(stderr).toMatch(/four fails its smoke test \(.*four {2}a {2}b \): exit status 3: no luck/);
  expect(status).toBe(3);
  const installed = Object.keys(place.manifest().tools).filter((tool) => !tool.includes("-"));
  expect(installed.sort()).toEqual(["five", "one", "three", "two"]);
  expect(readdirSync(join(place.prefix, "lib/.staging"))).toEqual([]);
});

/** Secrets in the URLs of recipes: `recipe new` takes none, and nothing prints or records those that are there. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { archive, program, describe as weigh } from "../support/archives.ts";
import { perTest } from "../support/per-test.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
perTest(openWorkplace, (opened) => {
  place = opened;
});

const secret = "hunter2hunter2";
const path = "/zog-1.2.3-linux-amd64.tar.gz";
const bytes = archive("tar.gz", { zog: program("zog 1.2.3") });
const file = (): string => join(place.recipes, "zog.yaml");

test.each([
  ["a token", (url: string) => `${url}?token=${secret}`],
  ["a signed URL", (url: string) => `${url}?X-Amz-Date=1&X-Amz-Signature=${secret}`],
  ["a signature of Azure", (url: string) => `${url}?se=2030&sig=${secret}`],
  ["a password", (url: string) => url.replace("//", `//bob:${secret}@`)],
  ["a token as name", (url: string) => url.replace("//", `//${secret}@`)],
  [
    "a password for another protocol",
    (url: string) => url.replace("http://", `ftp://b:${secret}@`),
  ],
])("recipe new refuses %s, and does not repeat it", async (_, change) => {
  const url = change(place.server.serve(path, bytes));
  const { status, stdout, stderr } = await place.run("recipe", "new", url, "--name", "zog", "-v");
  expect([status, stderr]).toEqual([2, expect.stringContaining("E_DRAFT_SOURCE")]);
  expect(stdout + stderr).not.toContain(secret);
  expect(existsSync(file())).toBe(false);
});

test("recipe new says that a query becomes part of the recipe", async () => {
  const url = `${place.server.serve(path, bytes)}?raw=true&author=zoe&monkey=1`;
  const { status, stderr } = await place.run("recipe", "new", url, "--name", "zog");
  expect([status, stderr]).toEqual([0, expect.stringMatching(/gz\?\.\.\., also the query/)]);
  expect(readFileSync(file(), "utf8")).toContain(url);
});

test("a recipe with a token is used as it is, with advice; no message and no record repeats it", async () => {
  const url = `${place.server.serve(path, bytes)}?token=${secret}`;
  const { sha256 } = weigh(bytes);
  const versions = `https://bob:${secret}@127.0.0.1:1/`;
  const signed = [{ kind: "minisign", by: "RWQ", at: `${url}.minisig`, checked: "2026-01-01" }];
  const source = { url, sha256, signed };
  place.recipe("zog", { bins: { zog: "zog" }, versions, artifacts: { "linux-x64": source } });
  const runs = [
    await place.run("recipe", "check", file(), "-v"),
    await place.run("recipe", "check", "--fetch", "--json", file(), "-v"),
    await place.run("recipe", "pin", file(), "-v"),
    await place.run("recipe", "outdated", "-v"),
    await place.run("zog", "-v"),
    await place.run("info", "zog"),
    await place.run("list", "--json"),
  ];
  expect(runs.map(({ status }) => status)).toEqual([0, 4, 0, 5, 0, 0, 0]);
  const advice = /linux-x64\.url has token= in its query, which gives access; remove it/;
  for (const { stderr } of [runs[0], runs[2]].flatMap((each) => each ?? [])) {
    expect(stderr).toMatch(advice);
  }
  expect(runs[0]?.stderr).toMatch(/: versions holds a name or password; remove it/);
  for (const { stdout, stderr } of runs) expect(stdout + stderr).not.toContain(secret);
  const found = execFileSync("sh", ["-c", 'grep -rl "$0" "$1" || true', secret, place.prefix]);
  expect(found.toString()).toBe("");
});

/** `recipe new TOOL@VERSION`: a recipe in view at another version, pinned by what is fetched. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { archive, npmTarball, program, describe as weigh } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let mine: string;
beforeEach(async () => {
  place = await openWorkplace();
  mine = join(place.dir, "mine");
});
afterEach(() => place.close());

/** Serves a release; its archive's one directory has the version in its name. */
function release(version: string, arch: string, bin = "zog") {
  const top = { top: `zog-${version}` };
  const bytes = archive("tar.gz", { [`bin/${bin}`]: program(version), arch }, top);
  const url = place.server.serve(`/v${version}/zog_${version}_${arch}.tgz`, bytes);
  const { sha256, size } = weigh(bytes);
  return { url, sha256, size };
}

function offer(version: string): void {
  place.recipe("zog", {
    version,
    aliases: ["zebra"],
    bins: { zog: `zog-${version}/bin/zog` },
    artifacts: { "linux-x64": release(version, "x64"), "linux-arm64": release(version, "arm64") },
  });
}

function publish(version: string): void {
  const tarball = npmTarball("zog-linux-x64", version, { "bin/zog": program(version) });
  place.server.publish("zog-linux-x64", version, tarball, {
    manifest: { os: ["linux"], cpu: ["x64"] },
  });
}

const recipeNew = (...args: string[]) =>
  place.run("recipe", "new", ...args, "--recipes", mine, "--recipes", place.recipes);
const written = (name = "zog") => parse(readFileSync(join(mine, `${name}.yaml`), "utf8"));
const ask = (): string =>
  execFileSync(join(place.prefix, "bin", "zog"), { encoding: "utf8" }).trim();

test("digests are those of the fetched bytes, everything else is the catalogue's; it installs", async () => {
  offer("2.0.0");
  const [x64, arm64] = [release("1.7.1", "x64"), release("1.7.1", "arm64")];
  const { status, stdout, stderr } = await recipeNew("zog@1.7.1");
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(
    /wrote .*mine\/zog\.yaml\ntry it: .* --force-reinstall zog\nkeep it: .* hold zog/,
  );
  expect(written()).toEqual({
    name: "zog",
    description: "The zog program",
    homepage: "https://example.test",
    license: "MIT",
    version: "1.7.1",
    provenance: expect.stringMatching(/recipe of 2\.0\.0.*served on 20\d\d-/),
    bins: { zog: "zog-1.7.1/bin/zog" },
    aliases: ["zebra"],
    test: ["zog", "--version"],
    artifacts: {
      "linux-x64": x64,
      "linux-arm64": arm64,
    },
  });
  expect((await place.run("zog")).status).toBe(0);
  expect(ask()).toBe("2.0.0");
  const both = { OPENCLAW_SKILL_RECIPES: `${mine}:${place.recipes}` };
  expect((await place.runWith(both, "--force-reinstall", "zog")).status).toBe(0);
  expect(ask()).toBe("1.7.1");
  place.skill("mail", { bins: ["zog"] });
  await place.run("hold", "zog");
  expect((await place.run("update")).status).toBe(0);
  expect(ask()).toBe("1.7.1");
});

test("by an alias; what one platform does not have is left out with a note", async () => {
  offer("2.0.0");
  release("1.7.1", "x64");
  const { status, stderr } = await recipeNew("zebra@1.7.1");
  expect(status).toBe(0);
  expect(stderr).toMatch(/linux-arm64: left out: .*404/);
  expect(Object.keys(written().artifacts)).toEqual(["linux-x64"]);
});

test("an npm package for one platform", async () => {
  for (const version of ["2.0.0", "1.7.1"]) publish(version);
  place.recipe("zog", {
    version: "2.0.0",
    artifacts: {
      "linux-x64": { npm: "zog-linux-x64@2.0.0", integrity: `sha512-${"A".repeat(86)}==` },
    },
  });
  const { status, stderr } = await recipeNew("zog@1.7.1");
  expect([status, stderr]).toEqual([0, ""]);
  expect(written().artifacts["linux-x64"]).toMatchObject({ npm: "zog-linux-x64@1.7.1" });
});

test("nothing is written where a program is elsewhere in that version's archive", async () => {
  offer("2.0.0");
  for (const arch of ["x64", "arm64"]) release("1.7.1", arch, "zog1");
  const { status, stderr } = await recipeNew("zog@1.7.1");
  expect(status).toBe(2);
  expect(stderr).toMatch(
    /zog 1\.7\.1: .*bin\/zog[\s\S]*\[E_DRAFT_PROGRAM\][\s\S]*--name zog finds/,
  );
  expect(existsSync(join(mine, "zog.yaml"))).toBe(false);
});

test.each([
  ["zog@9.9.9", 5, /404.*\[E_HTTP_NOT_FOUND\]/],
  ["zgo@1.7.1", 2, /"zgo" \[E_UNKNOWN_NAME\]\n {2}hint: Did you mean zog@1\.7\.1\?/],
  ["zog@latest", 2, /"latest" is not a version \[E_DRAFT_SOURCE\]/],
  ["rg@14.1.1", 2, /rg 15\S* names its version.*\[E_DRAFT_SOURCE\]\n {2}hint: .*npm:@vscode/],
])("%s is refused", async (source, expected, message) => {
  offer("2.0.0");
  const { status, stderr } = await recipeNew(source);
  expect([status, stderr]).toEqual([expected, expect.stringMatching(message)]);
  expect(existsSync(join(mine, `${source.split("@")[0]}.yaml`))).toBe(false);
});

test("a file that is there is not written over without --force", async () => {
  offer("2.0.0");
  release("1.7.1", "x64");
  const there = () => place.run("recipe", "new", "zog@1.7.1", "--recipes", place.recipes);
  expect((await there()).stderr).toMatch(/\[E_RECIPE_EXISTS\]/);
  expect(place.server.hits()).toBe(0);
});

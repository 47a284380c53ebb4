/** Recipes as people write them: the commands for authors change a text only where it must change. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, npmTarball, program, describe as weigh } from "../support/archives.ts";
import { runRecipe } from "../support/recipe-command.ts";
import { started } from "../support/started.ts";
import { bundle, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.close());

const file = (name = "zog"): string => join(place.recipes, `${name}.yaml`);
const text = (name = "zog"): string => readFileSync(file(name), "utf8");

/** A version on the server, and its address there. */
function release(version: string) {
  const bytes = archive("tar.gz", { [`zog-${version}/zog`]: program(`zog ${version}`) });
  const path = `/o/zog/releases/download/v${version}/zog_${version}.tgz`;
  place.server.serve(path, bytes);
  return { url: `https://github.com${path}`, ...weigh(bytes) };
}

const run = (...args: string[]) => runRecipe(place, ...args);

/** A recipe with nothing that it does not need, by a person with opinions. */
function plain({ url, sha256 } = release("1.0.0")): string {
  return `name: zog
version: "1.0.0" # the first
bins: { zog: zog-1.0.0/zog }
artifacts:
  linux-x64:
    # why there
    url: ${url} # not the mirror
    sha256: ${sha256} # by hand
`;
}

describe("a text that is not the YAML of a recipe", () => {
  const odd: [string, (good: string) => string, RegExp][] = [
    ["an alias of nothing", (good) => `${good}provenance: *nope\n`, /:9: has an alias/],
    ["an anchor", (good) => good.replace('"1.0.0"', '&v "1.0.0"'), /:2: has an anchor/],
    ["a tab", (good) => good.replace("    url", "\turl"), /:7: not YAML: a tab; indent/],
    ["a key that is there twice", (good) => `${good}version: "2"\n`, /:9: version appears twice/],
    ["two documents", (good) => `${good}---\n${good}`, /:9: a second document starts here/],
    ["a key that is a list", (good) => `? [a]\n: b\n${good}`, /:1: not YAML: a key is no text/],
  ];
  test.each(odd)("%s is named with its line, and nothing is written", async (_, make, why) => {
    writeFileSync(file(), make(plain()));
    const before = text();
    for (const args of [
      ["check", file()],
      ["pin", file()],
      ["lock", file()],
      ["outdated"],
      ["bump"],
    ]) {
      const { status, stdout, stderr } = await run(...args);
      expect([args[0], status, `${stdout}${stderr}`]).toEqual([
        args[0],
        2,
        expect.stringMatching(why),
      ]);
      expect(`${stdout}${stderr}`.match(new RegExp(why.source, "g"))).toHaveLength(1);
    }
    expect(text()).toBe(before);
  });
});

describe("recipe pin", () => {
  test.each([
    ["\n", ""],
    ["\r\n", "\uFEFF"],
  ])("leaves comments at their lines, and ends lines with %j", async (lineBreak, start) => {
    const written = start + plain().replaceAll("\n", lineBreak);
    const { size } = release("1.0.0");
    writeFileSync(file(), written);
    expect((await run("pin", file())).status).toBe(0);
    const mirror = "# not the mirror";
    expect(text()).toBe(written.replace(mirror, `${mirror}${lineBreak}    size: ${size}`));
  });

  test("writes a digest into a field without a value, or in place of a block", async () => {
    const { sha256, size } = release("1.0.0");
    for (const value of ["", " >-\n      abc"]) {
      writeFileSync(
        file(),
        plain().replace(/ [0-9a-f]{64} # by hand\n/, `${value}\n    size: 1\n`),
      );
      expect((await run("pin", file())).status).toBe(0);
      expect(text()).toMatch(new RegExp(`\n    sha256: ${sha256}\n    size: ${size}\n$`));
    }
  });
});

describe("recipe bump", () => {
  beforeEach(() => {
    const dir = join(place.dir, "repositories", "o", "zog");
    mkdirSync(dir, { recursive: true });
    const as = ["-c", "user.name=t", "-c", "user.email=t@example.test"];
    const git = (...args: string[]) => execFileSync("git", [...as, ...args], { cwd: dir });
    git("init", "-q");
    git("commit", "-q", "--allow-empty", "-m", "first");
    for (const tag of ["v1.0.0", "v1.1.0"]) git("tag", tag);
  });

  test("moves a version that is a block, and leaves comments at their lines", async () => {
    const [{ sha256 }, now] = [release("1.0.0"), release("1.1.0")];
    const written = plain().replace('"1.0.0" # the first', ">-\n  1.0.0\n# first");
    writeFileSync(file(), written);
    expect((await run("bump")).stdout).toMatch(/1 of 1 bumped/);
    const mirror = "# not the mirror";
    const moved = written
      .replace(">-\n  1.0.0", '"1.1.0"')
      .replaceAll("1.0.0", "1.1.0")
      .replace(sha256, now.sha256)
      .replace(mirror, `${mirror}\n    size: ${now.size}`);
    expect(text()).toBe(moved);
  });

  test("moves none where another one cannot be read, and names every problem", async () => {
    release("1.1.0");
    writeFileSync(file(), plain());
    writeFileSync(file("zug"), "name: zug\nversion: 1.0\n");
    writeFileSync(file("zyg"), "name: zyg\nname: zyg\n");
    for (const verb of ["outdated", "bump"]) {
      const { status, stdout, stderr } = await run(verb);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(
        /zug\.yaml:2: version is a number[\s\S]*zyg\.yaml:2: name appears twice/,
      );
    }
    expect(text()).toBe(plain());
  });
});

test("recipe new leaves out programs of a package that are no paths", async () => {
  const tarball = npmTarball("zog", "1.0.0", { "cli.js": "console.log('zog')\n" });
  const publish = (bin: object) =>
    place.server.publish("zog", "1.0.0", tarball, { manifest: { bin } });
  publish({ zog: "./cli.js", zug: 5, zag: ["cli.js"] });
  expect((await run("new", "npm:zog")).stderr).not.toMatch(/This is a bug/);
  expect(text()).toMatch(/^bins: \{ zog: node_modules\/zog\/cli\.js \}$/m);
  publish({ zug: 5 });
  const { status, stderr } = await run("new", "npm:zog", "--force");
  expect([status, stderr]).toEqual([2, expect.stringMatching(/zog@1\.0\.0 .*program/)]);
});

test.each(["../zog", "./zog", "o/zog", "zog@file:../zog", "zog@npm:zug@1.0.0", "github:o/zog", ""])(
  "recipe new npm:%s asks no registry for what is not one of its packages",
  async (spec) => {
    mkdirSync(join(place.home, "zog"));
    writeFileSync(join(place.home, "zog", "package.json"), '{"name":"zog","version":"1.0.0"}');
    const { status, stderr } = await run("new", `npm:${spec}`);
    expect([status, stderr]).toEqual([2, expect.stringContaining("[E_DRAFT_SOURCE]")]);
    expect(place.server.hits()).toBe(0);
  },
);

test.skipIf(process.getuid?.() !== 0)(
  "a directory of recipes that this user cannot write to is named as such",
  async () => {
    const url = place.server.serve(
      "/zog-1.0.0-linux-x64.tgz",
      archive("tar.gz", { zog: program("1") }),
    );
    for (const path of [place.dir, place.home]) chmodSync(path, 0o777);
    chmodSync(place.recipes, 0o555);
    const as = ["--reuid=1234", "--regid=1234", "--clear-groups"];
    const { status, stderr } = await started(
      ["setpriv", ...as, process.execPath, bundle, "recipe", "new", url],
      { env: { ...place.env }, cwd: place.home },
    );
    expect(status).toBe(5);
    expect(stderr).toContain(`cannot write ${file()}: permission denied [E_PERMISSION]`);
    expect(stderr).toContain(`hint: uid 1234 cannot write in ${place.recipes}: grant it that, or`);
  },
);

test("recipe new says which of two archives is damaged", async () => {
  const whole = archive("tar.gz", { zog: program("1") });
  const [good, bad] = ["x64", "arm64"].map((arch) =>
    place.server.serve(`/zog-1.0.0-linux-${arch}.tgz`, arch === "x64" ? whole : ""),
  );
  const { status, stderr } = await run("new", `${good}`, `${bad}`);
  expect([status, stderr]).toEqual([
    4,
    `error: ${bad}: the file is not a tar.gz file: it looks like an empty file [E_ARCHIVE_FORMAT]\n  hint: Nothing was pinned.\n`,
  ]);
});

/** The verbs for who writes recipes, against loopback servers; the live tests ask real registries. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { archive, npmTarball, program, describe as weigh } from "../support/archives.ts";
import { serveModule } from "../support/go-modules.ts";
import { proxyEnv } from "../support/go-place.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
/** The author's own go command fetches checksums. */
const hasGo = spawnSync("go", ["version"]).status === 0;

beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.close());

const file = (name: string): string => join(place.recipes, name);
const text = (name: string): string => readFileSync(file(name), "utf8");
/** Made once each: an archive holds the time at which it was made. */
const made = new Map<string, Buffer>();
function release(version: string, name = "zog"): Buffer {
  const bytes = made.get(name + version) ?? pack(version, name);
  made.set(name + version, bytes);
  return bytes;
}
const pack = (version: string, name: string): Buffer =>
  archive(
    "tar.gz",
    { [`bin/${name}`]: program(`${name} ${version}`), LICENSE: "x" },
    { top: `${name}-${version}` },
  );
const serve = (version: string, arch = "amd64"): string =>
  place.server.serve(
    `/o/zog/releases/download/v${version}/zog_${version}_linux_${arch}.tar.gz`,
    release(version),
  );

/** What only a person knows. */
function fillIn(name: string): void {
  const written = text(name)
    .replace(/^description: "TODO.*$/m, "description: Zogs")
    .replace(/^homepage: "TODO.*$/m, "homepage: https://zog.test")
    .replace(/^license: "TODO.*$/m, "license: MIT");
  writeFileSync(file(name), written);
}

describe("recipe new", () => {
  test("what a registry says reaches no terminal with its control characters", async () => {
    const words = "\u001b]0;title\u0007\u001b[2J";
    place.server.serve("/registry/zog", words);
    const { status, stderr } = await place.run("recipe", "new", "npm:zog");
    expect([status, stderr]).toEqual([5, expect.stringMatching(/npm cannot resolve zog: .*title/)]);
    expect(stderr).not.toMatch(/[^\P{Cc}\n]/u);
  });

  test("of a release's URLs: everything that can be known, and it installs", async () => {
    const [x64, arm64] = [serve("1.2.3"), serve("1.2.3", "arm64")];
    const { status, stdout } = await place.run("recipe", "new", x64, arm64);
    expect(status).toBe(0);
    expect(stdout).toMatch(/zog\.yaml:3: description is a placeholder; write it/);
    expect(stdout).toMatch(/right: license: MIT/);
    const { sha256, size } = weigh(release("1.2.3"));
    const source = { sha256, size, strip: 1 };
    expect(parse(text("zog.yaml"))).toMatchObject({
      name: "zog",
      version: "1.2.3",
      bins: { zog: "bin/zog" },
      test: ["zog", "--version"],
    });
    expect(Object.keys(parse(text("zog.yaml")).artifacts)).toEqual(["linux-x64", "linux-arm64"]);
    expect(parse(text("zog.yaml")).artifacts["linux-x64"]).toEqual({ url: x64, ...source });
    const unwritten = await place.run("recipe", "check", file("zog.yaml"));
    expect(unwritten.status).toBe(2);
    fillIn("zog.yaml");
    expect((await place.run("recipe", "check", file("zog.yaml"))).stdout).toMatch(/1 of 1 right/);
    place.skill("mail", { bins: ["zog"] });
    expect((await place.run()).stderr).toMatch(/installed zog/);
  });

  test("never writes over a file, but with --force", async () => {
    const url = serve("1.0.0");
    await place.run("recipe", "new", url);
    writeFileSync(file("zog.yaml"), "mine");
    const before = place.server.hits();
    const refused = await place.run("recipe", "new", url);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/exists already; nothing was written/);
    expect(place.server.hits() - before).toBe(0);
    expect(text("zog.yaml")).toBe("mine");
    expect((await place.run("recipe", "new", url, "--force")).status).toBe(0);
    expect(text("zog.yaml")).toMatch(/^# yaml-language-server/);
  });

  test.each(["pypi:zog", "deb:zog", "go:zog.test/cmd/zog/v2", "npm:zog"])(
    "%s downloads nothing for a recipe that is there",
    async (source) => {
      writeFileSync(file("zog.yaml"), "mine");
      place.server.publish("zog", "1.0.0", npmTarball("zog", "1.0.0", { "zog.js": "" }));
      const { status, stderr } = await place.run("recipe", "new", source);
      expect([status, stderr]).toEqual([2, expect.stringMatching(/zog\.yaml exists already/)]);
      const paths = place.server.requests.map(({ path }) => path);
      expect(paths.filter((path) => path !== "/registry/zog")).toEqual([]);
    },
  );

  test("a program that is not there is refused, with what is", async () => {
    const { status, stderr } = await place.run(
      "recipe",
      "new",
      serve("1.0.0"),
      "--bin",
      "zig",
      "--bin",
      "zag",
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/has no program zig; it has bin\/zog/);
    expect(existsSync(file("zog.yaml"))).toBe(false);
  });

  test("a web page is no release", async () => {
    const url = place.server.serve("/o/zog/releases/download/v1.0.0/zog-linux-x64", "", {
      fault: "html",
    });
    const { status, stderr } = await place.run("recipe", "new", url);
    expect(status).toBe(4);
    expect(stderr).toMatch(/the server sent a web page/);
  });

  test("of an npm package: the lock of all that it needs, and what the registry says of it", async () => {
    const cli = npmTarball("zog", "1.0.0", { "cli.js": "console.log('zog')\n" });
    const manifest = {
      description: "Zogs well.",
      license: "ISC",
      repository: { url: "git+https://zog.test/zog.git" },
      bin: { zog: "./cli.js" },
      dependencies: { word: "^1.0.0" },
    };
    place.server.publish("zog", "1.0.0", cli, { manifest });
    place.server.publish("word", "1.4.0", npmTarball("word", "1.4.0", { "index.js": "" }));
    const { status, stdout } = await place.run("recipe", "new", "npm:zog");
    expect(stdout).toMatch(/wrote .*zog\.yaml, zog\.lock\.json/);
    expect(status).toBe(0);
    expect(parse(text("zog.yaml"))).toMatchObject({
      description: "Zogs well",
      homepage: "https://zog.test/zog",
      license: "ISC",
      bins: { zog: "node_modules/zog/cli.js" },
      needs: ["node"],
      artifacts: { any: { npm: "zog@1.0.0", lock: "zog.lock.json" } },
    });
    expect(Object.keys(JSON.parse(text("zog.lock.json")).packages)).toEqual([
      "node_modules/word",
      "node_modules/zog",
    ]);
    expect((await place.run("recipe", "check", "--fetch", file("zog.yaml"))).stdout).toMatch(
      /ok {2}zog any npm:zog@1\.0\.0 \(2 files\)\n1 recipe, 1 source: 1 ok, 0 wrong/,
    );
  });

  test("of a package for one platform: its tarball, and that of the other processor", async () => {
    for (const arch of ["x64", "arm64"]) {
      const name = `zog-linux-${arch}`;
      const tarball = npmTarball(name, "2.0.0", { zog: program("zog 2.0.0") });
      place.server.publish(name, "2.0.0", tarball, {
        manifest: { os: ["linux"], cpu: [arch] },
        layout: arch === "x64", // else its document says where it is
      });
    }
    expect((await place.run("recipe", "new", "npm:zog-linux-x64")).status).toBe(0);
    const { name, artifacts } = parse(text("zog.yaml"));
    expect(name).toBe("zog");
    expect(artifacts["linux-x64"]).toMatchObject({ npm: "zog-linux-x64@2.0.0" });
    expect(artifacts["linux-arm64"]).toMatchObject({ npm: "zog-linux-arm64@2.0.0" });
  });

  test.skipIf(!hasGo)("of a Go package: its module is found, with its sum", async () => {
    const files = {
      "go.mod": "module example.test/zog\n\ngo 1.21\n",
      "cmd/zog/main.go": "package main\n",
    };
    const { sum } = serveModule(place.server, "example.test/zog", "v1.0.0", files);
    const env = { GOPROXY: `${place.server.origin}/goproxy`, GOSUMDB: "off", GOENV: "off" };
    const { status, stderr } = await place.runWith(
      env,
      "recipe",
      "new",
      "go:example.test/zog/cmd/zog@v1.0.0",
    );
    expect(status, stderr).toBe(0);
    expect(parse(text("zog.yaml")).artifacts["linux-x64"]).toEqual({
      go: "example.test/zog@v1.0.0",
      package: "cmd/zog",
      sum,
      toolchain: "1.21",
    });
  });

  test.each([
    [["zog"], /E_DRAFT_SOURCE/],
    [["deb:jq/.."], /deb:jq\/\.\. is "\.\.", which is not the name of a release/],
    [["deb:jq/trixie/x"], /has more than a release.*E_DRAFT_SOURCE/],
    [["deb:../jq"], /which is not the name of a release|which is not a package's name/],
    [["https://a.test/zog", "--bin", "../zog"], /--bin \.\.\/zog is not the plain name/],
    [["https://a.test/zog", "--offline"], /this run is offline/],
  ])("what is no source is refused with the forms that are: %j", async (words, why) => {
    const { status, stderr } = await place.run("recipe", "new", ...words);
    expect([status, stderr]).toEqual([2, expect.stringMatching(why)]);
    expect(readdirSync(place.recipes)).toEqual([]);
  });
});

describe("recipe pin", () => {
  test("makes digests again after a change of URL, and leaves the rest as it is", async () => {
    await place.run("recipe", "new", serve("1.0.0"));
    fillIn("zog.yaml");
    const next = serve("1.0.1");
    const edited = text("zog.yaml")
      .replace(/url: .*/, `url: ${next}`)
      .replaceAll("MIT", "MIT # mine");
    writeFileSync(file("zog.yaml"), edited);
    const { status, stdout } = await place.run("recipe", "pin", file("zog.yaml"));
    const { sha256, size } = weigh(release("1.0.1"));
    expect(stdout).toMatch(new RegExp(`artifacts.linux-x64.sha256: [0-9a-f]{64} -> ${sha256}`));
    expect(status).toBe(0);
    const expected = edited
      .replace(/sha256: .*/, `sha256: ${sha256}`)
      .replace(/size: .*/, `size: ${size}`);
    expect(text("zog.yaml")).toBe(expected);
    expect((await place.run("recipe", "pin", file("zog.yaml"))).stdout).toMatch(
      /nothing has changed/,
    );
  });

  test("writes a digest where there is none", async () => {
    await place.run("recipe", "new", serve("1.0.0"));
    fillIn("zog.yaml");
    const whole = text("zog.yaml");
    writeFileSync(file("zog.yaml"), whole.replace(/ +(sha256|size): .*\n/g, ""));
    expect((await place.run("recipe", "pin", file("zog.yaml"))).status).toBe(0);
    expect(text("zog.yaml")).toBe(whole);
  });
});

describe.skipIf(!hasGo)("recipe pin of a module that is used as an archive", () => {
  test("writes the digest of the zip that go has fetched and compared", async () => {
    const [old, now] = ["1.98.0", "1.99.0"].map((version) =>
      serveModule(place.server, "example.test/toolchain", `v0.0.1-go${version}.linux-amd64`, {
        "bin/go": `#!/bin/sh\necho ${version}\n`,
      }),
    );
    if (!old || !now) throw new Error("no modules");
    const { sha256: before, size: bytes } = weigh(old.zip);
    place.recipe("go", {
      version: "1.98.0",
      bins: { go: "bin/go" },
      artifacts: { "linux-x64": { go: old.at, sha256: before, size: bytes } },
    });
    writeFileSync(file("go.yaml"), text("go.yaml").replaceAll("1.98.0", "1.99.0"));
    const { status } = await place.runWith(proxyEnv(place), "recipe", "pin", file("go.yaml"));
    const { sha256, size } = weigh(now.zip);
    expect([status, parse(text("go.yaml")).artifacts["linux-x64"]]).toEqual([
      0,
      { go: now.at, sha256, size },
    ]);
  });
});

describe("recipe check", () => {
  const source = { url: "https://example.test/zog.tar.gz", sha256: "0".repeat(64) };
  const check = (...more: string[]) => place.run("recipe", "check", ...more);

  test("a need that no recipe is called, neither beside it nor in the catalogue", async () => {
    place.recipe("zog", { needs: ["node", "owl", "nod"], artifacts: { "linux-x64": source } });
    place.recipe("owl", { artifacts: { "linux-x64": source } });
    const { status, stdout } = await check(file("zog.yaml"));
    expect([status, stdout.match(/needs.*/g)]).toEqual([
      2,
      ['needs[2] is "nod", but no recipe has this name; did you mean "node"?'],
    ]);
    expect(stdout).toMatch(/zog\.yaml:\d+: .*\n0 of 1 right/);
  });

  test("a licence that is none is a warning, with the right one", async () => {
    place.recipe("zog", { license: "Apache 2.0", artifacts: { "linux-x64": source } });
    const { status, stdout, stderr } = await check(file("zog.yaml"));
    expect([status, stdout]).toEqual([0, "1 of 1 right\n"]);
    expect(stderr).toMatch(
      /^warning: .*zog\.yaml:4: license is "Apache 2\.0".* \[E_RECIPE_ADVICE\]\n +right: license: Apache-2\.0$/m,
    );
    const document = JSON.parse((await check(file("zog.yaml"), "--json")).stdout);
    expect(document).toMatchObject({ problems: [], warnings: [{ line: 4 }] });
    for (const license of ["MIT OR Apache-2.0", "LicenseRef-Own"]) {
      place.recipe("zog", { license, artifacts: { "linux-x64": source } });
      expect((await check(file("zog.yaml"))).stderr).toBe("");
    }
  });
});

describe("recipe check --fetch", () => {
  const offer = (over: object, more: object = {}): void => {
    const served = place.serve("zog.tar.gz", release("1.0.0", "zog"));
    place.recipe("zog", { artifacts: { "linux-x64": { ...served, ...more } }, ...over });
  };
  test.each<[string, object, object, RegExp]>([
    ["another name", { bins: { zog: "bin/zogg" } }, { strip: 1 }, /did you mean bin\/zog\?/],
    ["another directory", { bins: { zog: "sbin/zog" } }, { strip: 1 }, /did you mean bin\/zog\?/],
    ["one directory more", {}, {}, /did you mean \S+\/bin\/zog, or a strip larger by 1\?/],
    ["one directory less", {}, { strip: 2 }, /did you mean zog\?/],
  ])("a program that is not in the archive: %s", async (_, over, more, expected) => {
    offer(over, more);
    const { status, stdout } = await place.run("recipe", "check", "--fetch", file("zog.yaml"));
    expect(stdout).toMatch(/^error {2}zog linux-x64 \S+: the archive has no /m);
    expect(stdout).toMatch(expected);
    expect(stdout).toMatch(/1 source: 0 ok, 0 wrong, 1 error, 0 unavailable/);
    expect(status).toBe(2);
  });

  test("an archive of another kind", async () => {
    offer({}, { strip: 1, format: "zip" });
    const { status, stdout } = await place.run("recipe", "check", "--fetch", file("zog.yaml"));
    expect(stdout).not.toMatch(/^ok/m);
    expect(status).toBe(4);
  });

  test("says of each source whether its bytes are right, wrong or not available", async () => {
    const right = place.serve("right.tar.gz", release("1.0.0", "right"));
    const wrong = {
      ...place.serve("wrong.tar.gz", release("1.0.0", "wrong")),
      sha256: "0".repeat(64),
    };
    const gone = { ...right, url: `${place.server.origin}/gone.tar.gz` };
    for (const [name, source] of Object.entries({ right, wrong, gone })) {
      place.recipe(name, { artifacts: { "linux-x64": { ...source, strip: 1 } } });
    }
    const { status, stdout } = await place.run("recipe", "check", "--fetch", place.recipes);
    expect(stdout).toMatch(/^unavailable {2}gone linux-x64 http\S+: .*404/m);
    expect(stdout).toMatch(/^ok {2}right linux-x64 /m);
    expect(stdout).toMatch(/^wrong {2}wrong linux-x64 .*expected sha256:000/m);
    expect(stdout).toMatch(/3 recipes, 3 sources: 1 ok, 1 wrong, 1 unavailable/);
    expect(status).toBe(4);
    const { sources } = JSON.parse(
      (await place.run("recipe", "check", "--fetch", "--json")).stdout,
    );
    expect(sources.map(({ state }: { state: string }) => state)).toEqual([
      "unavailable",
      "ok",
      "wrong",
    ]);
  });
});

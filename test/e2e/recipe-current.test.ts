/** `recipe outdated` and `recipe bump`: origins are a repository, an npm registry and a release server here. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { archive, npmTarball, program, describe as weigh } from "../support/archives.ts";
import { runRecipe, startRecipe } from "../support/recipe-command.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.close());

const file = (name = "zog"): string => join(place.recipes, `${name}.yaml`);
const text = (name = "zog"): string => readFileSync(file(name), "utf8");
const sources = (): Record<string, unknown> => parse(text()).artifacts;

/** A release on the server, under the address that the recipe names through a mirror. */
function release(version: string, arch: string, says = version) {
  const bytes = archive("tar.gz", { [`zog-${version}/zog`]: program(`zog ${says}`), arch });
  const path = `/o/zog/releases/download/v${version}/zog_${version}_${arch}.tgz`;
  place.server.serve(path, bytes);
  const { sha256, size } = weigh(bytes);
  return { url: `https://github.com${path}`, sha256, size };
}

/** A repository with a tag for each version; git is told to find it instead of the host. */
function tags(...versions: string[]): void {
  const dir = join(place.dir, "repositories", "o", "zog");
  mkdirSync(dir, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.test", ...args], {
      cwd: dir,
    });
  if (!existsSync(join(dir, ".git"))) {
    git("init", "-q");
    git("commit", "-q", "--allow-empty", "-m", "first");
  }
  for (const version of versions) git("tag", version);
}

const run = (...args: string[]) => runRecipe(place, ...args);

/** The recipe of 1.0.0, as a person wrote it. */
function offer(over: Readonly<Record<string, unknown>> = {}): void {
  place.recipe("zog", {
    bins: { zog: "zog-1.0.0/zog" },
    artifacts: { "linux-x64": release("1.0.0", "x64"), "linux-arm64": release("1.0.0", "arm64") },
    ...over,
  });
  writeFileSync(file(), `# mine\n${text()}# the end\n`);
}

describe("recipe outdated", () => {
  test("asks a page with each query by itself, with the machine's login", async () => {
    const sources = { artifacts: { "linux-x64": release("1.0.0", "x64") } };
    for (const name of ["one", "two"]) {
      place.recipe(name, { ...sources, versions: `https://list.test/newest?of=${name}` });
    }
    place.server.serve("/newest", "1.1.0");
    writeFileSync(join(place.dir, "netrc"), "machine 127.0.0.1 login zoe password x");
    const mirror = `https://list.test/=${place.server.origin}/`;
    await place.runWith(
      { NETRC: join(place.dir, "netrc") },
      "recipe",
      "outdated",
      "--mirror",
      mirror,
    );
    const asked = place.server.requests.filter((each) => each.path === "/newest");
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([
      expect.stringMatching(/^Basic /),
      expect.stringMatching(/^Basic /),
    ]);
  });

  test("says the newest stable version of the origin, and changes nothing", async () => {
    offer();
    tags("v1.0.0", "v1.9.0", "v1.10.0", "v1.11.0-rc.1", "nightly", "w9.0.0");
    const before = text();
    const { status, stdout, stderr } = await run("outdated");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(
      "RECIPE  VERSION  NEWEST  ORIGIN            NOTE\nzog     1.0.0    1.10.0  github.com/o/zog\n1 of 1 behind\n",
    );
    expect(text()).toBe(before);
  });

  test("a range that is held is not followed, and a new major version is named", async () => {
    tags("v1.0.0", "v1.2.0", "v2.0.0");
    offer();
    expect((await run("outdated")).stdout).toMatch(/zog +1\.0\.0 +2\.0\.0 .*a new major version/);
    offer({ hold: ">=2" });
    expect((await run("outdated")).stdout).toMatch(
      /zog +1\.0\.0 +1\.2\.0 .*held: >=2 is not followed/,
    );
  });

  test("with several origins, what all of them have", async () => {
    tags("v1.0.0", "v1.1.0", "v1.2.0");
    for (const version of ["1.0.0", "1.1.0"]) {
      const tarball = npmTarball("zog-linux-x64", version, { zog: program(version) });
      place.server.publish("zog-linux-x64", version, tarball);
    }
    const npm = { npm: "zog-linux-x64@1.0.0", integrity: `sha512-${"A".repeat(86)}==` };
    offer({ artifacts: { "linux-x64": [release("1.0.0", "x64"), npm] } });
    const { stdout } = await run("outdated", "--json");
    expect(JSON.parse(stdout).recipes).toEqual([
      expect.objectContaining({
        newest: "1.1.0",
        origins: ["github.com/o/zog", "npm:zog-linux-x64"],
      }),
    ]);
  });

  test("versions of a repository or a page that the recipe names", async () => {
    const url = (path: string) => ({ ...release("1.0.0", "x64"), url: `https://cdn.test${path}` });
    tags("v1.0.0", "v1.3.0");
    const artifacts = { "linux-x64": url("/zog-1.0.0.tgz") };
    offer({ artifacts });
    expect((await run("outdated")).stdout).toMatch(/nothing lists its versions/);
    offer({ artifacts, versions: "git+https://github.com/o/zog" });
    expect((await run("outdated")).stdout).toMatch(/zog +1\.0\.0 +1\.3\.0 +github\.com\/o\/zog/);
    place.server.serve("/stable.txt", Buffer.from("v1.4.0\n"));
    offer({ artifacts, versions: "https://github.com/stable.txt" });
    const { stdout } = await run("outdated");
    expect(stdout).toMatch(/zog +1\.0\.0 +1\.4\.0 +github\.com\/stable\.txt/);
    offer({ versions: "http://github.com/stable.txt" });
    expect((await run("outdated")).stderr).toMatch(/versions must be the https:\/\/ address/);
  });

  test("a version that was withdrawn from a Python index is not followed", async () => {
    const wheel = (version: string) => `zog-${version}-py3-none-manylinux_2_17_x86_64.whl`;
    const link = (version: string, more = "") => `<a href="${wheel(version)}"${more}>zog</a>`;
    const pypi = { pypi: "zog@1.0.0", wheel: wheel("1.0.0"), sha256: "0".repeat(64) };
    offer({ artifacts: { "linux-x64-glibc": { ...pypi, glibc: "2.17" } } });
    const index = { PIP_INDEX_URL: `${place.server.origin}/simple/` };
    const said = async (...links: string[]) => {
      place.server.serve("/simple/zog/", links.join("\n"));
      return (await place.runWith(index, "recipe", "outdated")).stdout;
    };
    const yanked = ' data-yanked="broken"';
    expect(await said(link("1.0.0"), link("1.1.0"), link("1.2.0", yanked))).toMatch(
      /zog +1\.0\.0 +1\.1\.0 +pypi:zog\n/,
    );
    expect(await said(link("0.9.0"), link("1.0.0", yanked))).toMatch(
      /zog +1\.0\.0 +1\.0\.0 +pypi:zog +pypi:zog no longer offers 1\.0\.0\n0 of 1 behind/,
    );
  });

  test("a package that its authors have deprecated is named, in one line", async () => {
    const tarball = npmTarball("zog-linux-x64", "1.0.0", { zog: program("1.0.0") });
    const manifest = { deprecated: "use zig\nor\u001b[31m zag" };
    place.server.publish("zog-linux-x64", "1.0.0", tarball, { manifest });
    const npm = { npm: "zog-linux-x64@1.0.0", integrity: `sha512-${"A".repeat(86)}==` };
    offer({ artifacts: { "linux-x64": npm } });
    const said = "npm:zog-linux-x64 is deprecated: use zig or [31m zag";
    expect((await run("outdated", "zog", "zog")).stdout.split("\n").slice(1)).toEqual([
      `zog     1.0.0    1.0.0   npm:zog-linux-x64  ${said}`,
      "0 of 1 behind",
      "",
    ]);
  });

  test("a host that cannot be reached is asked once, and named once for all its recipes", async () => {
    for (const name of ["a", "b", "c", "d"]) {
      const source = { ...release("1.0.0", "x64"), url: `https://zog.invalid/${name}-1.0.0.tgz` };
      const versions = `git+https://zog.invalid/o/${name}`;
      place.recipe(name, { artifacts: { "linux-x64": source }, versions });
    }
    const log = join(place.dir, "asked.txt");
    const git = join(place.dir, "git");
    writeFileSync(
      git,
      `#!/bin/sh\necho "$*" >>${log}\necho "fatal: unable to access: Could not resolve host: zog.invalid" >&2\nexit 128\n`,
      { mode: 0o755 },
    );
    const { status, stdout } = await place.runWith(
      { PATH: `${place.dir}:${process.env.PATH}` },
      "recipe",
      "outdated",
    );
    expect([status, stdout]).toEqual([
      5,
      "not asked, because zog.invalid cannot be reached: a, b, c, d\n0 of 4 behind; origins of 4 could not be asked\n",
    ]);
    expect(readFileSync(log, "utf8").split("\n").filter(Boolean).length).toBeLessThanOrEqual(2);
  });

  test("an origin that does not answer is said, and none is asked for a recipe that is not there", async () => {
    offer();
    const { status, stdout } = await run("outdated");
    expect([status, stdout]).toEqual([
      5,
      expect.stringMatching(/the tags of github\.com\/o\/zog cannot be listed/),
    ]);
    expect(stdout).toMatch(/^0 of 1 behind; origins of 1 could not be asked$/m);
    const { recipes } = JSON.parse((await run("outdated", "--json")).stdout);
    expect(recipes).toEqual([expect.objectContaining({ unasked: ["github.com/o/zog"] })]);
    const other = await run("outdated", "zig");
    expect([other.status, other.stderr]).toEqual([2, expect.stringMatching(/no recipe zig\.yaml/)]);
  });
});

describe("recipe bump", () => {
  test("moves version, addresses, digests and paths; both platforms are fetched, one is run", async () => {
    offer();
    tags("v1.0.0", "v1.2.0");
    const [x64, arm64] = [release("1.2.0", "x64"), release("1.2.0", "arm64")];
    const { status, stdout } = await run("bump");
    expect([status, stdout]).toEqual([0, expect.stringMatching(/bumped\n1 of 1 bumped\n$/)]);
    expect(text()).toMatch(/^# mine\n[\s\S]*# the end\n$/);
    expect(parse(text())).toMatchObject({ version: "1.2.0", bins: { zog: "zog-1.2.0/zog" } });
    expect(parse(text()).provenance).toMatch(/^digests computed from what was served on \d{4}-/);
    expect(sources()).toEqual({ "linux-x64": x64, "linux-arm64": arm64 });
    expect((await run("bump")).stdout).toBe("0 of 1 bumped\n");
    expect(existsSync(place.prefix)).toBe(false);
  });

  test("where an origin does not answer, its status says so; what the others have is written", async () => {
    offer();
    expect(await run("bump")).toMatchObject({
      status: 5,
      stdout: expect.stringMatching(/^0 of 1 bumped; origins of 1 could not be asked$/m),
    });
    tags("v1.0.0", "v1.2.0");
    for (const arch of ["x64", "arm64"]) release("1.2.0", arch);
    const artifacts = { "linux-x64": release("1.0.0", "x64") };
    place.recipe("zug", { artifacts, versions: "git+https://github.com/o/none" });
    const { status, stdout } = await run("bump");
    expect([status, stdout]).toEqual([
      5,
      expect.stringMatching(/^1 of 2 bumped; origins of 1 could not be asked$/m),
    ]);
    expect(parse(text()).version).toBe("1.2.0");
  });

  test("ended by a signal while a program runs, or by a second one while an origin is silent, it leaves nothing in TMPDIR", async () => {
    offer();
    tags("v1.0.0", "v1.2.0");
    const mark = join(place.dir, "runs");
    const body = `#!/bin/sh\ntouch ${mark}\nsleep 600\n`;
    for (const arch of ["x64", "arm64"]) {
      const bytes = archive("tar.gz", { "zog-1.2.0/zog": { body, mode: 0o755 } });
      place.server.serve(`/o/zog/releases/download/v1.2.0/zog_1.2.0_${arch}.tgz`, bytes);
    }
    place.server.serve("/simple/zug/", "", { fault: "silent" });
    const wheel = "zug-1.0.0-py3-none-manylinux_2_17_x86_64.whl";
    const pypi = { pypi: "zug@1.0.0", wheel, sha256: "0".repeat(64), glibc: "2.17" };
    place.recipe("zug", { artifacts: { "linux-x64-glibc": pypi } });
    const env = { TMPDIR: join(place.dir, "tmp"), PIP_INDEX_URL: `${place.server.origin}/simple/` };
    mkdirSync(env.TMPDIR);
    const cases = [
      ["zog", 1, () => existsSync(mark)],
      ["zug", 2, () => place.server.hits("/simple/zug/") > 0],
    ] as const;
    for (const [name, signals, isAt] of cases) {
      const { child, ended } = startRecipe(place, env, "bump", name);
      await expect.poll(isAt, { timeout: 30_000 }).toBe(true);
      expect(readdirSync(env.TMPDIR).length).toBeGreaterThan(0);
      for (let i = 0; i < signals; i++) {
        child.kill("SIGTERM");
        await setTimeout(200); // signals that come together are one
      }
      expect([name, await ended]).toEqual([name, 143]);
      expect(readdirSync(env.TMPDIR)).toEqual([]);
    }
  });

  test("with --prefix it is installed there", async () => {
    offer();
    tags("v1.0.0", "v1.2.0");
    for (const arch of ["x64", "arm64"]) release("1.2.0", arch);
    const volume = join(place.dir, "another");
    expect((await run("bump", "--prefix", volume)).status).toBe(0);
    const zog = execFileSync(join(volume, "bin", "zog"), { encoding: "utf8" });
    expect(zog).toBe("zog 1.2.0\n");
  });

  test("a version whose archives are not there yet gives way to an older one, and says so", async () => {
    offer();
    tags("v1.0.0", "v1.2.0", "v1.3.0");
    for (const arch of ["x64", "arm64"]) release("1.2.0", arch);
    release("1.3.0", "x64");
    const { status, stdout } = await run("bump");
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/zog +1\.0\.0 +1\.2\.0 +\S+ +not 1\.3\.0: .*; bumped/),
    ]);
    expect(parse(text()).version).toBe("1.2.0");
  });

  test("what it needs comes from the recipes beside it", async () => {
    offer({ needs: ["zig"] });
    place.recipe("zig", {
      artifacts: {
        any: place.serve("zig.tgz", archive("tar.gz", { "bin/zig": program("beside") })),
      },
    });
    tags("v1.0.0", "v1.2.0");
    for (const arch of ["x64", "arm64"]) {
      const body = '#!/bin/sh\ntest "$(zig)" = beside && echo zog 1.2.0\n';
      const bytes = archive("tar.gz", { "zog-1.2.0/zog": { body, mode: 0o755 } });
      place.server.serve(`/o/zog/releases/download/v1.2.0/zog_1.2.0_${arch}.tgz`, bytes);
    }
    expect((await run("bump", "zog")).stdout).toMatch(/1 of 1 bumped/);
  });

  test("a newer glibc than the recipe says is written and named; a program that was static must be it still", async () => {
    tags("v1.0.0", "v1.2.0");
    const bytes = archive("tar.gz", {
      "zog-1.2.0/zog": { body: readFileSync("/usr/bin/env"), mode: 0o755 },
    });
    place.server.serve("/o/zog/releases/download/v1.2.0/zog_1.2.0_x64.tgz", bytes);
    offer({ artifacts: { "linux-x64-glibc": { ...release("1.0.0", "x64"), glibc: "2.2.5" } } });
    expect((await run("bump")).stdout).toMatch(
      /linux-x64-glibc needs glibc 2\.\d+ now, not 2\.2\.5; bumped/,
    );
    expect(sources()["linux-x64-glibc"]).toMatchObject({
      glibc: expect.stringMatching(/^2\.\d+$/),
    });
    offer({ artifacts: { "linux-x64": release("1.0.0", "x64") } });
    expect((await run("bump")).stdout).toMatch(
      /not bumped: linux-x64: its programs are not static, they need glibc/,
    );
  });

  const unmoved: [string, () => void, RegExp][] = [
    [
      "a platform is missing",
      () => release("1.2.0", "x64"),
      /not bumped: .*v1\.2\.0\/zog_1\.2\.0_arm64/,
    ],
    [
      "a file is damaged",
      () => {
        for (const arch of ["x64", "arm64"]) release("1.2.0", arch);
        const half = archive("tar.gz", { "zog-1.2.0/zog": program("zog") }).subarray(0, 100);
        place.server.serve("/o/zog/releases/download/v1.2.0/zog_1.2.0_arm64.tgz", half);
      },
      /not bumped: https:\S+v1\.2\.0\/zog_1\.2\.0_arm64\.tgz: the tar\.gz file is truncated/,
    ],
    [
      "its smoke test fails",
      () => {
        for (const arch of ["x64", "arm64"]) {
          const bytes = archive("tar.gz", {
            "zog-1.2.0/zog": { body: "#!/bin/sh\nexit 3\n", mode: 0o755 },
          });
          place.server.serve(`/o/zog/releases/download/v1.2.0/zog_1.2.0_${arch}.tgz`, bytes);
        }
      },
      /not bumped: .*cannot be installed here/,
    ],
    [
      "the program is elsewhere",
      () => {
        const bytes = archive("tar.gz", { "bin/zog": program("zog 1.2.0") });
        for (const arch of ["x64", "arm64"])
          place.server.serve(`/o/zog/releases/download/v1.2.0/zog_1.2.0_${arch}.tgz`, bytes);
      },
      /not bumped: .*did you mean bin\/zog/,
    ],
  ];
  test.each(unmoved)("leaves the recipe as it is where %s, and says why", async (_, serve, why) => {
    offer();
    tags("v1.0.0", "v1.2.0");
    serve();
    const before = text();
    const { status, stdout } = await run("bump");
    expect([status, stdout]).toEqual([2, expect.stringMatching(why)]);
    expect(text()).toBe(before);
  });

  test("a JavaScript program gets a new lock, and another licence is named", {
    timeout: 180_000,
  }, async () => {
    const publish = (version: string, license: string): void => {
      const manifest = {
        license,
        bin: { zog: "./cli.js" },
        description: "Zogs",
        repository: "https://zog.test",
      };
      const tarball = npmTarball("zog", version, { "cli.js": "console.log('zog')\n" });
      place.server.publish("zog", version, tarball, { manifest });
    };
    publish("1.0.0", "MIT");
    expect((await run("new", "npm:zog")).status).toBe(0);
    publish("1.1.0", "Apache-2.0");
    place.recipe("node", {
      artifacts: {
        any: place.serve("node.tar.gz", archive("tar.gz", { "bin/node": program("24") })),
      },
    });
    const before = text();
    const { stdout } = await run("bump", "zog");
    expect(stdout).toMatch(/zog +1\.0\.0 +1\.1\.0 +npm:zog +licence: MIT -> Apache-2\.0/);
    expect(parse(text()).artifacts.any).toEqual({ npm: "zog@1.1.0", lock: "zog.lock.json" });
    const lock = join(place.recipes, "zog.lock.json");
    const [after, locked] = [text(), readFileSync(lock, "utf8")];
    expect(locked).toMatch(/"version": ?"1\.1\.0"/);

    // As a run leaves them that is ended between the two files.
    writeFileSync(file(), before);
    const checked = await run("check", file());
    expect([checked.status, checked.stdout]).toEqual([
      2,
      expect.stringMatching(/lock holds zog@1\.1\.0, not zog@1\.0\.0: .*recipe bump moves both/),
    ]);
    expect((await run("bump", "zog")).stdout).toMatch(/; bumped\n1 of 1 bumped/);
    expect([text(), readFileSync(lock, "utf8")]).toEqual([after, locked]);
    for (const spoil of [() => rmSync(lock), () => writeFileSync(lock, "{")]) {
      spoil();
      expect((await run("bump", "zog")).stdout).toMatch(/1 of 1 bumped/);
      expect([text(), readFileSync(lock, "utf8")]).toEqual([after, locked]);
    }
  });
});

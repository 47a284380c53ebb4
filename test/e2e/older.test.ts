/** An older version, taken because the better source is not available: it is said, and kept in mind. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { type Debian, openDebian } from "../support/debian-place.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let debian: Debian;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("shows", { bins: ["show"] });
  debian = openDebian(place);
  debian.publishLibc();
  debian.publish("show", { "./usr/bin/show": debian.program("env") });
});
afterEach(() => place.close());

const run = (...args: string[]) => place.runWith(debian.env, ...args);
const version = (): string | undefined => place.manifest().tools.show?.version;
const warningsIn = (stderr: string): string[] => stderr.match(/^warning: .*$/gm) ?? [];
const shortage =
  /^warning: show 1\.0\+b1 in place of 2\.0\.0 is used: .*show\.tar\.gz responded with 404/;

/** A release of our own first, Debian's older one after it. */
function offer(newest: string, isThere: boolean): void {
  const bytes = archive("tar.gz", { "bin/show": program(newest) });
  const file = isThere ? "there-show.tar.gz" : "show.tar.gz";
  const source = place.serve(file, bytes, isThere ? {} : { fault: "status", status: 404 });
  const deb = { deb: "show@1.0+b1-1", lock: "show.lock.json", bins: { show: "usr/bin/show" } };
  debian.recipe("show", { version: newest, artifacts: { "linux-x64": [source, deb] } });
}

describe("the better source is not available", () => {
  beforeEach(() => offer("2.0.0", false));

  test("the older version is installed, and one line says so and why", async () => {
    const { status, stderr } = await run();
    expect([status, version()], stderr).toEqual([0, "1.0+b1"]);
    expect(warningsIn(stderr)).toEqual([expect.stringMatching(shortage)]);
    expect((await run("list")).stdout).toMatch(/show +1\.0\+b1 \(2\.0\.0 is not available\)/);
    expect(warningsIn((await run()).stderr)).toEqual([]);
  });

  test("outdated does not count it, and tells it beside", async () => {
    await run();
    const { stdout } = await run("outdated");
    expect(stdout).toMatch(/^nothing is outdated\nshow 1\.0\+b1: 2\.0\.0 is not available \(.*404/);
    const document = JSON.parse((await run("outdated", "--json")).stdout);
    expect(document).toMatchObject({ tools: [], unreachable: [{ tool: "show", newer: "2.0.0" }] });
  });

  test("update tries again, says so once, installs nothing and is no failure", async () => {
    await run();
    const before = place.snapshot();
    for (const args of [["update"], ["update", "show"]]) {
      const asked = place.server.hits();
      const { status, stderr } = await run(...args);
      expect(status, stderr).toBe(0);
      expect(place.server.hits()).toBeGreaterThan(asked);
      expect(warningsIn(stderr)).toEqual([expect.stringMatching(shortage)]);
      expect(stderr).not.toMatch(/installed|error:|already present/);
    }
    const tree = (files: Record<string, string>) =>
      Object.entries(files).filter(([path]) => path.startsWith("lib/show"));
    expect(tree(place.snapshot())).toEqual(tree(before));
  });

  test("update takes the better one once it is there, and all is forgotten", async () => {
    await run();
    offer("2.0.0", true);
    const { status, stderr } = await run("update");
    expect([status, version()]).toEqual([0, "2.0.0"]);
    expect(warningsIn(stderr)).toEqual([]);
    expect((await run("outdated")).stdout).toBe("nothing is outdated\n");
    expect((await run("list")).stdout).not.toMatch(/is not available/);
  });

  test("a version that was not tried yet counts as newer", async () => {
    await run();
    offer("3.0.0", false);
    expect((await run("outdated")).stdout).toMatch(/show +1\.0\+b1 +3\.0\.0/);
    expect((await run("update")).status).toBe(0);
    expect((await run("outdated")).stdout).toMatch(/^nothing is outdated\n/);
  });

  test("wrong bytes of the better source are a failure of update", async () => {
    await run();
    const bytes = archive("tar.gz", { "bin/show": program("2.0.0") });
    const source = { ...place.serve("bad.tar.gz", bytes), sha256: "0".repeat(64) };
    const deb = { deb: "show@1.0+b1-1", lock: "show.lock.json", bins: { show: "usr/bin/show" } };
    debian.recipe("show", { version: "2.0.0", artifacts: { "linux-x64": [source, deb] } });
    expect((await run("update")).status).toBe(4);
    expect(version()).toBe("1.0+b1");
  });
});

test("the better source is there: nothing is said", async () => {
  offer("2.0.0", true);
  const { stderr } = await run();
  expect([version(), warningsIn(stderr)]).toEqual(["2.0.0", []]);
});

test("a seed's older version is said too, and update does not fail for it", async () => {
  const seed = join(place.dir, "seed");
  offer("1.0.0", true);
  await run("--prefix", seed);
  offer("2.0.0", false);
  rmSync(join(place.recipes, "show.lock.json"));
  const source = {
    url: new URL("/none.tar.gz", place.server.registry).href,
    sha256: "0".repeat(64),
  };
  place.recipe("show", { version: "2.0.0", artifacts: { "linux-x64": source } });
  const first = await run("--seed", seed);
  expect([first.status, version()], first.stderr).toEqual([0, "1.0.0"]);
  expect(warningsIn(first.stderr)).toEqual([
    expect.stringMatching(/^warning: show 1\.0\.0 in place of 2\.0\.0 is used: .*404/),
  ]);
  const again = await run("update", "--seed", seed);
  expect([again.status, warningsIn(again.stderr).length]).toEqual([0, 1]);
  rmSync(place.prefix, { recursive: true });
  const offline = await run("--offline", "--seed", seed);
  expect(warningsIn(offline.stderr)).toEqual([expect.stringMatching(/: this run is offline/)]);
});

test("a seed's older version is not waited past for a build of minutes", async () => {
  const seed = join(place.dir, "seed");
  offer("1.0.0", true);
  await run("--prefix", seed);
  const gone = { url: new URL("/none.tar.gz", place.server.registry).href, sha256: "0".repeat(64) };
  const build = {
    go: "example.test/show@v2.0.0",
    sum: `h1:${"A".repeat(43)}=`,
    toolchain: "1.26.0",
  };
  place.recipe("show", { version: "2.0.0", artifacts: { "linux-x64": [build, gone] } });
  const before = place.server.hits();
  const env = { ...debian.env, GOPROXY: `${place.server.origin}/goproxy`, GOSUMDB: "off" };
  const { status, stderr } = await place.runWith(env, "--seed", seed);
  expect([status, version()], stderr).toEqual([0, "1.0.0"]);
  expect(warningsIn(stderr)).toEqual([expect.stringMatching(/show 1\.0\.0 in place of 2\.0\.0/)]);
  const ofArchive = place.server.hits("/none.tar.gz");
  expect(place.server.hits()).toBe(before + ofArchive); // and no proxy of modules
});

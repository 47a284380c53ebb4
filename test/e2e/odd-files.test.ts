import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readAptConfig } from "../../src/net/apt-config.ts";
import { readGoConfig } from "../../src/net/go-config.ts";
import { readPipConfig } from "../../src/net/pip-config.ts";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
  const bytes = archive("tar.gz", { "bin/zog": program("1.0.0") });
  place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
});
afterEach(() => place.close());

/** What may lie where a file is looked for. Nobody ever writes to the pipe. */
const kinds: [string, (path: string) => void][] = [
  ["a pipe", (path) => execFileSync("mkfifo", [path])],
  ["a directory", (path) => mkdirSync(path)],
  ["a device", (path) => symlinkSync("/dev/zero", path)],
  ["a link that dangles", (path) => symlinkSync("nowhere", path)],
  ["a link in a circle", (path) => symlinkSync(basename(path), path)],
  [
    "a file of 10 GB",
    (path) => {
      writeFileSync(path, "");
      truncateSync(path, 10_000_000_000);
    },
  ],
];

const put = (path: string, make: (path: string) => void): string => {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { recursive: true, force: true });
  make(path);
  return path;
};

describe.each(kinds)("%s", (what, make) => {
  test.each<[string, (it: Workplace) => string, RegExp | undefined]>([
    ["a recipe", ({ recipes }) => join(recipes, "odd.yaml"), /warning: .*odd\.yaml/],
    ["openclaw.json", ({ home }) => join(home, ".openclaw/openclaw.json"), undefined],
    ["SKILL.md", ({ skills }) => join(skills, "odd/SKILL.md"), undefined],
    [".npmrc", ({ home }) => join(home, ".npmrc"), undefined],
    ["npm's global settings", ({ home }) => join(home, "global-npmrc"), undefined],
    [
      "the last run's report",
      ({ prefix }) => join(prefix, "share/openclaw-skill-deps/last-run.json"),
      undefined,
    ],
  ])("in place of %s does not hold up the run", async (_where, at, warning) => {
    put(at(place), make);
    const { status, stderr } = await place.run("--no-progress");
    expect(stderr).toContain("zog 1.0.0: installed zog");
    expect(status).toBe(0);
    if (warning) expect(stderr).toMatch(warning);
  });

  test("in place of SKILL.md does not need Node at every start, once it is two seconds old", async () => {
    put(join(place.skills, "odd/SKILL.md"), make);
    let ran = await place.start({});
    while (!ran.alone) ran = await place.start({});
    expect(ran.stderr).toMatch(/programs present: 1\n$/);
  });

  test("in place of the manifest: the volume is recreated", async () => {
    put(join(place.prefix, "manifest.json"), make);
    const { stderr } = await place.run();
    expect(stderr).not.toContain("This is a bug");
    expect((await place.run()).status).toBe(0);
  });

  test("in place of a recipe that is named", async () => {
    const path = put(join(place.dir, "odd.yaml"), make);
    const verbs = what === "a directory" ? ["pin", "lock"] : ["check", "pin", "lock"];
    for (const verb of verbs) {
      const { status, stdout, stderr } = await place.run("recipe", verb, path);
      expect([verb, status]).toEqual([verb, 2]);
      expect(stdout + stderr).toContain(path);
      expect(stdout + stderr).not.toContain("This is a bug");
    }
  });

  test("in place of a seed's manifest, a bundle, a lock", async () => {
    put(join(place.dir, "seed/manifest.json"), make);
    const seeded = await place.run("--seed", join(place.dir, "seed"));
    expect(seeded.stderr).not.toContain("This is a bug");
    const bundle = put(join(place.dir, "odd.tar.gz"), make);
    // A bundle may have 10 GB, and is read to its end for its digest.
    if (!what.includes("GB")) {
      const imported = await place.run("bundle", "import", bundle);
      expect([2, 4]).toContain(imported.status);
      expect(imported.stderr).not.toContain("This is a bug");
    }
    place.recipe("locked", { artifacts: { "linux-x64": { npm: "a", lock: "odd.lock.json" } } });
    put(join(place.recipes, "odd.lock.json"), make);
    const locked = await place.run();
    expect(locked.stderr).toMatch(/warning: .*locked\.yaml/);
    expect(locked.status).toBe(0);
  });

  test("in place of the settings of pip, go and apt: as if there were none", async () => {
    const { home } = place;
    const names = [".netrc", ".config/pip/pip.conf", ".pip/pip.conf", ".config/go/env", "apt.conf"];
    for (const name of names) put(join(home, name), make);
    expect((await readPipConfig({}, home)).indexes).toEqual([]);
    expect((await readGoConfig({}, home, undefined)).proxies).toEqual([]);
    const apt = await readAptConfig({ APT_CONFIG: join(home, "apt.conf") });
    expect(apt.requestFor("http://mirror.example.test/").headers).toEqual({});
  });
});

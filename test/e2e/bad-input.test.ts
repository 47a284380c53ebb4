import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, repository, snapshotOf, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
});
afterEach(() => place.close());

const bytes = archive("tar.gz", { "bin/zog": program("1.0.0") });
const other = "ab".repeat(32);

/** The volume without what says how the last run went. */
function volume(): Record<string, string> {
  const { "share/openclaw-skill-deps/last-run.json": _, ...rest } = place.snapshot();
  return rest;
}

/** A volume in use: one program installed, so that there is something to lose. */
async function fill(): Promise<void> {
  const { url, sha256 } = place.serve("old.tar.gz", archive("tar.gz", { "bin/old": program("1") }));
  place.recipe("old", { artifacts: { "linux-x64": { url, sha256 } } });
  place.skill("older", { bins: ["old"] });
  expect((await place.run()).status).toBe(0);
}

interface Source {
  url: string;
  sha256: string;
  size?: number;
}

describe("a download that is not what the recipe promises leaves the volume as it was", () => {
  const table: [string, () => Source, number, RegExp[]][] = [
    [
      "another digest",
      () => ({ ...place.serve("zog.tar.gz", bytes), sha256: other }),
      4,
      [/error: zog: .*zog\.tar\.gz/, new RegExp(`sha256:${other}`), /hint: /],
    ],
    [
      "smaller than promised",
      () => ({ ...place.serve("zog.tar.gz", bytes), size: bytes.length + 1 }),
      4,
      [/error: zog: .*zog\.tar\.gz/],
    ],
    [
      "larger than promised",
      () => ({ ...place.serve("zog.tar.gz", bytes), size: 10 }),
      4,
      [/error: zog: .*zog\.tar\.gz/],
    ],
    [
      "404",
      () => place.serve("zog.tar.gz", bytes, { fault: "status", status: 404 }),
      5,
      [/404/, /hint: /],
    ],
    [
      "403",
      () => place.serve("zog.tar.gz", bytes, { fault: "status", status: 403 }),
      5,
      [/403/, /hint: /],
    ],
    ["a web page", () => place.serve("zog.tar.gz", bytes, { fault: "html" }), 4, [/web page/]],
    [
      "cut short",
      () => {
        const cut = bytes.subarray(0, bytes.length / 2);
        return place.serve("zog.tar.gz", cut);
      },
      4,
      [/error: zog: /],
    ],
    [
      "not an archive",
      () => place.serve("zog.tar.gz", Buffer.from("hello\n")),
      4,
      [/error: zog: /],
    ],
    [
      "without the promised program",
      () => place.serve("zog.tar.gz", archive("tar.gz", { "bin/other": program("1") })),
      2,
      [/bin\/zog/, /bin\/other/],
    ],
  ];
  test.each(table)("%s", async (_, source, expected, messages) => {
    await fill();
    const before = volume();
    place.recipe("zog", { artifacts: { "linux-x64": source() } });
    const { status, stderr } = await place.run();
    for (const message of messages) expect(stderr).toMatch(message);
    expect(status).toBe(expected);
    const { "manifest.json": manifest, ...trees } = volume();
    const { "manifest.json": had, ...treesBefore } = before;
    expect(trees).toEqual(treesBefore);
    expect(manifest).toBe(had);
  });
});

describe("recipes", () => {
  test("one with mistakes is reported with its lines, and the others work", async () => {
    const file = join(place.recipes, "zog.yaml");
    writeFileSync(file, "name: zog\nversion: 1.10\nlicence: MIT\nbins: { zog: ../zog }\n");
    const source = place.serve("jqq.tar.gz", archive("tar.gz", { "bin/jqq": program("1") }));
    place.recipe("jqq", { artifacts: { "linux-x64": source } });
    place.skill("json", { bins: ["jqq"] });
    const { stderr } = await place.run();
    expect(stderr).toMatch(/zog\.yaml:2: .*\n.*version: "1\.10"/);
    expect(stderr).toMatch(/zog\.yaml:3: .*licence/);
    expect(stderr).toMatch(/zog\.yaml:4: /);
    expect(Object.keys(place.manifest().tools)).toContain("jqq");
  });

  test("recipe check reports every problem at once", async () => {
    const file = join(place.recipes, "zog.yaml");
    writeFileSync(file, "name: Zog\nversion: 1.10\nbins: { zog: ../zog }\n");
    const { status, stdout } = await place.run("recipe", "check", file);
    expect(status).toBe(2);
    expect(stdout.match(/zog\.yaml:\d+/g)?.length).toBeGreaterThan(3);
    expect(stdout).toMatch(/right:/);
    expect(stdout).toMatch(/0 of 1 right/);
  });

  test("a directory that is not there", async () => {
    const { status, stderr } = await place.run("--recipes", join(place.dir, "nowhere"));
    expect(status).toBe(2);
    expect(stderr).toMatch(/nowhere[\s\S]*hint: /);
  });
});

describe("the volume", () => {
  const offer = (): void =>
    place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });

  test("a prefix that does not exist yet is made", async () => {
    offer();
    const prefix = join(place.dir, "a", "b");
    expect((await place.run("--prefix", prefix)).status).toBe(0);
    expect(snapshotOf(prefix)["manifest.json"]).toBeDefined();
  });

  test("a file in its place", async () => {
    offer();
    writeFileSync(place.prefix, "mine");
    const { status, stderr } = await place.run();
    expect(status).toBe(2);
    expect(stderr).toMatch(/volume[\s\S]*hint: /);
    expect(readFileSync(place.prefix, "utf8")).toBe("mine");
  });

  test("one on a file system that accepts no directory", async () => {
    offer();
    const { status, stderr } = await place.run("--prefix", "/proc/here/volume");
    expect(status).toBe(5);
    expect(stderr).toMatch(/cannot create \/proc\/here: [\s\S]*hint: /);
  });

  test("a relative one", async () => {
    const { status, stderr } = await place.run("--prefix", "here");
    expect(status).toBe(2);
    expect(stderr).toMatch(/"here" is not an absolute path/);
    expect(stderr).toMatch(/hint: Use an absolute path: --prefix \/.+\/here\./);
  });

  test("one that PATH cannot name", async () => {
    offer();
    for (const [name, why] of [
      ["a:b", "a colon"],
      ["a\nb", "a line break"],
    ] as const) {
      const { status, stderr } = await place.run("--prefix", join(place.dir, name));
      expect(status).toBe(2);
      expect(stderr).toContain(`contains ${why}`);
      expect(snapshotOf(join(place.dir, name))).toEqual({});
    }
  });

  test("one with signs of the shell: the line for a profile is what a shell reads", async () => {
    offer();
    const prefix = join(place.dir, 'o\'l "$HOME" `id` \\ ü');
    const { status, stderr } = await place.run("--prefix", prefix);
    expect(status).toBe(0);
    const line = stderr.split("\n").find((one) => one.includes("export PATH=")) ?? "";
    const path = execFileSync("sh", ["-c", `${line}; printf %s "$PATH"`], { encoding: "utf8" });
    expect(path.split(":").at(-1)).toBe(join(prefix, "bin"));
  });

  test.skipIf(process.getuid?.() === 0)("one that may not be written to", async () => {
    offer();
    mkdirSync(place.prefix);
    chmodSync(place.prefix, 0o555);
    const { status, stderr } = await place.run();
    expect(status).toBe(5);
    expect(stderr).toMatch(/permission denied[\s\S]*chown/);
    expect(Object.keys(place.snapshot())).toEqual(["."]);
    chmodSync(place.prefix, 0o755);
  });

  test("one of another platform is refused before anything is changed", async () => {
    await fill();
    offer();
    const manifest = { ...place.manifest(), platform: "linux-arm64-musl" };
    writeFileSync(join(place.prefix, "manifest.json"), JSON.stringify(manifest));
    const before = place.snapshot();
    const { status, stderr } = await place.run();
    expect(status).toBe(2);
    expect(stderr).toMatch(/linux-arm64-musl.*linux-x64-glibc.*\[E_VOLUME_PLATFORM\]/);
    expect(place.snapshot()).toEqual(before);
  });

  test("a link in place of one of its directories is not followed", async () => {
    offer();
    mkdirSync(place.prefix);
    const outside = join(place.dir, "outside");
    mkdirSync(outside);
    const { symlinkSync } = await import("node:fs");
    symlinkSync(outside, join(place.prefix, "bin"));
    const { status, stderr } = await place.run();
    expect(status).toBe(2);
    expect(stderr).toMatch(/bin is a link out of the volume/);
    expect(Object.keys(snapshotOf(outside))).toEqual(["."]);
  });
});

describe("names and skills", () => {
  test("an unknown NAME, with the nearest known one", async () => {
    place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
    const { status, stderr } = await place.run("zogg");
    expect(status).toBe(2);
    expect(stderr).toMatch(/"zogg"[\s\S]*Did you mean zog\?/);
    expect(place.snapshot()).toEqual({});
  });

  test("with a version is answered with how to have another one", async () => {
    place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
    const { status, stderr } = await place.run("zog@0.9.0");
    expect(status).toBe(2);
    expect(stderr).toMatch(/"zog@0\.9\.0"[\s\S]*hint: .* recipe new zog@0\.9\.0\n/);
  });

  test.each([
    ["lst", "list"],
    ["lsit", "list"],
    ["instal", "install"],
    ["Doctor", "doctor"],
    ["requirement", "requirements"],
    ["bundel", "bundle"],
    ["rm", "remove"],
    ["upgrade", "update"],
    ["conf", "config"],
    ["serach", "search"],
    ["rolback", "rollback"],
    ["pin", "hold"],
    ["show", "info"],
  ])("a verb that was mistyped is asked back: %s", async (word, verb) => {
    const { status, stderr } = await place.run(word);
    expect(status).toBe(2);
    expect(stderr).toContain(`Did you mean ${verb}?`);
    expect(place.snapshot()).toEqual({});
  });

  test("a tool is a NAME, however near its name is to a verb", async () => {
    place.recipe("lst", {
      artifacts: {
        "linux-x64": place.serve("lst.tar.gz", archive("tar.gz", { "bin/lst": program("1") })),
      },
    });
    expect((await place.run("lst")).stderr).toMatch(/1 installed/);
  });

  test("no verb is meant by what is near to none, or is not the first word", async () => {
    for (const words of [["gcd"], ["zog", "lst"], ["update", "lst"]]) {
      place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
      const { status, stderr } = await place.run(...words);
      expect(status).toBe(2);
      expect(stderr).not.toMatch(/Did you mean (gc|list)\?/);
    }
  });

  test.each(["watch", "health", "policy"])("%s, not as the first word", async (verb) => {
    const { status, stderr } = await place.run("-q", verb);
    expect(status).toBe(2);
    expect(stderr).toContain(`error: ${verb} must be the first word [E_USAGE]`);
  });

  test.each([
    [["completion"], "completion: no shell is named"],
    [["recipe"], "recipe: no verb is named"],
    [["recipe", "nope"], "recipe nope: no such verb"],
    [["recipe", "new"], "recipe new: no source is named"],
  ])("a word that is missing or unknown: %j", async (words, message) => {
    const { status, stderr } = await place.run(...words);
    expect(status).toBe(2);
    expect(stderr).toContain(`error: ${message} [E_`);
  });

  test("an unknown --skill", async () => {
    const { status, stderr } = await place.run("--skill", "mial");
    expect(status).toBe(2);
    expect(stderr).toMatch(/mial.*\[E_UNKNOWN_NAME\][\s\S]*Did you mean mail\?/);
  });

  test("no skill in a directory that was named", async () => {
    const empty = join(place.dir, "empty");
    mkdirSync(empty);
    const { status, stderr } = await place.run("--skills-dir", empty);
    expect(status).toBe(2);
    expect(stderr).toMatch(/empty.*\[E_SKILLS_DIRECTORY\][\s\S]*hint: /);
    expect(place.snapshot()).toEqual({});
  });

  test("a skills directory that does not exist", async () => {
    const { status, stderr } = await place.run("--skills-dir", join(place.dir, "nowhere"));
    expect(status).toBe(2);
    expect(stderr).toMatch(/nowhere[\s\S]*hint: /);
  });

  test("no skill anywhere is a warning: a new agent has none", async () => {
    const { status, stderr } = await place.runWith({ OPENCLAW_SKILL_DIRS: "" });
    expect(status).toBe(0);
    expect(stderr).toMatch(/warning: no skills found/);
    place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
    for (const dirs of ["", place.recipes]) {
      const named = await place.runWith({ OPENCLAW_SKILL_DIRS: dirs }, "zog");
      expect([named.status, named.stderr]).toEqual([0, expect.not.stringMatching(/no skill/)]);
    }
  });

  test("a hostile program name is reported and never used", async () => {
    place.skill("evil", { bins: ["../../bin/sh", "-rf", "a b"] });
    place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
    const { status, stderr } = await place.run();
    expect(status).toBe(0);
    for (const name of ["../../bin/sh", "-rf", "a b"]) {
      expect(stderr).toContain(
        `requires ${JSON.stringify(name)}, which is not a valid program name`,
      );
    }
    expect(Object.keys(place.manifest().tools)).toEqual(["zog"]);
  });

  test("a rejected SKILL.md is reported with its file and the reason", async () => {
    mkdirSync(join(place.skills, "broken"));
    writeFileSync(
      join(place.skills, "broken", "SKILL.md"),
      "---\nname: broken\nname: twice\n---\n",
    );
    place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
    const { status, stderr } = await place.run();
    expect(status).toBe(0);
    expect(stderr).toMatch(/warning: .*broken\/SKILL\.md is not read: /);
  });

  test("a program without a recipe is a warning; under --strict exit status 3", async () => {
    place.skill("odd", { bins: ["unheard-of"] });
    place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
    const first = await place.run();
    expect(first.status).toBe(0);
    expect(first.stderr).toMatch(/warning: unheard-of \(for odd\).*\[E_NO_RECIPE\]/);
    expect((await place.run("--strict")).status).toBe(3);
  });

  test("--offline: what is missing is a warning", async () => {
    place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
    const { status, stderr } = await place.run("--offline");
    expect(status).toBe(0);
    expect(stderr).toMatch(/warning: zog: .*offline/);
    expect(stderr).not.toMatch(/^error/m);
    const strict = await place.run("--offline", "--strict");
    expect([strict.status, strict.stderr]).toEqual([
      3,
      expect.stringMatching(/^error: zog: .*offline/m),
    ]);
    expect(place.server.hits()).toBe(0);
  });
});

test.each([
  ["--nope", /--nope/],
  ["--json=xml", /--json=xml/],
  ["--platform=plan9", /plan9/],
])("%s is refused with the next step", async (word, message) => {
  const { status, stderr } = await place.run(word);
  expect(status).toBe(2);
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/hint: /);
});

describe("openclaw.json", () => {
  const withConfig = (text: string) => {
    const file = join(place.home, "openclaw.json");
    writeFileSync(file, text);
    return place.runWith({ OPENCLAW_CONFIG_PATH: file }, "requirements");
  };
  test("broken: a clear message with the place, and the run goes on", async () => {
    const { status, stderr, stdout } = await withConfig("{ skills: { entries: ");
    expect(status).toBe(0);
    expect(stderr).toMatch(/warning: .*openclaw\.json:\d+:\d+/);
    expect(stdout).toMatch(/mail/);
  });
  test("with unknown keys: told, and the rest is used", async () => {
    const { stderr, stdout } = await withConfig(
      "{ /* mine */ skills: { entries: { mail: { enabled: false } }, persistentBinaries: [] } }",
    );
    expect(stderr).toMatch(/warning: .*persistentBinaries/);
    expect(stdout).toMatch(/mail\s+no\s/);
  });
});

test("a Node whose zlib is of another kind installs all the same", async () => {
  const files = { "bin/zog": program("1.0.0"), data: { body: randomBytes(100_000) } };
  const source = place.serve("zog.tar.gz", archive("tar.gz", files));
  place.recipe("zog", { artifacts: { "linux-x64": source } });
  const other = join(repository, "test/support/other-zlib.cjs");
  const { status, stderr } = await place.runWith({ NODE_OPTIONS: `--require ${other}` }, "zog");
  expect(stderr).toMatch(/zog 1\.0\.0/);
  expect(status).toBe(0);
  expect(place.snapshot()).toHaveProperty("bin/zog");
});

test("a Node whose zlib never answers is told as a bug, and not as success", async () => {
  const files = { "bin/zog": program("1.0.0"), data: { body: randomBytes(100_000) } };
  const source = place.serve("zog.tar.gz", archive("tar.gz", files));
  place.recipe("zog", { artifacts: { "linux-x64": source } });
  const silent = join(repository, "test/support/silent-zlib.cjs");
  const { status, stderr } = await place.runWith({ NODE_OPTIONS: `--require ${silent}` });
  expect(stderr).toMatch(/This is a bug.*\nno work is pending, but the run has not finished\n$/);
  expect(status).toBe(1);
  expect(place.snapshot()).not.toHaveProperty("manifest.json");
});

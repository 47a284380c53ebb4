/** A seed is a volume that an image carries: its trees are taken before the network is asked. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, snapshotOf, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let seed: string;
let begin: () => void;
beforeAll(async () => {
  place = await openWorkplace();
  seed = join(place.dir, "seed");
  place.skill("mail", { bins: ["zog"] });
  begin = place.keep();
});
beforeEach(() => begin());
afterAll(async () => {
  await place.close();
  for (const copy of filled) rmSync(copy, { recursive: true });
});

function offer(version: string, over: object = {}): void {
  const name = "zog";
  const tree = { [`bin/${name}`]: program(version), "share/notes": version };
  const source = place.serve(`${name}-${version}.tar.gz`, archive("tar.gz", tree));
  place.recipe(name, { version, artifacts: { "linux-x64": { ...source, ...over } } });
}

/** Copies of volumes, as they were filled once. */
const filled = new Set<string>();

/** Fills an empty volume, as an image's build stage does. */
async function fill(prefix: string, version: string): Promise<void> {
  offer(version);
  const copy = `${place.dir}.${basename(prefix)}-${version}`;
  if (!filled.has(copy)) {
    const { status, stderr } = await place.run("--prefix", prefix, "-f");
    expect(status, stderr).toBe(0);
    execFileSync("cp", ["-a", prefix, copy]);
    filled.add(copy);
  } else execFileSync("cp", ["-a", copy, prefix]);
}
const withSeed = (...args: string[]) => place.run("--seed", seed, ...args);
const ask = (name = "zog"): string =>
  execFileSync(join(place.prefix, "bin", name), ["--version"], { encoding: "utf8" }).trim();
const treeOf = (prefix: string): string =>
  JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8")).tools.zog.dir;

describe("what the catalogue wants", () => {
  test("fills an empty volume without a request; the record says where from", async () => {
    await fill(seed, "1.0.0");
    const before = place.server.hits();
    const { status, stderr } = await withSeed();
    expect(stderr).toMatch(/zog 1\.0\.0: installed zog/);
    expect(status).toBe(0);
    expect(place.server.hits()).toBe(before);
    expect(ask()).toBe("1.0.0");
    const record = place.manifest().tools.zog as { source?: object };
    expect(record.source).toMatchObject({ kind: "archive", seed });
    const { ".openclaw-skill-deps.json": own, ...files } = snapshotOf(
      join(place.prefix, treeOf(place.prefix)),
    );
    const { ".openclaw-skill-deps.json": theirs, ...expected } = snapshotOf(
      join(seed, treeOf(seed)),
    );
    expect(files).toEqual(expected);
    expect(own).not.toBe(theirs);
    expect((await withSeed()).stderr).toMatch(/nothing to do/);
    expect((await place.run("doctor", "--deep")).stdout).toMatch(
      /intact: zog 1\.0\.0 \(every file/,
    );
  });

  test("replaces an older tool of the volume, which a plain run would keep", async () => {
    await fill(place.prefix, "1.0.0");
    await fill(seed, "2.0.0");
    const before = place.server.hits();
    await place.run("--seed", "");
    expect(ask()).toBe("1.0.0");
    expect((await withSeed("--offline")).status).toBe(0);
    expect(ask()).toBe("2.0.0");
    expect(place.server.hits()).toBe(before);
  });

  test("the environment names it too", async () => {
    await fill(seed, "1.0.0");
    const { status } = await place.runWith({ OPENCLAW_SKILL_SEED: seed }, "--offline");
    expect([status, ask()]).toEqual([0, "1.0.0"]);
  });
});

describe("what the volume has newer is kept", () => {
  test.each([["with a recipe"], ["without one"]])("%s, online and offline", async (how) => {
    await fill(seed, "1.0.0");
    await fill(place.prefix, "2.0.0");
    if (how === "with a recipe") offer("1.0.0");
    else unlinkSync(join(place.recipes, "zog.yaml"));
    for (const args of [[], ["--offline"]]) {
      const { status, stderr } = await withSeed(...args);
      expect(status).toBe(0);
      expect(stderr).toMatch(/nothing to do/);
      expect(ask()).toBe("2.0.0");
    }
  });
});

describe("a way out", () => {
  test("no recipe: the seed's tool is used, and an older one of the volume is replaced", async () => {
    await fill(place.prefix, "1.0.0");
    await fill(seed, "2.0.0");
    unlinkSync(join(place.recipes, "zog.yaml"));
    expect((await withSeed()).status).toBe(0);
    expect(ask()).toBe("2.0.0");
    rmSync(place.prefix, { recursive: true });
    expect((await withSeed("zog")).status).toBe(0);
    expect(ask()).toBe("2.0.0");
  });

  test("the catalogue is newer than the seed and cannot be fetched: the seed's, with a warning", async () => {
    await fill(seed, "1.0.0");
    offer("2.0.0", { url: new URL("/gone.tar.gz", place.server.registry).href });
    const { status, stderr } = await withSeed();
    expect(stderr).toMatch(/warning: zog 1\.0\.0 .*2\.0\.0 .*404.*\[E_OLDER_VERSION\]/);
    expect(status).toBe(0);
    expect(ask()).toBe("1.0.0");
  });

  test("but not for bytes that are wrong", async () => {
    await fill(seed, "1.0.0");
    offer("2.0.0", { sha256: "0".repeat(64) });
    const { status } = await withSeed();
    expect(status).toBe(4);
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(false);
  });

  test("the catalogue is newer and can be fetched: it is", async () => {
    await fill(seed, "1.0.0");
    offer("2.0.0");
    expect((await withSeed()).status).toBe(0);
    expect(ask()).toBe("2.0.0");
  });

  test("no skill in view, nothing recorded: the seed is had whole", async () => {
    await fill(seed, "1.0.0");
    rmSync(join(place.skills, "mail"), { recursive: true });
    const empty = join(place.dir, "nothing");
    const environment = { OPENCLAW_SKILL_DIRS: "", HOME: empty, OPENCLAW_SKILL_SEED: seed };
    expect((await place.runWith(environment, "--offline")).status).toBe(0);
    expect(ask()).toBe("1.0.0");
  });
});

describe("a seed that is not as published", () => {
  const damages: [string, (tree: string) => void][] = [
    ["a changed byte", (tree) => appendFileSync(join(tree, "bin/zog"), "#")],
    ["a missing file", (tree) => unlinkSync(join(tree, "share/notes"))],
    [
      "a link in place of a file",
      (tree) => {
        unlinkSync(join(tree, "share/notes"));
        symlinkSync("/etc/passwd", join(tree, "share/notes"));
      },
    ],
  ];
  test.each(damages)("%s: refused; the network has it, or the run fails", async (_what, damage) => {
    await fill(seed, "1.0.0");
    damage(join(seed, treeOf(seed)));
    const offline = await withSeed("--offline");
    expect(offline.status).toBe(4);
    expect(offline.stderr).toMatch(/seed/);
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(false);
    const online = await withSeed();
    expect(online.status).toBe(0);
    expect(online.stderr).toMatch(/warning: zog: .*seed/);
    expect(ask()).toBe("1.0.0");
  });

  test("its manifest cannot be read: a warning; a named one that is not there: an error", async () => {
    await fill(seed, "1.0.0");
    writeFileSync(join(seed, "manifest.json"), "{");
    const { status, stderr } = await withSeed();
    expect(status).toBe(0);
    expect(stderr).toMatch(/warning: the seed .*not JSON.*\[E_SEED\]/);
    const absent = await place.run("--seed", join(place.dir, "none"));
    expect(absent.status).toBe(2);
    expect(absent.stderr).toMatch(/there is no seed in/);
  });

  test("another platform's is not used", async () => {
    await fill(seed, "1.0.0");
    const path = join(seed, "manifest.json");
    const text = readFileSync(path, "utf8").replace("linux-x64-glibc", "linux-arm64-glibc");
    writeFileSync(path, text);
    const { stderr } = await withSeed();
    expect(stderr).toMatch(/linux-arm64-glibc.*\[E_SEED\]/);
    expect(ask()).toBe("1.0.0");
  });
});

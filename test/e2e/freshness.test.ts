/** After which words a run leaves a freshness record, by the built command: the sh script answers them then. */

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { $ } from "zx";
import { archive, program } from "../support/archives.ts";
import { copyPackage } from "../support/package.ts";
import { started } from "../support/started.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  offer("owl");
  place.skill("mail", { bins: ["owl"] });
});
afterAll(() => place.close());
beforeEach(async () => void (await start()));

function offer(name: string): void {
  const bytes = archive("tar.gz", { [`bin/${name}`]: program("1.0.0"), data: "data" });
  const source = place.serve(`${name}.tar.gz`, bytes);
  place.recipe(name, { artifacts: { "linux-x64": source } });
}

async function start(...args: string[]) {
  const command = join(repository, "entrypoint/openclaw-install-skill-deps");
  const env = { ...place.env, OPENCLAW_SKILL_DEPS_NODE: process.execPath };
  const options = { env, cwd: place.home, nothrow: true, quiet: true };
  const { exitCode, stdout, stderr } = await $(options)`sh ${command} ${args}`;
  return { status: exitCode, stdout, stderr, alone: /programs present: \d/.test(stderr) };
}

test.each([
  [["--jobs", "2"]],
  [["--ignore-system", "--offline", "--no-progress"]],
  [["install", "owl"]],
  [["--all", "-v"]],
])("%j: the next run with these words needs no Node", async (words) => {
  expect((await start(...words)).alone).toBe(false);
  const { status, alone, stderr } = await start(...words);
  expect([status, alone], stderr).toEqual([0, true]);
  expect((await start(...words, "--skill=x")).alone).toBe(false);
});

test.each([
  [["--json"], /"schema": 1/],
  [["--dry-run"], /owl/],
  [["list"], /owl/],
  [["doctor"], /owl/],
  [["requirements"], /mail/],
])("%j: Node answers each time", async (words, expected) => {
  expect((await start()).alone).toBe(true);
  for (const _ of [1, 2]) {
    const { stdout, stderr, alone } = await start(...words);
    expect([alone, stdout]).toEqual([false, expect.stringMatching(expected)]);
    expect(stderr).not.toContain("asking Node");
  }
});

test.each([[["update"]], [["-f"]], [["-qf"]]])("%j works each time", async (words) => {
  for (const _ of [1, 2]) {
    const { alone, status, stderr } = await start(...words, "-v");
    expect([alone, status]).toEqual([false, 0]);
    expect(stderr.includes("asking Node: ") || words[0] === "-qf").toBe(true);
  }
});

test("-v says that recipes changed, and the run with them is the last that needs Node", async () => {
  place.recipe("other", { artifacts: { "linux-x64": place.serve("other.gz", Buffer.alloc(1)) } });
  expect((await start("-v")).stderr).toMatch(
    /asking Node: recipes have changed since the last run/,
  );
  expect((await start("-v")).alone).toBe(true);
});

test("names that earlier versions gave to these files are ignored, and removed when they are old", async () => {
  await start();
  const share = join(place.prefix, "share/openclaw-skill-deps");
  const old = ["steady", "settled.json", "sweep-due"].map((name) => join(share, name));
  mkdirSync(join(share, "steady/any-linux-1-0123456789ab/programs"), { recursive: true });
  for (const file of old.slice(1)) writeFileSync(file, "{}");
  expect((await start()).alone).toBe(true);
  expect((await start("--jobs", "2")).status).toBe(0);
  expect(old.map((path) => existsSync(path))).toEqual([true, true, true]);
  for (const path of old) utimesSync(path, 1, 1);
  expect((await start("--jobs", "3")).status).toBe(0);
  expect(old.map((path) => existsSync(path))).toEqual([false, false, false]);
  expect(existsSync(join(share, "freshness"))).toBe(true);
});

describe("a program that nothing requires", () => {
  const yak = (): string => join(place.prefix, "bin/yak");
  beforeEach(async () => {
    offer("yak");
    place.skill("herd", { bins: ["yak"] });
    expect((await start()).status).toBe(0);
    rmSync(join(place.skills, "herd"), { recursive: true });
    await start();
  });
  afterEach(() => rmSync(place.prefix, { recursive: true }));

  test.each<[string, () => void]>([
    ["truncated", () => writeFileSync(realpathSync(yak()), "x")],
    ["gone", () => rmSync(realpathSync(yak()))],
    ["not linked", () => rmSync(yak())],
    ["linked elsewhere", () => symlinkSync("../lib/elsewhere", remove(yak()))],
  ])(
    "and that is %s: one run needs Node for that, and one that requires it again",
    async (_, damage) => {
      damage();
      expect((await start()).alone).toBe(false);
      expect((await start()).alone).toBe(true);
      place.skill("herd", { bins: ["yak"] });
      expect((await start()).stderr).toMatch(/yak 1.0.0: (installed|linked)/);
      rmSync(join(place.skills, "herd"), { recursive: true });
    },
  );

  test("a host without Node whose skills require it does not find it good when it is damaged", async () => {
    const packageDir = copyPackage(join(place.dir, "package"));
    await place.run("recipe", "compile", place.recipes, join(packageDir, "dist/catalogue.json"));
    const command = join(packageDir, "entrypoint/openclaw-install-skill-deps");
    const home = join(place.dir, "elsewhere");
    const run = async (env: Record<string, string>) =>
      await started(["sh", command], {
        env: { ...place.env, OPENCLAW_SKILL_RECIPES: "", ...env },
        cwd: place.home,
      });
    const provision = async () => expect((await run({})).status).toBe(0);
    const elsewhere = { HOME: home, OPENCLAW_SKILL_DIRS: "", OPENCLAW_SKILL_DEPS_NODE: "none" };
    await provision();
    for (const name of ["mail", "herd"]) {
      place.skill("herd", { bins: ["yak"] });
      cpSync(join(place.skills, name), join(home, ".openclaw/skills", name), { recursive: true });
    }
    await provision();
    rmSync(join(place.skills, "herd"), { recursive: true });
    await provision();
    expect((await run(elsewhere)).stderr).toMatch(/programs present: 2/);
    writeFileSync(realpathSync(yak()), "x");
    await provision();
    expect((await run(elsewhere)).stderr).toMatch(/not verified: /);
    rmSync(join(home, ".openclaw/skills/herd"), { recursive: true });
    expect((await run(elsewhere)).stderr).toMatch(/programs present: 1/);
  });
});

function remove(path: string): string {
  rmSync(path);
  return path;
}

describe("what changes after a run has looked at it, before its record is printed, is found by the next run", () => {
  /** A find that makes a change once. */
  function changingFind(change: string): string {
    const bin = join(place.dir, "changing");
    rmSync(bin, { recursive: true, force: true });
    mkdirSync(bin);
    const once = `[ -e '${bin}/done' ] || { : >'${bin}/done'; ${change}; }`;
    const find = `#!/bin/sh\nPATH='${place.env.PATH}'\n${once}\nexec find "$@"\n`;
    writeFileSync(join(bin, "find"), find);
    chmodSync(join(bin, "find"), 0o755);
    return `${bin}:${place.env.PATH}`;
  }

  const edit = "const m = require(f); m.tools = {}; fs.writeFileSync(f, JSON.stringify(m))";
  const forget = `'${process.execPath}' -e 'const f = process.argv[1]; ${edit}'`;

  test.each([
    [
      "a byte of a tree",
      "lib/owl/*/data",
      "printf X | dd conv=notrunc bs=1 of=FILE",
      /installed owl/,
    ],
    ["a file beside a program", "lib/owl/*/bin", ": >FILE/more", /installed owl/],
    ["a link", "bin/owl", "cp -L FILE FILE.new; mv FILE.new FILE", /owl 1.0.0: linked again/],
    ["a tree, which goes", "lib/owl", "mv FILE FILE.away", /installed owl/],
    ["a tool of the manifest", "manifest.json", `${forget} FILE`, /owl/],
    ["a file of settings", "../home/.openclaw/.env", ": >FILE", /nothing to do; /],
  ])("%s", async (_, file, change, expected) => {
    rmSync(place.prefix, { recursive: true });
    mkdirSync(join(place.home, ".openclaw"), { recursive: true });
    const paths = `for file in '${place.prefix}'/${file}; do ${change.replaceAll("FILE", '"$file"')}; done`;
    const PATH = changingFind(paths);
    expect((await place.start({ PATH })).stderr).toMatch(/1 installed/);
    const next = await place.start({});
    expect([next.alone, next.stderr]).toEqual([false, expect.stringMatching(expected)]);
    expect((await place.start({})).status).toBe(0);
    rmSync(join(place.home, ".openclaw"), { recursive: true });
  });
});

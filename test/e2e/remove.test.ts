import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { namesWithoutCommand } from "../support/own-command.ts";
import { started } from "../support/started.ts";
import { entrypoint, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let empty: () => void;
beforeAll(async () => {
  place = await openWorkplace();
  empty = place.keep();
});
beforeEach(() => empty());
afterAll(() => place.close());

function offer(name: string, version = "1.0.0", more: object = {}): void {
  const tree = { [`bin/${name}`]: program(version), "lib/data": "x".repeat(50_000) };
  const source = place.serve(`${name}-${version}.tar.gz`, archive("tar.gz", tree));
  place.recipe(name, { version, artifacts: { "linux-x64": source }, ...more });
}

const at = (path: string): string => join(place.prefix, path);
const tools = (): string[] => Object.keys(place.manifest().tools);
const ask = (name: string): string =>
  execFileSync(at(`bin/${name}`), ["--version"], { encoding: "utf8" }).trim();
const skill = (name: string, bin: string): void => place.skill(name, { bins: [bin] });
const forgetSkill = (name: string): void => rmSync(join(place.skills, name), { recursive: true });

describe("remove", () => {
  let installed: () => void;
  beforeAll(async () => {
    offer("zog");
    offer("yak", "1.0.0", { needs: ["zog"] });
    offer("owl");
    skill("mail", "owl");
    expect((await place.run("yak")).status).toBe(0);
    expect((await place.run()).status).toBe(0);
    expect(tools()).toEqual(["owl", "yak", "zog"]);
    installed = place.keep();
  });
  beforeEach(() => installed());

  test("takes the program, its link, its tree and its line in the manifest away", async () => {
    const { status, stderr, stdout } = await place.run("remove", "yak", "--json");
    expect(status).toBe(0);
    expect(stderr).toMatch(/zog is no longer used; .* gc/);
    expect(JSON.parse(stdout)).toMatchObject({
      dryRun: false,
      removed: [{ tool: "yak", version: "1.0.0", bins: ["yak"] }],
    });
    expect(JSON.parse(stdout).removed[0].bytes).toBeGreaterThan(50_000);
    expect(tools()).toEqual(["owl", "zog"]);
    expect(namesWithoutCommand(at("bin"))).toEqual(["owl", "zog"]);
    expect(namesWithoutCommand(at("lib"))).toEqual([".staging", "owl", "zog"]);
    expect(readdirSync(at("lib/.staging"))).toEqual([]);
    expect(ask("owl")).toBe("1.0.0");
  });

  test("several, by tool or program; a needed one goes with those that need it", async () => {
    expect((await place.run("remove", "zog", "yak")).status).toBe(0);
    expect(tools()).toEqual(["owl"]);
  });

  test("what another one needs is refused, and nothing changes", async () => {
    const before = place.snapshot();
    const { status, stderr } = await place.run("remove", "owl", "zog");
    expect(status).toBe(2);
    expect(stderr).toMatch(/zog is required by yak/);
    expect(stderr).toMatch(/remove yak owl zog/);
    expect(place.snapshot()).toEqual(before);
  });

  test("what a skill asks for goes, and it is said that it comes back", async () => {
    const { status, stderr } = await place.run("remove", "owl");
    expect(status).toBe(0);
    expect(stderr).toMatch(/owl .*mail.*\[E_STILL_REQUESTED\]/);
    expect(stderr).toMatch(/skills\.entries\.mail\.enabled: false/);
    expect(existsSync(at("bin/owl"))).toBe(false);
    expect((await place.run()).status).toBe(0);
    expect(ask("owl")).toBe("1.0.0");
  });

  test("a name that nothing has is an error with the nearest one; what is gone is gone", async () => {
    const before = place.snapshot();
    const wrong = await place.run("remove", "owll");
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toMatch(/"owll".*\[E_UNKNOWN_NAME\][\s\S]*Did you mean owl\?/);
    expect((await place.run("remove")).status).toBe(2);
    expect(place.snapshot()).toEqual(before);
    expect((await place.run("remove", "yak")).status).toBe(0);
    const again = await place.run("remove", "yak");
    expect(again).toMatchObject({ status: 0 });
    expect(again.stderr).toMatch(/yak is not installed/);
  });

  test("--dry-run changes nothing", async () => {
    const before = place.snapshot();
    const { status, stdout } = await place.run("remove", "yak", "--dry-run");
    expect(status).toBe(0);
    expect(stdout).toMatch(/would remove yak 1\.0\.0/);
    expect(place.snapshot()).toEqual(before);
  });

  test("a program in bin/ that is somebody else's stays, and so does another tool's", async () => {
    rmSync(at("bin/yak"));
    symlinkSync("/bin/true", at("bin/yak"));
    expect((await place.run("remove", "yak")).status).toBe(0);
    expect(existsSync(at("bin/yak"))).toBe(true);
  });

  test("a volume that cannot be written to is a failure: nothing was removed", async () => {
    rmSync(at("lib/.staging"), { recursive: true, force: true });
    symlinkSync(place.home, at("lib/.staging"));
    const { status, stderr } = await place.run("remove", "yak");
    expect(status).toBe(2);
    expect(stderr).toMatch(/\.staging is a link out of the volume/);
    expect(tools()).toContain("yak");
  });

  test("the entrypoint says nothing of 'nothing to do' after it", async () => {
    const env = {
      PATH: "/usr/bin:/bin",
      HOME: place.home,
      OPENCLAW_SKILL_DEPS_NODE: process.execPath,
      OPENCLAW_SKILL_PREFIX: place.prefix,
      OPENCLAW_SKILL_DIRS: place.skills,
      OPENCLAW_SKILL_RECIPES: place.recipes,
      OPENCLAW_SKILL_PROFILE_DIR: "",
    };
    const run = (...args: string[]) => started(["sh", entrypoint, ...args], { env });
    await run();
    expect((await run()).stderr).toMatch(/nothing to do/);
    await run("remove", "owl");
    expect(existsSync(at("bin/owl"))).toBe(false);
    await run();
    expect(ask("owl")).toBe("1.0.0");
  });
});

describe("gc", () => {
  test("takes what no skill, nobody and no used tool asks for; keeps what was named", async () => {
    offer("zog");
    offer("yak", "1.0.0", { needs: ["zog"] });
    offer("owl");
    offer("elk");
    skill("herd", "yak");
    skill("mail", "owl");
    expect((await place.run()).status).toBe(0);
    expect((await place.run("elk")).status).toBe(0);
    forgetSkill("herd");

    // The last run recorded the skill, and another container may see it.
    const kept = await place.run("gc");
    expect(kept.stderr).toMatch(/yak, zog: kept/);
    expect(tools()).toEqual(["elk", "owl", "yak", "zog"]);

    expect((await place.run()).status).toBe(0);
    const before = place.snapshot();
    const dry = await place.run("gc", "--dry-run");
    expect(dry.stdout).toMatch(/yak 1\.0\.0[\s\S]*zog 1\.0\.0[\s\S]*would be freed/);
    expect(place.snapshot()).toEqual(before);

    const { status, stdout } = await place.run("gc", "--json");
    expect(status).toBe(0);
    const document = JSON.parse(stdout);
    expect(document.tools.map(({ tool }: { tool: string }) => tool)).toEqual(["yak", "zog"]);
    expect(document.bytes).toBeGreaterThan(100_000);
    expect(tools()).toEqual(["elk", "owl"]);
    expect(namesWithoutCommand(at("lib"))).toEqual([".staging", "elk", "owl"]);
    expect(namesWithoutCommand(at("bin"))).toEqual(["elk", "owl"]);
    expect((await place.run("gc", "--json")).stdout).toMatch(/"bytes": 0/);
  });

  test("frees a replaced version at once, and what killed runs have left", async () => {
    offer("zog");
    skill("mail", "zog");
    expect((await place.run()).status).toBe(0);
    offer("zog", "1.1.0");
    expect((await place.run("update")).status).toBe(0);
    expect(readdirSync(at("lib/zog"))).toHaveLength(2);
    mkdirSync(at("lib/.staging/0123456789ab"));
    writeFileSync(at("lib/.staging/0123456789ab/x"), "x");
    utimesSync(at("lib/.staging/0123456789ab"), 1, 1);

    const busy = await place.run("gc");
    expect(busy.stderr).toMatch(/another run is working/);
    expect(readdirSync(at("lib/zog"))).toHaveLength(2);

    rmSync(at("lib/.staging/0123456789ab"), { recursive: true });
    const { status, stderr } = await place.run("gc");
    expect(status).toBe(0);
    expect(stderr).toMatch(/lib\/zog\/1\.0\.0-[0-9a-f]{12} \(.*[\s\S]*freed/);
    expect(readdirSync(at("lib/zog"))).toHaveLength(1);
    expect(ask("zog")).toBe("1.1.0");
  });

  test("takes nothing on a guess: a lost manifest, tools of which nobody knows who asked", async () => {
    offer("zog");
    offer("owl");
    skill("mail", "owl");
    expect((await place.run("zog")).status).toBe(0);
    rmSync(at("manifest.json"));
    const refused = await place.run("gc");
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/doctor --repair/);
    expect((await place.run()).status).toBe(0);
    expect((await place.run("gc")).status).toBe(0);
    expect(tools()).toEqual(["owl", "zog"]);
  });

  test("an empty place has nothing to free", async () => {
    skill("mail", "owl");
    const { status, stderr } = await place.run("gc");
    expect(status).toBe(0);
    expect(stderr).toMatch(/0 B freed/);
    expect(existsSync(place.prefix)).toBe(false);
  });
});

describe("outdated and update", () => {
  test("know every installed tool, also one that was installed by name", async () => {
    offer("zog");
    offer("owl");
    skill("mail", "owl");
    expect((await place.run("zog")).status).toBe(0);
    expect((await place.run()).status).toBe(0);
    offer("zog", "1.1.0");
    offer("owl", "1.2.0");
    expect(JSON.parse((await place.run("outdated", "--json")).stdout).tools).toEqual([
      { tool: "owl", installed: "1.0.0", newer: "1.2.0" },
      { tool: "zog", installed: "1.0.0", newer: "1.1.0" },
    ]);
    expect((await place.run("update")).status).toBe(0);
    expect([ask("zog"), ask("owl")]).toEqual(["1.1.0", "1.2.0"]);
    expect((await place.run("outdated")).stdout).toMatch(/nothing is outdated/);
  });

  test("update NAME updates that one, and refuses what is not installed", async () => {
    offer("zog");
    offer("owl");
    offer("elk");
    skill("mail", "owl");
    expect((await place.run("zog", "owl")).status).toBe(0);
    offer("zog", "1.1.0");
    offer("owl", "1.2.0");
    expect((await place.run("update", "zog")).status).toBe(0);
    expect([ask("zog"), ask("owl")]).toEqual(["1.1.0", "1.0.0"]);
    const { status, stderr } = await place.run("update", "elk");
    expect(status).toBe(2);
    expect(stderr).toMatch(/elk: not installed/);
    expect(tools()).toEqual(["owl", "zog"]);
  });

  test("a newer version brings what it newly needs", async () => {
    offer("zog");
    offer("owl");
    skill("mail", "owl");
    expect((await place.run("owl")).status).toBe(0);
    offer("owl", "1.1.0", { needs: ["zog"] });
    const { status, stderr } = await place.run("update");
    expect(stderr).not.toMatch(/error/);
    expect(status).toBe(0);
    expect(tools()).toEqual(["owl", "zog"]);
    expect((await place.run("gc")).status).toBe(0);
    expect(tools()).toEqual(["owl", "zog"]);
  });
});

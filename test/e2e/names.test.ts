/** Tools that are asked for by name: on a command line, in OPENCLAW_SKILL_TOOLS, or of a seed. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { perTest } from "../support/per-test.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
const share = perTest(open, (opened) => {
  place = opened;
});

async function open(): Promise<Workplace> {
  place = await openWorkplace();
  for (const name of ["zog", "yak", "owl"]) offer(name);
  place.skill("mail", { bins: ["owl"] });
  return place;
}

function offer(name: string, over: object = {}): void {
  const source = place.serve(
    `${name}.tar.gz`,
    archive("tar.gz", { [`bin/${name}`]: program("1.0.0") }),
  );
  place.recipe(name, { artifacts: { "linux-x64": source }, ...over });
}

const at = (path: string): string => join(place.prefix, path);
const runs = (name: string): boolean =>
  existsSync(at(`bin/${name}`)) && execFileSync(at(`bin/${name}`), ["--version"]).length > 0;
const tools = (): string[] => Object.keys(place.manifest().tools);
const requested = (): unknown => (place.manifest() as { requested?: unknown }).requested;

const start: Workplace["start"] = (env, ...args) => place.start(env, ...args);

const damages: [string, () => void][] = [
  ["cannot be executed", () => chmodSync(at("bin/zog"), 0o644)],
  ["is gone", () => rmSync(at("bin/zog"))],
  ["is gone with its tree", () => rmSync(at("lib/zog"), { recursive: true })],
  ["is empty", () => writeFileSync(at("bin/zog"), "")],
];

describe("a program that no recipe can provide", () => {
  test("is answered with the reason, as a skill's and as a NAME", async () => {
    place.skill("host", { bins: ["distrobox", "osascript", "unheard-of"] });
    const plain = await start({});
    expect(plain.stderr).toMatch(
      /distrobox \(for host\).*no recipe can provide it: it needs rights that a container does not have \[E_NO_RECIPE\]/,
    );
    expect(plain.stderr).toMatch(/osascript \(for host\).*: it is a part of macOS \[E_NO_RECIPE\]/);
    expect(plain.stderr).toMatch(/unheard-of \(for host\).*no recipe provides it \[E_NO_RECIPE\]/);
    const named = await start({}, "pbpaste");
    expect(named.stderr).toMatch(/no recipe can provide "pbpaste": it is a part of macOS/);
    expect(named.status).toBe(2);
  });

  test("is provided where someone has a recipe for it", async () => {
    offer("systemctl");
    expect((await start({}, "systemctl")).status).toBe(0);
    expect(runs("systemctl")).toBe(true);
  });
});

describe("a NAME", () => {
  describe("that is damaged", () => {
    share(async () => {
      await start({}, "zog");
      await start({});
    });
    test.each(damages)(
      "%s: a later plain run repairs it, with a skill in view",
      async (_, damage) => {
        await start({}, "zog");
        await start({});
        expect((await start({})).alone).toBe(true);
        damage();
        const { status, alone, stderr } = await start({});
        expect([status, alone], stderr).toEqual([0, false]);
        expect(runs("zog")).toBe(true);
        expect(stderr).not.toMatch(/nothing to do/);
        await start({});
        expect((await start({})).alone).toBe(true);
      },
    );
  });

  test("is repaired where no skill is in view, too", async () => {
    const nowhere = { OPENCLAW_SKILL_DIRS: "", HOME: join(place.dir, "nothing") };
    await start(nowhere, "zog");
    rmSync(at("bin/zog"));
    expect((await start(nowhere)).status).toBe(0);
    expect(runs("zog")).toBe(true);
  });

  test("does not count as present where the image has such a program", async () => {
    const image = join(place.dir, "image");
    mkdirSync(image);
    writeFileSync(join(image, "zog"), "#!/bin/sh\n", { mode: 0o755 });
    place.skill("chat", { bins: ["zog"] });
    const PATH = `${image}:${place.env.PATH}`;
    await place.runWith({ PATH });
    expect(tools()).toEqual(["owl"]);
    expect((await place.runWith({ PATH }, "zog")).status).toBe(0);
    expect(tools()).toEqual(["owl", "zog"]);
    rmSync(at("lib/zog"), { recursive: true });
    await place.runWith({ PATH });
    expect(runs("zog")).toBe(true);
  });

  test("that is not available yet is asked for by every later run", async () => {
    place.recipe("zog", { artifacts: { "linux-x64": missing() } });
    expect((await place.run("zog")).status).toBe(5);
    expect(requested()).toEqual(["zog"]);
    expect((await place.run()).status).toBe(5);
    offer("zog");
    expect((await place.run()).status).toBe(0);
    expect(runs("zog")).toBe(true);
  });

  test("that no recipe provides any more is unmet, and counts under --strict", async () => {
    await place.run("zog");
    rmSync(join(place.recipes, "zog.yaml"));
    expect((await place.run("--strict")).status).toBe(0);
    rmSync(at("lib/zog"), { recursive: true });
    const { status, stderr } = await place.run();
    expect([status, stderr]).toEqual([0, expect.stringMatching(/zog .*is unmet/)]);
    expect((await place.run("--strict")).status).toBe(3);
  });

  test("is kept by gc until remove ends it", async () => {
    await place.run("zog");
    await place.run("yak");
    await place.run("gc");
    expect(tools()).toEqual(["yak", "zog"]);
    await place.run("remove", "zog");
    await place.run();
    expect([tools(), requested()]).toEqual([["owl", "yak"], ["yak"]]);
  });

  test("that was never had is ended by remove, too", async () => {
    place.recipe("zog", { artifacts: { "linux-x64": missing() } });
    await place.run("zog");
    const { status, stderr } = await place.run("remove", "zog");
    expect([status, stderr]).toEqual([0, expect.stringMatching(/no longer requested by name/)]);
    expect(requested()).toEqual([]);
    expect((await place.run()).status).toBe(0);
  });

  test("a program of another name means its tool", async () => {
    offer("zog", { bins: { zed: "bin/zog" }, test: ["zed", "--version"] });
    expect((await place.run("zed")).status).toBe(0);
    expect(requested()).toEqual(["zog"]);
    rmSync(at("bin/zed"));
    await place.run();
    expect(runs("zed")).toBe(true);
  });
});

describe("OPENCLAW_SKILL_TOOLS", () => {
  const asks = (names: string) => ({ OPENCLAW_SKILL_TOOLS: names });

  test.each(["zog yak", "zog,yak", " yak,  zog "])(
    "'%s' is had beside what skills ask for",
    async (names) => {
      expect((await start(asks(names))).status).toBe(0);
      expect(tools()).toEqual(["owl", "yak", "zog"]);
      expect((await start(asks(names))).alone).toBe(true);
      rmSync(at("bin/yak"));
      expect((await start(asks(names))).status).toBe(0);
      expect(runs("yak")).toBe(true);
    },
  );

  test("a name that comes is seen, one that leaves is asked for no longer", async () => {
    await start({});
    expect((await start(asks("zog"))).alone).toBe(false);
    expect(tools()).toEqual(["owl", "zog"]);
    await place.runWith(asks("zog"), "gc");
    expect(tools()).toEqual(["owl", "zog"]);
    await place.run("gc");
    expect(tools()).toEqual(["owl"]);
  });

  test("another name of a tool is one of its programs then, also for a place without Node", async () => {
    offer("zog", { aliases: ["zogger"] });
    await start(asks("zogger"));
    expect(tools()).toEqual(["owl", "zog"]);
    expect(runs("zogger")).toBe(true);
    const bare = { PATH: "/usr/bin:/bin", HOME: join(place.dir, "elsewhere") };
    const nowhere = { ...bare, OPENCLAW_SKILL_DIRS: "", OPENCLAW_SKILL_DEPS_NODE: "/nowhere" };
    mkdirSync(bare.HOME);
    expect((await start({ ...nowhere, ...asks("zogger") })).alone).toBe(true);
  });

  test("a program of the image does not count", async () => {
    place.skill("shell", { bins: ["sh"] });
    offer("sh");
    await place.runWith(asks("sh"));
    expect(tools()).toEqual(["owl", "sh"]);
  });

  test("what no recipe provides, and what is no name, is said and stops nothing", async () => {
    const { status, stderr } = await place.runWith(asks("zgo ../sh zog"));
    expect(status).toBe(0);
    expect(stderr).toMatch(/zgo \(for OPENCLAW_SKILL_TOOLS\).*\[E_NO_RECIPE\]/);
    expect(stderr).toMatch(/OPENCLAW_SKILL_TOOLS: "\.\.\/sh" is not the name of a tool/);
    expect(tools()).toEqual(["owl", "zog"]);
    expect((await place.runWith(asks("zgo"), "--strict")).status).toBe(3);
  });

  test("NAMEs restrict a run to themselves", async () => {
    await place.runWith(asks("zog"), "yak");
    expect(tools()).toEqual(["yak"]);
  });

  test("remove says that the variable still asks", async () => {
    await place.runWith(asks("zog"));
    const { stderr } = await place.runWith(asks("zog"), "remove", "zog");
    expect(stderr).toMatch(/OPENCLAW_SKILL_TOOLS .*zog.*\[E_STILL_REQUESTED\]/);
  });

  test("a place without Node verifies them on a volume that another has filled", async () => {
    const bare = {
      PATH: "/usr/bin:/bin",
      HOME: join(place.dir, "elsewhere"),
      OPENCLAW_SKILL_DIRS: "",
    };
    mkdirSync(bare.HOME);
    const sandbox = { ...bare, OPENCLAW_SKILL_RECIPES: "", OPENCLAW_SKILL_DEPS_NODE: "/nowhere" };
    await start({ ...asks("zog"), OPENCLAW_SKILL_RECIPES: place.recipes });
    for (const names of ["", "zog", "owl zog"]) {
      expect((await start({ ...sandbox, ...asks(names) })).alone, names).toBe(true);
    }
    expect((await start({ ...sandbox, ...asks("yak") })).stderr).toMatch(
      /OPENCLAW_SKILL_TOOLS .*yak.*\[E_NOT_VERIFIED\]/,
    );
    chmodSync(at("bin/zog"), 0o644);
    expect((await start({ ...sandbox, ...asks("zog") })).stderr).toMatch(
      /bin\/zog.*\[E_NOT_VERIFIED\]/,
    );
  });
});

describe("a seed", () => {
  test("its own names reach the volume also where a skill is in view", async () => {
    const seed = join(place.dir, "seed");
    await place.run("--prefix", seed);
    await place.run("--prefix", seed, "zog");
    const before = place.server.hits();
    expect((await start({ OPENCLAW_SKILL_SEED: seed }, "--offline")).status).toBe(0);
    expect(tools()).toEqual(["owl", "zog"]);
    expect(place.server.hits()).toBe(before);
    rmSync(at("bin/zog"));
    await start({ OPENCLAW_SKILL_SEED: seed });
    expect(runs("zog")).toBe(true);
    await place.runWith({ OPENCLAW_SKILL_SEED: seed }, "gc");
    expect(tools()).toEqual(["owl", "zog"]);
  });

  test("reach a volume that another place has filled without them", async () => {
    const seed = join(place.dir, "seed");
    await place.run("--prefix", seed, "zog");
    await start({});
    const other = {
      HOME: join(place.dir, "other"),
      OPENCLAW_SKILL_DIRS: "",
      OPENCLAW_SKILL_RECIPES: "",
    };
    mkdirSync(other.HOME);
    await start({ ...other, OPENCLAW_SKILL_SEED: seed });
    expect(tools()).toContain("zog");
  });
});

function missing() {
  return { url: new URL("/none.tar.gz", place.server.registry).href, sha256: "0".repeat(64) };
}

describe("what a login shell finds first", () => {
  /** Where a login shell of this home looks first. */
  function imageWith(...names: string[]): string {
    const image = join(place.dir, "image");
    mkdirSync(image);
    for (const name of names) writeFileSync(join(image, name), "#!/bin/sh\n", { mode: 0o755 });
    const path = `PATH=${image}:$PATH:${place.prefix}/bin`;
    writeFileSync(join(place.home, ".profile"), `${path}\n`);
    return image;
  }

  test("one line names what is not the volume's, with the way to repair it", async () => {
    const image = imageWith("zog", "yak");
    const { stderr } = await place.run("zog", "yak");
    expect(stderr).not.toMatch(/login shells find them/);
    expect(stderr.match(/^login shells .*$/gm)).toEqual([
      `login shells find another program first: yak (${image}/yak), zog (${image}/zog); put ${place.prefix}/bin first in PATH (docker.env.PATH, or tools.exec.pathPrepend: ["${place.prefix}/bin"])`,
    ]);
    expect(stderr).toContain(`export PATH="${place.prefix}/bin:$PATH"`);
    const { shadowed } = JSON.parse((await place.run("zog", "--json")).stdout);
    expect(shadowed).toEqual({ zog: join(image, "zog") });
  });

  test("what a skill asks for and the image has anyway is no matter", async () => {
    await place.run("zog");
    await place.run("remove", "zog");
    place.skill("chat", { bins: ["zog"] });
    await place.run();
    expect(tools()).toContain("zog");
    const PATH = `${imageWith("zog")}:${place.env.PATH}`;
    expect((await place.runWith({ PATH })).stderr).toMatch(/login shells find them/);
    expect((await place.runWith({ PATH }, "--ignore-system")).stderr).toMatch(/find another .*zog/);
  });
});

test("--no-wait: the command is at work before its programs are there, and finds them then", async () => {
  const command = ["sh", "-c", "until zog --version 2>/dev/null; do sleep 0.05; done"];
  const { status, stdout } = await start({}, "zog", "--no-wait", "--", ...command);
  expect([status, stdout]).toEqual([0, "1.0.0\n"]);
});

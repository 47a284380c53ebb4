/** hold and unhold: a tool stays at its version, whatever the catalogue, the seed or a bundle has. */
import { execFileSync } from "node:child_process";
import { cpSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let installed: () => void;
beforeAll(async () => {
  place = await openWorkplace();
  offer("owl", "1.0.0");
  offer("zog", "1.0.0");
  place.skill("mail", { bins: ["owl", "zog"] });
  expect((await place.run()).status).toBe(0);
  expect((await place.run("hold", "owl")).status).toBe(0);
  offer("owl", "2.0.0");
  offer("zog", "2.0.0");
  installed = place.keep();
});
beforeEach(() => installed());
afterAll(() => place.close());

/** `salt` gives other bytes of the same version. */
function offer(name: string, version: string, salt = ""): void {
  const tree = { [`bin/${name}`]: program(version), "lib/data": salt };
  const source = place.serve(`${name}-${version}${salt}.tar.gz`, archive("tar.gz", tree));
  place.recipe(name, { version, artifacts: { "linux-x64": source } });
}

const versionOf = (name: string, prefix = place.prefix): string =>
  execFileSync(join(prefix, "bin", name), { encoding: "utf8" }).trim();
const versions = () => [versionOf("owl"), versionOf("zog")];
const held = (): unknown => (place.manifest() as { held?: unknown }).held;
const damage = (name: string): void => truncateSync(join(place.prefix, "bin", name), 1);

describe("update", () => {
  test("leaves what is held and says so; unhold lets it change", async () => {
    const { status, stderr } = await place.run("update");
    expect([status, versions()]).toEqual([0, ["1.0.0", "2.0.0"]]);
    expect(stderr).toMatch(/^owl 1\.0\.0: held, so 2\.0\.0 is left \(unhold owl\)$/m);
    expect(stderr).not.toMatch(/warning/);
    const { stderr: said } = await place.run("unhold", "owl");
    expect(said).toMatch(/owl 1\.0\.0: not held any more/);
    expect((await place.run("update")).status).toBe(0);
    expect(versions()).toEqual(["2.0.0", "2.0.0"]);
  });

  test("of it by name is a warning, and updates the others", async () => {
    const { status, stderr } = await place.run("update", "owl", "zog");
    expect([status, versions()]).toEqual([0, ["1.0.0", "2.0.0"]]);
    expect(stderr).toMatch(/warning: owl 1\.0\.0: held.* \[E_HELD\]/);
  });

  test("of other bytes of the same version leaves it as well, also a plain run", async () => {
    offer("owl", "1.0.0", "changed");
    const tree = () => place.manifest().tools.owl?.dir;
    const before = tree();
    for (const args of [["update"], []]) expect((await place.run(...args)).status).toBe(0);
    expect(tree()).toBe(before);
    await place.run("unhold", "owl");
    expect((await place.run()).status).toBe(0);
    expect(tree()).not.toBe(before);
  });
});

describe("--force-reinstall", () => {
  test("leaves a held tool of which there is only another version", async () => {
    const { status, stderr } = await place.run("--force-reinstall", "owl");
    expect([status, versionOf("owl")]).toEqual([0, "1.0.0"]);
    expect(stderr).toMatch(/owl 1\.0\.0: held.* \[E_HELD\]/);
  });

  test("installs the held version again where a source has it", async () => {
    offer("owl", "1.0.0");
    const { stderr } = await place.run("--force-reinstall", "owl");
    expect(stderr).toMatch(/owl 1\.0\.0: installed owl/);
    expect(stderr).not.toMatch(/E_HELD/);
  });
});

describe("a held tool that is damaged", () => {
  test("is repaired with its own version where a source has it", async () => {
    offer("owl", "1.0.0");
    damage("owl");
    expect((await place.run()).status).toBe(0);
    expect(versions()).toEqual(["1.0.0", "1.0.0"]);
  });

  test("gives way to another version where no source has its own, with a warning", async () => {
    damage("owl");
    const { status, stderr } = await place.run();
    expect([status, versionOf("owl")]).toEqual([0, "2.0.0"]);
    expect(stderr).toMatch(
      /owl 1\.0\.0 is held and cannot be used \(damaged\).*2\.0\.0.*\[E_HELD\]/,
    );
    expect(held()).toEqual(["owl"]);
  });
});

describe("is shown", () => {
  test("by list, info, outdated, doctor and the plan", async () => {
    expect((await place.run("list")).stdout).toMatch(/^owl +1\.0\.0 \(held\).*skill mail, held/m);
    expect((await place.run("info", "owl")).stdout).toMatch(/needed by +skill mail, held$/m);
    const { stdout } = await place.run("outdated");
    expect(stdout).toMatch(/^zog +1\.0\.0 +2\.0\.0$/m);
    expect(stdout).toMatch(/^owl 1\.0\.0: held, so 2\.0\.0 is left/m);
    expect((await place.run("doctor")).stdout).toMatch(/^ +owl 1\.0\.0: held/m);
  });

  test("in the documents of --json", async () => {
    const json = async (...args: string[]) =>
      JSON.parse((await place.run(...args, "--json")).stdout);
    expect(await json("outdated")).toEqual({
      schema: 1,
      tools: [{ tool: "zog", installed: "1.0.0", newer: "2.0.0" }],
      held: [{ tool: "owl", installed: "1.0.0", newer: "2.0.0" }],
      unreachable: [],
    });
    const { steps } = await json("update", "--dry-run");
    expect(steps).toContainEqual(
      expect.objectContaining({ action: "keep", tool: "owl", newer: "2.0.0", held: true }),
    );
    expect(await json("hold", "owl", "zog")).toEqual({
      schema: 1,
      prefix: place.prefix,
      held: ["owl", "zog"],
      changed: ["zog"],
    });
    expect(await json("unhold", "zog")).toMatchObject({ held: ["owl"], changed: ["zog"] });
  });
});

describe("what asks for nothing any more", () => {
  beforeEach(() => rmSync(join(place.skills, "mail"), { recursive: true }));

  test("is kept by gc where it is held", async () => {
    place.skill("other", { bins: [] });
    await place.run();
    expect((await place.run("gc")).status).toBe(0);
    expect(Object.keys(place.manifest().tools)).toEqual(["owl"]);
  });

  test("is removed by name, and is not held then", async () => {
    expect((await place.run("remove", "owl")).status).toBe(0);
    expect([Object.keys(place.manifest().tools), held()]).toEqual([["zog"], []]);
  });
});

describe("elsewhere", () => {
  const other = (): string => join(place.dir, "other");
  beforeEach(() => rmSync(other(), { recursive: true, force: true }));

  test("a bundle carries it into an empty volume, and a newer one does not replace it", async () => {
    const file = join(place.dir, "volume.tar.gz");
    const there = { OPENCLAW_SKILL_PREFIX: other() };
    expect((await place.run("bundle", "export", file)).status).toBe(0);
    expect((await place.runWith(there, "bundle", "import", file)).status).toBe(0);
    expect((await place.runWith(there, "update")).status).toBe(0);
    expect(["owl", "zog"].map((name) => versionOf(name, other()))).toEqual(["1.0.0", "2.0.0"]);
    const newer = join(place.dir, "newer.tar.gz");
    await place.run("unhold", "owl");
    await place.run("update");
    expect((await place.run("bundle", "export", newer)).status).toBe(0);
    for (const args of [[], ["-f"]]) {
      const { status } = await place.runWith(there, "bundle", "import", newer, ...args);
      expect([status, versionOf("owl", other())]).toEqual([0, "1.0.0"]);
    }
  });

  test("a seed's hold comes with its tree, and a newer seed does not replace it", async () => {
    const seed = join(place.dir, "seed");
    cpSync(place.prefix, seed, { recursive: true, verbatimSymlinks: true });
    const there = { OPENCLAW_SKILL_PREFIX: other(), OPENCLAW_SKILL_SEED: seed };
    expect((await place.runWith(there, "--offline")).status).toBe(0);
    expect((await place.runWith(there, "update")).status).toBe(0);
    expect(versionOf("owl", other())).toBe("1.0.0");
    const newer = join(place.dir, "newer");
    await place.run("unhold", "owl");
    await place.run("update");
    cpSync(place.prefix, newer, { recursive: true, verbatimSymlinks: true });
    expect((await place.runWith({ ...there, OPENCLAW_SKILL_SEED: newer })).status).toBe(0);
    expect(versionOf("owl", other())).toBe("1.0.0");
  });
});

test.each([
  [["hold", "olw"], /"olw".*\[E_UNKNOWN_NAME\]\n {2}hint: Did you mean owl\?/],
  [["unhold", "rg"], /nothing to unhold \[E_UNKNOWN_NAME\]/],
  [["hold"], /no tool is named \[E_USAGE\]/],
])("%j is refused", async (args, message) => {
  const before = place.snapshot();
  const { status, stderr } = await place.run(...args);
  expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
  expect(place.snapshot()).toEqual(before);
});

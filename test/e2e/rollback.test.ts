/** rollback: back to what an update has replaced, and forward again. */
import { execFileSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { commandName, namesWithoutCommand } from "../support/own-command.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let updated: () => void;
beforeAll(async () => {
  place = await openWorkplace();
  offer("owl", "1.0.0", ["owl", "owlet"]);
  offer("zog", "1.0.0");
  offer("elk", "1.0.0");
  place.skill("mail", { bins: ["owl", "zog", "elk"] });
  expect((await place.run()).status).toBe(0);
  offer("owl", "2.0.0", ["owl", "hoot"]);
  offer("zog", "2.0.0");
  expect((await place.run("update")).status).toBe(0);
  updated = place.keep();
});
beforeEach(() => updated());
afterAll(() => place.close());

function offer(name: string, version: string, programs = [name], more: object = {}): void {
  const files = programs.map((bin) => [`bin/${bin}`, program(version)]);
  const source = place.serve(
    `${name}-${version}.tar.gz`,
    archive("tar.gz", { ...Object.fromEntries(files), data: "x".repeat(50_000) }),
  );
  const bins = Object.fromEntries(programs.map((bin) => [bin, `bin/${bin}`]));
  place.recipe(name, { version, bins, artifacts: { "linux-x64": source }, ...more });
}

const at = (path: string): string => join(place.prefix, path);
const ask = (name: string): string => execFileSync(at(`bin/${name}`), { encoding: "utf8" }).trim();
const versions = (): string[] => ["owl", "zog", "elk"].map(ask);
const previous = (): Record<string, { version: string; dir: string }> =>
  (place.manifest() as { previous?: Record<string, { version: string; dir: string }> }).previous ??
  {};
const treeBefore = (tool: string): string => at(previous()[tool]?.dir ?? "none");

describe("rollback", () => {
  test("without a NAME: every tool that an update replaced, and nothing is fetched", async () => {
    const asked = place.server.hits();
    const { status, stderr } = await place.run("rollback");
    expect([status, versions()]).toEqual([0, ["1.0.0", "1.0.0", "1.0.0"]]);
    expect(stderr).toMatch(/^owl 2\.0\.0: rolled back to 1\.0\.0$/m);
    expect(stderr).toMatch(/^update installs the newer version again, unless: .* hold owl zog$/m);
    expect(namesWithoutCommand(at("bin"))).toEqual(["elk", "owl", "owlet", "zog"]);
    expect(place.server.hits()).toBe(asked);
    expect((await place.run()).stderr).toMatch(/nothing to do/);
    expect(versions()).toEqual(["1.0.0", "1.0.0", "1.0.0"]);
  });

  test("of one by its program; once more goes forward again", async () => {
    expect((await place.run("rollback", "hoot")).status).toBe(0);
    expect(versions()).toEqual(["1.0.0", "2.0.0", "1.0.0"]);
    expect((await place.run("rollback", "owl")).status).toBe(0);
    expect([versions(), ask("hoot")]).toEqual([["2.0.0", "2.0.0", "1.0.0"], "2.0.0"]);
    expect(existsSync(at("bin/owlet"))).toBe(false);
  });

  test("update installs the newer version again, unless the tool is held", async () => {
    await place.run("rollback");
    await place.run("hold", "owl");
    expect((await place.run("update")).status).toBe(0);
    expect(versions()).toEqual(["1.0.0", "2.0.0", "1.0.0"]);
  });

  test("a held tool is rolled back too, and stays held there", async () => {
    await place.run("hold", "owl");
    const { stderr } = await place.run("rollback", "owl");
    expect(stderr).not.toMatch(/unless/);
    await place.run("update");
    expect(ask("owl")).toBe("1.0.0");
  });

  test("--dry-run changes nothing; --json says what was done", async () => {
    const before = place.snapshot();
    const { stdout } = await place.run("rollback", "--dry-run");
    expect(stdout).toMatch(/owl 2\.0\.0: would be rolled back to 1\.0\.0/);
    expect(place.snapshot()).toEqual(before);
    expect(JSON.parse((await place.run("rollback", "zog", "--json")).stdout)).toEqual({
      schema: 1,
      prefix: place.prefix,
      dryRun: false,
      rolledBack: [{ tool: "zog", from: "2.0.0", to: "1.0.0", bins: ["zog"], held: false }],
    });
  });

  test("is shown by info and list", async () => {
    expect((await place.run("info", "owl")).stdout).toMatch(/previous +1\.0\.0 \(5\d(\.\d)? kB\)/);
    const document = JSON.parse((await place.run("list", "--json")).stdout);
    const tools = document.tools as { tool: string; previous: string | null }[];
    const previous = tools.flatMap((it) => (it.tool === commandName ? [] : [it.previous]));
    expect(previous).toEqual([null, "1.0.0", "1.0.0"]);
  });
});

describe("is refused, and nothing is changed", () => {
  const refused = async (code: string, status: number, ...args: string[]) => {
    const before = [place.manifest(), versions()];
    const found = await place.run("rollback", ...args);
    expect([found.status, found.stderr]).toEqual([status, expect.stringContaining(`[${code}]`)]);
    expect([place.manifest(), versions()]).toEqual(before);
    return found.stderr;
  };

  test("where no previous tree is kept, for all NAMEs", async () => {
    expect(await refused("E_NO_PREVIOUS", 2, "zog", "elk")).toMatch(/no previous tree of elk/);
  });

  test("where a file of the previous tree has changed", async () => {
    writeFileSync(join(treeBefore("owl"), "data"), "y".repeat(50_000));
    expect(await refused("E_TREE_CHANGED", 4)).toMatch(/owl \(1\.0\.0.*has changed: data/);
    await refused("E_TREE_CHANGED", 4, "--dry-run");
  });

  test("where the previous tree is gone", async () => {
    rmSync(treeBefore("zog"), { recursive: true });
    expect(await refused("E_TREE_CHANGED", 4, "zog")).toMatch(/zog \(1\.0\.0.*is gone/);
  });

  test("where another tool has one of its programs by now", async () => {
    offer("elk", "2.0.0", ["elk", "owlet"]);
    expect((await place.run("update", "elk")).status).toBe(0);
    expect(await refused("E_ROLLBACK", 2, "owl")).toMatch(
      /owlet of owl 1\.0\.0 now belongs to elk/,
    );
  });

  test("for a NAME that is mistyped", async () => {
    expect(await refused("E_UNKNOWN_NAME", 2, "olw")).toMatch(/Did you mean owl\?/);
  });
});

describe("the previous tree", () => {
  const hoursPass = (dir: string): void =>
    void execFileSync("touch", [
      "-d",
      "3 hours ago",
      dir,
      at("share/openclaw-skill-deps/prune-due"),
    ]);

  test("stays for as long as gc does not run; that of an update before goes", async () => {
    const first = treeBefore("zog");
    hoursPass(first);
    await place.run();
    expect(existsSync(first)).toBe(true);
    offer("zog", "3.0.0");
    expect((await place.run("update")).status).toBe(0);
    expect(previous().zog?.version).toBe("2.0.0");
    hoursPass(first);
    await place.run();
    expect([existsSync(first), existsSync(treeBefore("zog"))]).toEqual([false, true]);
  });

  test("is removed by gc, which says so before with --dry-run", async () => {
    const tree = treeBefore("owl");
    expect((await place.run("gc", "--dry-run")).stdout).toMatch(/lib\/owl\/1\.0\.0-.* \(5\d/);
    expect(existsSync(tree)).toBe(true);
    expect((await place.run("gc")).stderr).toMatch(/lib\/owl\/1\.0\.0-/);
    expect([existsSync(tree), previous()]).toEqual([false, {}]);
    expect(versions()).toEqual(["2.0.0", "2.0.0", "1.0.0"]);
    expect((await place.run("rollback")).stderr).toMatch(/no tool has a previous tree/);
  });

  test("goes with its tool where that is removed by name", async () => {
    const tree = treeBefore("owl");
    expect((await place.run("remove", "owl")).status).toBe(0);
    expect([existsSync(tree), Object.keys(previous())]).toEqual([false, ["zog"]]);
  });

  test("is not in a bundle; what an import replaces is one", async () => {
    const file = join(place.dir, "volume.tar.gz");
    expect((await place.run("bundle", "export", file)).status).toBe(0);
    await place.run("rollback");
    await place.run("gc");
    expect((await place.run("bundle", "import", file)).status).toBe(0);
    expect(versions()).toEqual(["2.0.0", "2.0.0", "1.0.0"]);
    expect((await place.run("rollback")).status).toBe(0);
    expect(versions()).toEqual(["1.0.0", "1.0.0", "1.0.0"]);
    const there = { OPENCLAW_SKILL_PREFIX: join(place.dir, "empty") };
    expect((await place.runWith(there, "bundle", "import", file)).status).toBe(0);
    expect((await place.runWith(there, "rollback")).stderr).toMatch(/no tool has a previous tree/);
  });

  test("is not what --force-reinstall replaces: that may be damaged", async () => {
    expect((await place.run("-f", "elk")).status).toBe(0);
    expect(previous().elk).toBeUndefined();
  });
});

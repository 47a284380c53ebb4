/** Other names of a tool: asked for by a skill or by a person, linked beside the tool's own. */
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  recipe("zog");
});
afterEach(() => place.close());

/** A tool `zog` that is also called `zoggery`; or another one, without aliases. */
function recipe(name: string, version = "1.0.0", over: object = { aliases: ["zoggery"] }): void {
  const file = `${name}-${version}.tar.gz`;
  const bytes = archive("tar.gz", { [`bin/${name}`]: program(`${name} ${version}`) });
  const source = place.serve(file, bytes);
  const artifacts = { "linux-x64": source, "linux-arm64": source };
  place.recipe(name, { version, artifacts, ...over });
}

const at = (name: string): string => join(place.prefix, "bin", name);
const says = (name: string): string => execFileSync(at(name), { encoding: "utf8" }).trim();
const binsOf = (tool: string): string[] => Object.keys(place.manifest().tools[tool]?.bins ?? {});
const requested = (): unknown => (place.manifest() as { requested?: unknown }).requested;

const start = (...args: string[]) => place.start({}, ...args);

describe("a skill that requires an alias", () => {
  test("has the tool, under both names, and the sh script answers for it", async () => {
    place.skill("s", { bins: ["zoggery"] });
    const { status, stderr } = await start("--strict");
    expect(status, stderr).toBe(0);
    expect(says("zoggery")).toBe("zog 1.0.0");
    expect(readlinkSync(at("zoggery"))).toBe(readlinkSync(at("zog")));
    expect(binsOf("zog")).toEqual(["zog", "zoggery"]);
    expect((await start()).alone).toBe(true);
    rmSync(at("zoggery"));
    expect((await start()).alone).toBe(false);
    expect(says("zoggery")).toBe("zog 1.0.0");
  });

  test("where the tool is there, is linked without a download", async () => {
    place.skill("own", { bins: ["zog"] });
    await place.run();
    expect(existsSync(at("zoggery"))).toBe(false);
    const { dir } = place.manifest().tools.zog ?? {};
    place.skill("other", { anyBins: ["nothing-else", "zoggery"] });
    const before = place.server.hits();
    const { stderr } = await place.run();
    expect(stderr).toMatch(/1 linked again/);
    expect(says("zoggery")).toBe("zog 1.0.0");
    expect(place.manifest().tools.zog?.dir).toBe(dir);
    expect(place.server.hits()).toBe(before);
    expect((await place.run()).stderr).toMatch(/nothing to do/);
  });

  test("keeps it over an update, and loses it with the tool", async () => {
    place.skill("s", { bins: ["zoggery"] });
    await place.run();
    recipe("zog", "2.0.0");
    await place.run("update");
    expect(says("zoggery")).toBe("zog 2.0.0");
    await place.run("remove", "zoggery");
    expect(existsSync(at("zog"))).toBe(false);
    expect(() => lstatSync(at("zoggery"))).toThrow();
  });

  test("finds it again after a manifest was lost, and after files were touched", async () => {
    place.skill("s", { bins: ["zoggery"] });
    await place.run();
    const { dir } = place.manifest().tools.zog ?? {};
    execFileSync("find", [join(place.prefix, dir ?? ""), "-exec", "touch", "{}", "+"]);
    await place.run();
    expect(binsOf("zog")).toEqual(["zog", "zoggery"]);
    rmSync(join(place.prefix, "manifest.json"));
    await place.run();
    expect(binsOf("zog")).toEqual(["zog", "zoggery"]);
    expect(says("zoggery")).toBe("zog 1.0.0");
  });

  test("is served by a recipe that has a program of that name, if there is one", async () => {
    recipe("other", "1.0.0", { bins: { zoggery: "bin/other" }, test: ["zoggery", "--version"] });
    place.skill("s", { bins: ["zoggery", "zog"] });
    await place.run();
    expect(says("zoggery")).toBe("other 1.0.0");
    expect(binsOf("zog")).toEqual(["zog"]);
  });

  test("travels in a bundle", async () => {
    place.skill("s", { bins: ["zoggery"] });
    await place.run();
    const file = join(place.dir, "all.tar.gz");
    expect((await place.run("bundle", "export", file)).status).toBe(0);
    const other = join(place.dir, "other");
    const { status, stderr } = await place.run("--prefix", other, "bundle", "import", file);
    expect(status, stderr).toBe(0);
    expect(execFileSync(join(other, "bin/zoggery"), { encoding: "utf8" })).toBe("zog 1.0.0\n");
  });
});

describe("a person who names an alias", () => {
  test("has the tool under both names, verified from then on", async () => {
    const { status, stderr } = await start("zoggery");
    expect(status, stderr).toBe(0);
    expect([says("zog"), says("zoggery")]).toEqual(["zog 1.0.0", "zog 1.0.0"]);
    expect(requested()).toEqual(["zog"]);
    place.skill("s", { bins: ["zog"] });
    await start();
    rmSync(at("zog"));
    await start();
    expect(says("zog")).toBe("zog 1.0.0");
  });

  test("updates, reinstalls and removes the tool by it, also where it is not linked", async () => {
    await place.run("zog");
    recipe("zog", "2.0.0");
    expect((await place.run("update", "zoggery")).stderr).toMatch(/zog 2\.0\.0: installed/);
    expect((await place.run("-f", "zoggery")).stderr).toMatch(/zog 2\.0\.0: installed/);
    await place.run("remove", "zog");
    await place.run("zog");
    await place.run("remove", "zoggery");
    expect(place.manifest().tools).toEqual({});
  });
});

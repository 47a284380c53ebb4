/** Sources that need other tools than the recipe's first one does. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
});
afterEach(() => place.close());

const program = (name: string, body: string): Buffer =>
  archive("tar.gz", { [`bin/${name}`]: { body: `#!/bin/sh\n${body}\n`, mode: 0o755 } });
const alone = () => place.serve("alone.tar.gz", program("zog", "echo alone"));
/** It starts only where its helper is. */
const helped = (needs = ["yak"]) => {
  return { ...place.serve("helped.tar.gz", program("zog", "exec yak helped")), needs };
};
const lost = (source: object) => ({ ...source, url: `${place.server.origin}/nowhere.tar.gz` });
const offerYak = (change = (source: object) => source): void =>
  place.recipe("yak", {
    artifacts: { any: change(place.serve("yak.tar.gz", program("yak", 'echo "yak $1"'))) },
  });
const offerZog = (...sources: object[]): void =>
  place.recipe("zog", { artifacts: { any: sources } });

const ask = (): string =>
  execFileSync(join(place.prefix, "bin/zog"), ["one"], {
    encoding: "utf8",
    env: { PATH: `${join(place.prefix, "bin")}:/usr/bin:/bin` },
  });
const installed = (): string[] => Object.keys(place.manifest().tools).sort();
const upToDate = async (): Promise<void> =>
  expect((await place.run()).stderr).toMatch(/nothing to do/);

describe("a later source with needs of its own", () => {
  test("gets them only where it is used", async () => {
    offerYak();
    offerZog(alone(), helped());
    expect((await place.run()).status).toBe(0);
    expect(ask()).toBe("alone\n");
    expect(installed()).toEqual(["zog"]);
  });

  test.each(["1", "4"])("gets them in the same run, with %s job(s)", async (jobs) => {
    offerYak();
    offerZog(lost(alone()), helped());
    const { status, stderr } = await place.run("--jobs", jobs);
    expect(stderr).toMatch(/2 installed/);
    expect(status).toBe(0);
    expect(ask()).toBe("yak helped\n");
    expect(place.manifest().tools).toMatchObject({ zog: { needs: ["yak"] }, yak: { needs: [] } });
    await upToDate();
    expect((await place.run("gc", "--dry-run")).stdout).not.toMatch(/yak/);
  });

  test("gets what these need themselves", async () => {
    offerYak((source) => ({ ...source, needs: ["ram"] }));
    place.recipe("ram", {
      artifacts: { any: place.serve("ram.tar.gz", program("ram", "echo ram")) },
    });
    offerZog(lost(alone()), helped());
    expect((await place.run()).status).toBe(0);
    expect(installed()).toEqual(["ram", "yak", "zog"]);
  });

  test("uses what the volume has", async () => {
    offerYak();
    expect((await place.run("yak")).status).toBe(0);
    offerYak(lost);
    offerZog(lost(alone()), helped());
    expect((await place.run()).status).toBe(0);
    expect(ask()).toBe("yak helped\n");
  });

  test("fails with them, and both reasons are said", async () => {
    offerYak(lost);
    offerZog(lost(alone()), helped());
    const { status, stderr } = await place.run("--strict");
    expect(status).toBe(5);
    expect(stderr).toMatch(/zog: .*zog needs yak, which could not be installed/s);
    expect(stderr).toMatch(/yak: .*nowhere\.tar\.gz/);
  });
});

describe("a first source whose needs cannot be installed", () => {
  test("gives way to one without them, which is no failure", async () => {
    offerYak(lost);
    offerZog(helped(), { ...alone(), needs: [] });
    const { status, stderr } = await place.run("--strict");
    expect(stderr).toMatch(/yak could not be installed: .*; zog came from another source/);
    expect(status).toBe(0);
    expect(ask()).toBe("alone\n");
    expect(installed()).toEqual(["zog"]);
    expect(place.manifest().tools.zog).toMatchObject({ needs: [] });
    await upToDate();
  });

  test("is a failure of the needed tool where a skill requires it, too", async () => {
    place.skill("yaks", { bins: ["yak"] });
    offerYak(lost);
    offerZog(helped(), { ...alone(), needs: [] });
    expect((await place.run("--strict")).status).toBe(5);
    expect(installed()).toEqual(["zog"]);
  });

  test.each(["yak", "zog"])(
    "so it is where the skill that requires it is called %s",
    async (name) => {
      place.skill(name, { bins: ["yak"] });
      offerYak(lost);
      offerZog(helped(), { ...alone(), needs: [] });
      const { status, stderr } = await place.run("--strict");
      expect([status, stderr]).toEqual([5, expect.stringMatching(/error: yak: .*nowhere/)]);
    },
  );

  test("a skill may have the name of the tool that it requires", async () => {
    place.skill("mail", {});
    place.skill("zog", { bins: ["zog"] });
    offerZog(lost(alone()));
    const { status, stderr } = await place.run();
    expect([status, stderr]).toEqual([5, expect.stringMatching(/error: zog: .*nowhere/)]);
  });

  test("does not matter where no recipe provides them", async () => {
    offerZog(helped());
    const { stderr, status } = await place.run("--strict");
    expect(stderr).toMatch(/it needs yak, and no recipe provides that/);
    expect(status).toBe(3);
    offerZog(helped(), alone());
    expect((await place.run("--strict")).status).toBe(0);
    expect(ask()).toBe("alone\n");
  });
});

describe("recipe check", () => {
  const check = async (): Promise<string> => {
    const { stdout, stderr } = await place.run("recipe", "check", join(place.recipes, "zog.yaml"));
    return stdout + stderr;
  };

  test("knows what each source needs", async () => {
    offerZog(alone(), helped(["yack"]));
    offerYak();
    expect(await check()).toMatch(
      /artifacts\.any\[1\]\.needs\[0\] is "yack", but no recipe has this name; did you mean "yak"\?/,
    );
    offerZog(alone(), helped(["zog"]), helped(["yak", "yak"]));
    expect(await check()).toMatch(
      /any\[1\]\.needs names zog itself.*any\[2\]\.needs names yak twice/s,
    );
  });

  test("wants the runtime of a source where this source says its needs", async () => {
    const pinned = { pypi: "zog@1.0.0", lock: "zog.pypi.lock.json", bins: { zog: "bin/zog" } };
    offerZog(alone(), { ...pinned, needs: [] });
    expect(await check()).toMatch(/artifacts\.any\[1\]\.needs must name python3/);
    offerZog(alone(), pinned);
    expect(await check()).toMatch(/yaml:\d+: needs must name python3/);
    offerZog(alone(), { ...pinned, needs: ["python3"] });
    expect(await check()).not.toMatch(/must name python3/);
  });
});

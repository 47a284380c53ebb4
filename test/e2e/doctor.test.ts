/** What doctor tells, and how it ends: also a person who knows nothing of the last run is to be served. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let empty: () => void;
beforeAll(async () => {
  place = await openWorkplace();
  place.skill("notes", {});
  empty = place.keep();
});
beforeEach(() => empty());
afterAll(() => place.close());

function offer(name: string, isThere = true): void {
  const bytes = archive("tar.gz", { [`bin/${name}`]: program("1.0.0") });
  const options = isThere ? {} : ({ fault: "status", status: 403 } as const);
  const source = place.serve(`${name}.tar.gz`, bytes, options);
  place.recipe(name, { artifacts: { "linux-x64": source } });
}

const lastLine = (text: string): string | undefined => text.trimEnd().split("\n").at(-1);

describe("what is missing", () => {
  test("seventeen failures are seventeen names, their reason, and status 4", async () => {
    const names = Array.from({ length: 17 }, (_, i) => `tool-${String(i).padStart(2, "0")}`);
    for (const name of names) offer(name, false);
    place.skill("all", { bins: names });
    expect((await place.run()).status).toBe(5);
    const { status, stdout } = await place.run("doctor");
    expect(status).toBe(4);
    expect(stdout).not.toContain("{");
    expect(stdout.split("\n").length).toBeLessThan(15);
    const [line = ""] = stdout.match(/^ {2}tool-00, .*$/m) ?? [];
    expect(line).toMatch(/127\.0\.0\.1:\d+ responded with 403/);
    for (const name of names) expect(line).toContain(name);
    expect(line.match(/\(for all\)/g)).toHaveLength(1);
    expect(lastLine(stdout)).toMatch(/^missing: tool-00, .*tool-16/);
    expect(stdout).toMatch(
      /last run that changed or warned of something, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC:\n {2}0 of 17 installed; failed: tool-00/,
    );
  });

  test("asked for by name, by a variable, by a skill that no recipe serves, and recorded", async () => {
    offer("zog", false);
    offer("yak");
    offer("owl");
    await place.run("zog");
    const byName = await place.run("doctor");
    expect([byName.status, lastLine(byName.stdout)]).toEqual([
      4,
      expect.stringMatching(/^missing: zog /),
    ]);
    await place.run("remove", "zog");
    expect((await place.run("doctor")).status).toBe(0);
    const variable = await place.runWith({ OPENCLAW_SKILL_TOOLS: "yak" }, "doctor");
    expect([variable.status, variable.stdout]).toEqual([
      4,
      expect.stringMatching(/yak \(for OPENCLAW_SKILL_TOOLS\): not installed yet/),
    ]);
    place.skill("odd", { bins: ["unheard-of", "owl"] });
    await place.run();
    const unmet = await place.run("doctor");
    expect([unmet.status, unmet.stdout]).toEqual([
      4,
      expect.stringMatching(/unheard-of \(for odd\): no recipe provides it/),
    ]);
    // A place without skills knows what the last run recorded.
    const nowhere = { OPENCLAW_SKILL_DIRS: "", HOME: join(place.dir, "nothing") };
    expect((await place.runWith(nowhere, "doctor")).status).toBe(4);
  });

  test("nothing where the image has it, and that is told", async () => {
    place.skill("shell", { bins: ["sh"] });
    const { status, stdout } = await place.run("doctor");
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/found in the image: sh \(\/.*\/sh\)/),
    ]);
    expect(lastLine(stdout)).toBe("everything required is installed");
  });
});

describe("what is damaged", () => {
  let installed: () => void;
  beforeAll(async () => {
    empty();
    offer("zog");
    offer("yak");
    place.skill("mail", { bins: ["zog"] });
    await place.run();
    await place.run("yak");
    installed = place.keep();
  });
  beforeEach(() => installed());

  test("is told by name, the rest as sound, and repaired", async () => {
    const zog = join(place.prefix, "bin/zog");
    writeFileSync(zog, "");
    const { status, stdout } = await place.run("doctor");
    expect(status).toBe(4);
    expect(stdout).toMatch(/intact: yak 1\.0\.0 \(--deep/);
    expect(stdout).toMatch(/damaged:\n {2}lib\/zog\//);
    expect(lastLine(stdout)).toMatch(/^damaged: zog /);
    const repaired = await place.run("doctor", "--repair");
    expect([repaired.status, lastLine(repaired.stdout)]).toEqual([
      0,
      "everything required is installed",
    ]);
    expect(readFileSync(zog).length).toBeGreaterThan(0);
  });

  test("--repair installs what is missing, too, and judges what it came to", async () => {
    offer("owl", false);
    place.skill("night", { bins: ["owl"] });
    const failed = await place.run("doctor", "--repair");
    expect([failed.status, lastLine(failed.stdout)]).toEqual([
      4,
      expect.stringMatching(/^missing: owl /),
    ]);
    offer("owl");
    expect((await place.run("doctor", "--repair")).status).toBe(0);
    expect(existsSync(join(place.prefix, "bin/owl"))).toBe(true);
  });

  test("--repair repairs also what nobody asks for any more", async () => {
    rmSync(join(place.skills, "mail"), { recursive: true });
    await place.run();
    chmodSync(join(place.prefix, place.manifest().tools.zog?.dir ?? "", "bin/zog"), 0o644);
    rmSync(join(place.prefix, "bin/zog"));
    expect((await place.run("doctor")).status).toBe(4);
    expect((await place.run("doctor", "--repair")).status).toBe(0);
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(true);
  });
});

test("--json is one document, also with --repair", async () => {
  offer("zog", false);
  place.skill("mail", { bins: ["zog"] });
  await place.run();
  const document = JSON.parse((await place.run("doctor", "--json")).stdout);
  expect(document).toMatchObject({
    schema: 1,
    prefix: place.prefix,
    exitStatus: 4,
    tools: [],
    missing: [{ name: "zog", for: ["mail"] }],
    lastRun: { failed: [{ tool: "zog" }], summary: "0 of 1 installed; failed: zog" },
  });
  offer("zog");
  const repaired = await place.run("doctor", "--repair", "--json");
  expect(JSON.parse(repaired.stdout)).toMatchObject({ exitStatus: 0, tools: ["zog"], missing: [] });
});

test("the login shell's verdict is told and is no failure", async () => {
  offer("zog");
  await place.run("zog");
  const none = await place.run("doctor");
  expect([none.status, none.stdout]).toEqual([
    0,
    expect.stringMatching(/login shells do not find/),
  ]);
  writeFileSync(join(place.home, ".profile"), `PATH=$PATH:${place.prefix}/bin\n`);
  expect((await place.run("doctor")).stdout).toMatch(/login shells find the volume's programs/);
  mkdirSync(join(place.dir, "image"));
  writeFileSync(join(place.dir, "image/zog"), "#!/bin/sh\n", { mode: 0o755 });
  const first = `PATH=${place.dir}/image:$PATH:${place.prefix}/bin\n`;
  writeFileSync(join(place.home, ".profile"), first);
  expect((await place.run("doctor")).stdout).toMatch(
    /find another program first: zog \(.*image\/zog\)/,
  );
});

test("what somebody else has put into the last run's word cannot steer a terminal", async () => {
  offer("zog");
  await place.run("zog");
  const file = join(place.prefix, "share/openclaw-skill-deps/last-run.json");
  const forged = {
    at: "\u001b[2Jnow",
    summary: "\u001b]0;x\u0007fine",
    warnings: "none",
    failed: [1, null],
  };
  writeFileSync(file, JSON.stringify(forged));
  const { status, stdout } = await place.run("doctor");
  expect(status).toBe(0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are looked for
  expect(stdout).not.toMatch(/[\u001b\u0007]/);
});

describe("skills that openclaw.json disables although their programs are here", () => {
  const disable = (...keys: string[]): void => {
    const entries = Object.fromEntries(keys.map((key) => [key, { enabled: false }]));
    mkdirSync(join(place.home, ".openclaw"), { recursive: true });
    writeFileSync(
      join(place.home, ".openclaw/openclaw.json"),
      JSON.stringify({ skills: { entries } }),
    );
  };

  test("are named with the command that enables them; the status is not theirs", async () => {
    for (const name of ["yak", "owl"]) offer(name);
    place.skill("herd", { bins: ["yak", "sh"] });
    place.skill("night", { bins: ["owl"] });
    await place.run();
    disable("herd");
    const one = await place.run("doctor");
    expect([one.status, one.stdout]).toEqual([
      0,
      expect.stringMatching(/programs are here: herd \(yak, sh\)\n {2}hint: /),
    ]);
    expect(one.stdout).toContain("\n  openclaw config set skills.entries.herd.enabled true\n");
    disable("herd", "night");
    const two = await place.run("doctor");
    const [, batch = ""] = /config set --batch-json '(.*)'$/m.exec(two.stdout) ?? [];
    expect(JSON.parse(batch)).toEqual([
      { path: "skills.entries.herd.enabled", value: true },
      { path: "skills.entries.night.enabled", value: true },
    ]);
    const { stdout } = await place.run("doctor", "--json");
    expect(JSON.parse(stdout).disabled).toEqual([
      { skill: "herd", key: "herd", bins: ["yak", "sh"] },
      { skill: "night", key: "night", bins: ["owl"] },
    ]);
  });

  test("are not named where a program is missing, nothing is of the volume, or there are no programs", async () => {
    offer("yak");
    place.skill("herd", { bins: ["yak"] });
    await place.run();
    place.skill("half", { bins: ["yak", "unheard-of"] });
    place.skill("image", { bins: ["sh"] });
    disable("half", "image", "notes");
    const { stdout } = await place.run("doctor", "--json");
    expect(JSON.parse(stdout).disabled).toEqual([]);
    disable("herd");
    rmSync(join(place.prefix, "bin/yak"));
    expect(JSON.parse((await place.run("doctor", "--json")).stdout).disabled).toEqual([]);
  });

  test("with a key of their own are enabled by it, in quotes where a shell needs them", async () => {
    offer("yak");
    place.skill("herd", { bins: ["yak"] }, { skillKey: "my herd.x" });
    await place.run();
    disable("my herd.x");
    expect((await place.run("doctor")).stdout).toContain(
      `openclaw config set 'skills.entries["my herd.x"].enabled' true`,
    );
  });
});

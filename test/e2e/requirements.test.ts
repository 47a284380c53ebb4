import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { $ } from "zx";
import { archive, program } from "../support/archives.ts";
import { bundle, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.close());

interface Document {
  schema: number;
  skills: { name: string; file: string; root: string; selected: boolean; reason: string }[];
  bins: Record<
    string,
    { state: string; path?: string; tool?: string; reason?: string; for: string[] }
  >;
}

async function ask(...args: string[]): Promise<Document> {
  const { status, stdout } = await place.run("requirements", "--json", ...args);
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

test("each program is present, to be installed or unmet, and changes nothing", async () => {
  place.skill("mail", { bins: ["zog", "sh", "unheard-of"] });
  const bytes = archive("tar.gz", { "bin/zog": program("1.0.0") });
  place.recipe("zog", { artifacts: { "linux-x64": place.serve("zog.tar.gz", bytes) } });
  const before = await ask();
  expect(before.bins).toMatchObject({
    zog: { state: "install", tool: "zog", version: "1.0.0", for: ["mail"] },
    sh: { state: "present" },
    "unheard-of": { state: "unmet", reason: "no recipe provides it" },
  });
  expect(before.bins.sh?.path).toMatch(/\/sh$/);
  expect(place.snapshot()).toEqual({});
  expect(place.server.hits()).toBe(0);

  await place.run();
  expect((await ask()).bins.zog).toMatchObject({
    state: "present",
    path: join(place.prefix, "bin/zog"),
  });
  expect((await ask("--ignore-system")).bins.sh).toMatchObject({ state: "unmet" });
});

test("a document that a pipe cannot hold at once comes whole, however slowly it is read", async () => {
  for (let i = 0; i < 150; i += 1)
    place.skill(`skill-${i}`, { bins: [`${"long-".repeat(40)}${i}`] });
  const reading = $({ env: place.env, quiet: true })`
    ${process.execPath} ${bundle} requirements --json | (sleep 1; cat)`;
  const { skills } = JSON.parse((await reading).stdout);
  expect(skills).toHaveLength(150);
});

test("the document of a skill has all that was promised", async () => {
  place.skill(
    "mail",
    { bins: ["zog"], anyBins: ["a", "b"] },
    {
      os: ["linux"],
      skillKey: "post",
      install: [{ kind: "brew", formula: "zogcli", bins: ["zog"] }],
    },
  );
  const [skill] = (await ask()).skills;
  expect(skill).toEqual({
    name: "mail",
    file: join(place.skills, "mail", "SKILL.md"),
    root: "named",
    selected: true,
    reason: expect.any(String),
    os: ["linux"],
    always: false,
    skillKey: "post",
    bins: ["zog"],
    anyBins: ["a", "b"],
    install: [{ kind: "brew", formula: "zogcli", bins: ["zog"] }],
  });
});

test("a rejected skill has its error, a misplaced requirement its hint", async () => {
  mkdirSync(join(place.skills, "broken"));
  writeFileSync(join(place.skills, "broken", "SKILL.md"), "---\nname: broken\n");
  mkdirSync(join(place.skills, "moved"));
  const metadata = JSON.stringify({ moltbot: { requires: { bins: ["zog"] } } });
  const text = `---\nname: moved\ndescription: x\nmetadata: ${metadata}\n---\n`;
  writeFileSync(join(place.skills, "moved", "SKILL.md"), text);
  const { skills } = await ask();
  expect(skills.find(({ name }) => name === "broken")).toMatchObject({
    selected: false,
    error: expect.stringMatching(/---/),
  });
  expect(skills.find(({ name }) => name === "moved")).toMatchObject({
    bins: [],
    hints: [expect.stringMatching(/metadata\.moltbot/)],
  });
});

test("bundled skills count when openclaw.json or --skill chooses them", async () => {
  const bundled = join(place.dir, "bundled");
  for (const name of ["one", "two", "three"]) {
    mkdirSync(join(bundled, name), { recursive: true });
    const metadata = JSON.stringify({ openclaw: { requires: { bins: [`${name}-bin`] } } });
    const text = `---\nname: ${name}\ndescription: x\nmetadata: ${metadata}\n---\n`;
    writeFileSync(join(bundled, name, "SKILL.md"), text);
  }
  const config = join(place.home, "openclaw.json");
  writeFileSync(config, "{ skills: { entries: { one: { enabled: true } } } }");
  const env = {
    OPENCLAW_SKILL_DIRS: "",
    OPENCLAW_BUNDLED_SKILLS_DIR: bundled,
    OPENCLAW_CONFIG_PATH: config,
    OPENCLAW_STATE_DIR: join(place.home, "state"),
  };
  const selected = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await place.runWith(env, "requirements", "--json", ...args);
    const { skills } = JSON.parse(stdout) as Document;
    return skills
      .filter((skill) => skill.selected)
      .map(({ name }) => name)
      .sort();
  };
  expect(await selected()).toEqual(["one"]);
  expect(await selected("--skill", "two")).toEqual(["one", "two"]);
  expect(await selected("--all")).toEqual(["one", "three", "two"]);
});

test("--dry-run prints the plan as data and changes nothing", async () => {
  place.skill("mail", { bins: ["zog", "unheard-of"] });
  const source = place.serve("zog.tar.gz", archive("tar.gz", { "bin/zog": program("1.0.0") }));
  place.recipe("zog", { artifacts: { "linux-x64": source } });
  const { status, stdout } = await place.run("--dry-run", "--json");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 1,
    platform: "linux-x64-glibc",
    steps: [
      {
        action: "install",
        tool: "zog",
        reason: "missing",
        size: source.size,
        for: ["mail"],
        sources: [source.url],
      },
    ],
    unmet: [{ bin: "unheard-of", for: ["mail"], reason: "no recipe provides it" }],
  });
  expect((await place.run("--dry-run")).stdout).toMatch(/install\s+zog\s+1\.0\.0/);
  expect(place.snapshot()).toEqual({});
  expect(place.server.hits()).toBe(0);
});

test("--json=events is one JSON object per line", async () => {
  place.skill("mail", { bins: ["zog"] });
  const source = place.serve("zog.tar.gz", archive("tar.gz", { "bin/zog": program("1.0.0") }));
  place.recipe("zog", { artifacts: { "linux-x64": source } });
  const { stdout } = await place.run("--json=events");
  const types = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).type);
  expect(types[0]).toBe("start");
  expect(types.at(-1)).toBe("installed");
});

test("-q says nothing when all is well", async () => {
  place.skill("mail", { bins: ["zog"] });
  const source = place.serve("zog.tar.gz", archive("tar.gz", { "bin/zog": program("1.0.0") }));
  place.recipe("zog", { artifacts: { "linux-x64": source } });
  expect(await place.run("-q")).toEqual({ status: 0, stdout: "", stderr: "" });
});

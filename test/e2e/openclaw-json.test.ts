/** OpenClaw's own configuration: what it includes and where its variables come from, by the skills that are then seen. */
import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { configCases, configSkills } from "../support/config-cases.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  const source = place.serve("zog.tar.gz", archive("tar.gz", { "bin/zog": program("zog 1.0.0") }));
  place.recipe("zog", { artifacts: { "linux-x64": source, "linux-arm64": source } });
});
afterEach(() => place.close());

/** Writes a file below the home. */
function put(path: string, text: string): string {
  const file = join(place.home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text.replaceAll("{home}", place.home));
  return file;
}

function putSkill(dir: string, name: string, bin = "zog"): void {
  const metadata = JSON.stringify({ openclaw: { requires: { bins: [bin] } } });
  put(
    `${dir}/${name}/SKILL.md`,
    `---\nname: ${name}\ndescription: d\nmetadata: ${metadata}\n---\n`,
  );
}

interface Said {
  readonly names: string[];
  readonly stderr: string;
}

/** The skills in view. */
async function seen(env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const own = { OPENCLAW_SKILL_DIRS: "", OPENCLAW_BUNDLED_SKILLS_DIR: "/nonexistent" };
  const { stdout, stderr } = await place.runWith({ ...own, ...env }, "requirements", "--json");
  const { skills } = JSON.parse(stdout) as { skills: { name: string }[] };
  return { names: skills.map(({ name }) => name).sort(), stderr };
}

const config = ".openclaw/openclaw.json";
const byVariable = "skills: { load: { extraDirs: ['$" + "{DIR}'] } }";
const extra = (dir: string) => `{ skills: { load: { extraDirs: ["~/${dir}"] } } }`;

describe("seen as OpenClaw sees them", () => {
  test.each(configCases)("%s", async (_, files, expected, env) => {
    for (const [path, text] of Object.entries({ ...configSkills, ...files })) put(path, text);
    const { names, stderr } = await seen(env);
    expect(names, stderr).toEqual(expected);
  });

  test("what cannot be included is said, with the file and the reason; the rest counts", async () => {
    putSkill("one", "one");
    const own = "skills: { load: { extraDirs: ['~/one'] } }";
    put(
      config,
      `{ $include: ['none.json5', 'link.json5', 'hard.json5', 'bad.json5', '../elsewhere.json5'], ${own} }`,
    );
    symlinkSync(put("elsewhere.json5", "{}"), join(place.home, ".openclaw/link.json5"));
    linkSync(join(place.home, "elsewhere.json5"), join(place.home, ".openclaw/hard.json5"));
    put(".openclaw/bad.json5", "{ skills: }");
    const { names, stderr } = await seen();
    expect(names).toEqual(["one"]);
    expect(stderr).toMatch(/none\.json5: it does not exist/);
    expect(stderr).toMatch(/home\/elsewhere\.json5: it is outside/);
    expect(stderr).toMatch(/link\.json5: it is outside/);
    expect(stderr).toMatch(/hard\.json5: .*more than one hard link/);
    expect(stderr).toMatch(/bad\.json5: not JSON5 .* at 1:11/);
  });
});

/** As a container starts it: the sh script, which asks Node where it has to. */
async function start(env: Readonly<Record<string, string>> = {}) {
  const own = {
    OPENCLAW_SKILL_DIRS: "",
    OPENCLAW_BUNDLED_SKILLS_DIR: "/nonexistent",
  };
  return await place.start({ ...own, ...env });
}

describe("the freshness check", () => {
  beforeEach(() => {
    putSkill("one", "one");
    put(config, "{ $include: 'more.json5' }");
    put(".openclaw/more.json5", extra("one"));
  });

  test.each<[string, () => void]>([
    ["an included file changes", () => put(".openclaw/more.json5", extra("two"))],
    ["an included file goes", () => rmSync(join(place.home, ".openclaw/more.json5"))],
    [".env comes", () => put(".openclaw/.env", "OPENCLAW_WORKSPACE_DIR=~/w\n")],
    [".env where it is started comes", () => put(".env", "A=b\n")],
    ["gateway.env comes", () => put(".config/openclaw/gateway.env", "A=b\n")],
  ])("asks Node again when %s", async (_, change) => {
    expect((await start()).stderr).toContain("1 installed");
    expect(await start()).toMatchObject({ status: 0, alone: true });
    change();
    expect((await start()).alone).toBe(false);
  });

  test("asks Node again when a .env file that counted changes", async () => {
    put(".openclaw/.env", "OPENCLAW_WORKSPACE_DIR=~/w\n");
    await start();
    expect((await start()).alone).toBe(true);
    putSkill("v/skills", "other", "yog");
    put(".openclaw/.env", "OPENCLAW_WORKSPACE_DIR=~/v\n");
    expect((await start()).stderr).toMatch(/yog/);
  });

  test("asks Node each time where a variable has a say, which nobody sees from outside", async () => {
    put(config, `{ ${byVariable} }`);
    put(".openclaw/.env", "DIR=~/one\n");
    await start();
    expect((await start()).alone).toBe(false);
    putSkill("two", "two", "yog");
    expect((await start({ DIR: "~/two" })).stderr).toMatch(/yog/);
  });
});

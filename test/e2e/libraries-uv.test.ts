/** Wheels without modules, by which `uv run` finds the packages of a script: test/containers runs uv itself. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockOf, makeWheel, serveIndex } from "../support/wheels.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const metadata =
  "Metadata-Version: 2.1\nName: words\nVersion: 1.0\nRequires-Dist: nothing; extra == 'more'\nProvides-Extra: more\n\nProvides-Extra: of-the-text\n";
const words = makeWheel("words", "1.0", { "words.py": "" }, {}, { metadata });
const requirements = "words\n";

let place: Workplace;
let env: Record<string, string>;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", {});
  writeFileSync(join(place.skills, "mail/requirements.txt"), requirements);
  const covered = `openclaw-libraries 1 python\nrequirements.txt\n${requirements.length}\n${requirements}\n`;
  const digest = createHash("sha256").update(covered).digest("hex");
  const tool = {
    ...{ from: "requirements.txt (words)", by: "mail", at: "2026-01-01T00:00:00Z" },
    recipe: { libraries: digest, names: ["words"] },
    locks: { "libraries.lock.json": lockOf([words]) },
  };
  const pins = join(place.dir, "declared.json");
  const tools = { [`libraries-${digest.slice(0, 16)}-cpython-311`]: tool };
  writeFileSync(pins, JSON.stringify({ schema: 1, tools }));
  env = {
    PIP_INDEX_URL: serveIndex(place.server, [words]),
    PIP_CONFIG_FILE: "/dev/null",
    OPENCLAW_SKILL_DECLARED: pins,
  };
});
afterEach(() => place.close());

const dir = (): string => join(place.prefix, "share/openclaw-skill-deps/wheels");
const wheel = (): string => join(dir(), "words-1.0-py3-none-any.whl");

test("there is one for each package, with its name, version and extras, and nothing else", async () => {
  expect((await place.runWith(env)).stderr).toMatch(/packages of mail: installed/);
  expect(readdirSync(dir())).toEqual(["words-1.0-py3-none-any.whl"]);
  const ask =
    "import sys; sys.path.insert(0, sys.argv[1]); import importlib.metadata as m; it = m.metadata('words'); print(it['Name'], it['Version'], it.get_all('Provides-Extra'), it['Requires-Dist'], [str(f) for f in m.files('words')])";
  const said = execFileSync("/usr/bin/python3", ["-c", ask, wheel()], { encoding: "utf8" });
  const files = ["METADATA", "WHEEL", "RECORD"].map((file) => `'words-1.0.dist-info/${file}'`);
  expect(said).toBe(`words 1.0 ['more'] None [${files.join(", ")}]\n`);
});

test("a changed one is noticed and written again; without a set there is none", async () => {
  await place.start(env);
  const before = readFileSync(wheel());
  expect((await place.start(env)).alone).toBe(true);
  writeFileSync(wheel(), "evil");
  writeFileSync(join(dir(), "other-1.0-py3-none-any.whl"), "evil");
  const looked = await place.start(env);
  expect(looked.alone).toBe(false);
  expect(readFileSync(wheel()).equals(before)).toBe(true);
  expect(readdirSync(dir())).toHaveLength(1);
  const { ino } = statSync(wheel());
  await place.runWith(env);
  expect(statSync(wheel()).ino).toBe(ino); // what is right stays
  rmSync(join(place.skills, "mail/requirements.txt"));
  await place.runWith(env);
  await place.runWith(env, "gc");
  await place.runWith(env);
  expect(readdirSync(dir())).toEqual([]);
});

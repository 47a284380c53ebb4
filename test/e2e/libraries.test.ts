/** Skills' own libraries: what dependency files declare, from an index on the loopback interface. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, npmTarball } from "../support/archives.ts";
import { started } from "../support/started.ts";
import { lockOf, makeWheel, serveIndex } from "../support/wheels.ts";
import { entrypoint, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let env: Record<string, string>;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", {});
  env = {
    PIP_INDEX_URL: serveIndex(place.server, [words, rich]),
    PIP_CONFIG_FILE: "/dev/null",
    OPENCLAW_SKILL_DECLARED: pins(),
  };
});
afterEach(() => place.close());

const words = makeWheel("words", "1.0", { "words.py": "word = 'good'\n" });
const rich = makeWheel("rich", "2.0", { "rich.py": "" });
const run = (...args: string[]) => place.runWith(env, ...args);
const share = (path: string): string => join(place.prefix, "share/openclaw-skill-deps", path);
const indexed = (): string[] =>
  existsSync(share("libraries")) ? readdirSync(share("libraries")) : [];
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const digestOf = (text: string, file = "requirements.txt"): string =>
  sha256(`openclaw-libraries 1 python\n${file}\n${text.length}\n${text}\n`);

/** A file of the skill. */
function put(path: string, text: string, skill = "mail"): void {
  const file = join(place.skills, skill, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Pins for Python 3.11 of a requirements.txt that says `words`, as an operator has reviewed them. */
function pins(more: object = {}): string {
  const digest = digestOf("words\n");
  const file = join(place.dir, "declared.json");
  const tool = {
    ...{ from: "requirements.txt (words)", by: "mail", at: "2026-01-01T00:00:00Z" },
    recipe: { libraries: digest, names: ["words"], ...more },
    locks: { "libraries.lock.json": lockOf([words]) },
  };
  const tools = { [`libraries-${digest.slice(0, 16)}-cpython-311`]: tool };
  writeFileSync(file, JSON.stringify({ schema: 1, tools }));
  return file;
}

describe("pins that the operator has reviewed", () => {
  beforeEach(() => put("requirements.txt", "words\n"));

  test("are installed without a resolver, and found by the digest of the dependency files", async () => {
    const { status, stderr } = await run();
    expect(stderr).toMatch(/Python 3\.11 packages of mail: installed/);
    expect(status).toBe(0);
    const link = `${digestOf("words\n")}-cpython-311`;
    expect(indexed()).toEqual([link]);
    expect(readFileSync(join(share("libraries"), link, "words.py"), "utf8")).toContain("good");
    expect(realpathSync(join(share("libraries"), link))).toMatch(
      new RegExp(`/lib/skills/${link.slice(0, 16)}-cpython-311-[0-9a-f]{12}/site-packages$`),
    );
    expect((await run()).stderr).toMatch(/nothing to do/);
    expect((await place.run()).stderr).toMatch(/nothing to do/);
  });

  test("are fetched from the index of their record where none is configured and no Python is there", async () => {
    delete env.PIP_INDEX_URL;
    const unknown = await run();
    expect(unknown.stderr).toMatch(/no Python index is configured here.*\[E_NO_REGISTRY\]/);
    pins({ index: `${place.server.origin}/simple/` });
    const { status, stderr } = await run();
    expect(stderr).toMatch(/Python 3\.11 packages of mail: installed/);
    expect(status).toBe(0);
    expect(indexed()).toEqual([linkOf("words\n")]);
  });

  test("stay while a skill has the file, and go with it", async () => {
    await run();
    expect((await place.run("gc")).status).toBe(0);
    expect(indexed()).toHaveLength(1);
    expect((await place.run("list")).stdout).toMatch(
      /Python 3\.11 packages +libraries-.* words +skill mail/,
    );
    put("requirements.txt", "rich\n");
    await run();
    const { stderr } = await place.run("gc");
    expect(stderr).toMatch(/Python 3\.11 packages declared by mail: removed/);
    expect(indexed()).toEqual([]);
    expect(readdirSync(join(place.prefix, "lib"))).not.toContain("skills");
  });

  test("a lost link, or a changed file in the tree, is found and repaired", async () => {
    await run();
    const [link = ""] = indexed();
    const path = join(share("libraries"), link);
    const target = readlinkSync(path);
    rmSync(path);
    symlinkSync("/etc", path);
    const told = await run("doctor");
    expect(told.stdout).toMatch(/share\/openclaw-skill-deps\/libraries\/.*not our link/);
    expect(told.status).toBe(4);
    expect((await run()).status).toBe(0);
    expect(readlinkSync(path)).toBe(target);
    writeFileSync(join(path, "words.py"), "word = 'bad'\n");
    expect((await run("doctor")).stdout).toMatch(/damaged: Python 3\.11 packages/);
    expect((await run()).status).toBe(0);
    expect(readFileSync(join(path, "words.py"), "utf8")).toContain("good");
  });
});

describe("other volumes", () => {
  beforeEach(() => put("requirements.txt", "words\n"));
  const link = (): string => linkOf("words\n");
  const at = (prefix: string, ...args: string[]) =>
    place.run("--prefix", join(place.dir, prefix), ...args);
  const wordIn = (prefix: string): string =>
    readFileSync(
      join(place.dir, prefix, "share/openclaw-skill-deps/libraries", link(), "words.py"),
      "utf8",
    );

  test("a bundle carries library sets, which stay without consent", async () => {
    await run();
    const file = join(place.dir, "volume.tar.gz");
    expect((await run("bundle", "export", file)).status).toBe(0);
    rmSync(place.prefix, { recursive: true });
    const { status, stderr } = await at("other", "bundle", "import", file);
    expect(status, stderr).toBe(0);
    expect(wordIn("other")).toContain("good");
    expect((await at("other")).stderr).toMatch(/nothing to do/);
    expect((await at("other", "gc")).stderr).not.toMatch(/removed/);
    expect(wordIn("other")).toContain("good");
    const { stdout } = await at("other", "why", "words");
    expect(stdout).toMatch(/^words 1\.0\n {2}package of +skill mail\n/);
    expect((await at("other", "why", "rich")).stderr).toMatch(/\[E_UNKNOWN_NAME\]/);
  });

  test("a seed gives library sets without consent and without a network", async () => {
    await run();
    const seed = place.prefix;
    const { stderr } = await at("other", "--seed", seed, "--offline");
    expect(stderr).toMatch(/Python 3\.11 packages of mail: installed/);
    expect(wordIn("other")).toContain("good");
    expect((await at("other", "--seed", seed)).stderr).toMatch(/nothing to do/);
  });

  test("a lost manifest is made again from the trees", async () => {
    await run();
    rmSync(join(place.prefix, "manifest.json"));
    expect((await run()).status).toBe(0);
    expect(Object.keys(place.manifest().tools)).toEqual([setOf("words\n")]);
    expect((await run("list")).stdout).toMatch(/Python 3\.11 packages .*skill mail/);
  });
});

test("a recipe that is called like the directory of library sets is refused", async () => {
  place.recipe("skills", { artifacts: { any: place.serve("x.gz", Buffer.alloc(1)) } });
  expect((await place.run("recipe", "check", join(place.recipes, "skills.yaml"))).stdout).toMatch(
    /a name of skills' own libraries/,
  );
});

describe("what skills declare", () => {
  const allowed = (...args: string[]) => run("--allow-libraries", ...args);
  const tools = (): string[] => Object.keys(place.manifest().tools);
  beforeEach(() => {
    delete env.OPENCLAW_SKILL_DECLARED;
    lendPython();
  });

  test("is not installed unless that is allowed, and said in one line", async () => {
    put("requirements.txt", "words\n");
    place.skill("notes", {});
    put("scripts/pyproject.toml", '[project]\ndependencies = ["rich"]\n', "notes");
    const { status, stderr } = await run();
    expect(status).toBe(0);
    const warned = stderr.split("\n").filter((line) => line.includes("E_LIBRARIES_OFF"));
    expect(warned).toEqual([expect.stringMatching(/mail \(words\), notes \(rich\)/)]);
    expect(indexed()).toEqual([]);
    expect(place.server.hits()).toBe(0);
    place.skill("plain", {});
    put("scripts/x.py", "import os, flask\n", "plain");
    place.skill("several", {});
    put("x.py", "import flask\n", "several");
    put("scripts/y.mts", 'import fs from "fs";\nimport { zog } from "zog/x";\n', "several");
    place.skill("sound", {});
    put("z.cjs", 'require("zog");\n', "sound");
    put("package.json", '{"dependencies":{"zog":"1"}}', "sound");
    place.skill("vendored", {});
    put("z.cjs", 'require("zog");\n', "vendored");
    put("node_modules/zog/index.js", "", "vendored");
    put("Pipfile", "", "plain");
    put("scripts/uv.lock", "", "plain");
    const { stdout: shown, stderr: noted } = await run("requirements");
    expect(noted.match(/SKILL\.md: .* not read/g)).toEqual([
      "SKILL.md: Pipfile, uv.lock are not read",
    ]);
    expect(noted.match(/its scripts import .*/g)).toEqual([
      expect.stringMatching(/^its scripts import flask, and no file declares Python packages/),
      "its scripts import flask, and zog, and no file declares Python or Node packages (a requirements.txt, and dependencies in a package.json would)",
    ]);
    expect(shown).toMatch(
      /mail declares Python packages: words \(requirements\.txt\); not installed without --allow-libraries/,
    );
    expect(shown).toMatch(/notes declares Python packages: rich \(scripts\/pyproject\.toml\)/);
  });

  const serveNewer = (): void => {
    const newer = makeWheel("words", "1.1", { "words.py": "word = 'newer'\n" });
    serveIndex(place.server, [newer]);
  };

  test("is resolved once, and pinned: what is newer changes nothing", async () => {
    put("requirements.txt", "words\n");
    const { status, stderr } = await allowed();
    expect(stderr).toMatch(/Python 3\.11 packages of mail: installed/);
    expect(status).toBe(0);
    expect(tools()).toContain(setOf("words\n"));
    serveNewer();
    expect((await allowed("update")).stderr).toMatch(/nothing to do/);
    await run("remove", setOf("words\n"));
    expect(indexed()).not.toContain(linkOf("words\n"));
    expect((await allowed()).stderr).toMatch(/words-1\.0-py3-none-any\.whl/);
  });

  test("update without a name says what would change in each set, and changes nothing", async () => {
    put("requirements.txt", "words\n");
    put("package.json", '{"dependencies":{"zog":"^1.0.0"}}');
    const publish = (version: string): void =>
      place.server.publish("zog", version, npmTarball("zog", version, { "index.js": "" }), {
        manifest: {},
      });
    publish("1.0.0");
    await allowed();
    expect((await allowed("update")).stderr).not.toMatch(/would change|to accept/);
    const metadata = "Metadata-Version: 2.1\nName: words\nVersion: 1.1\nRequires-Dist: more\n";
    const newer = makeWheel("words", "1.1", { "words.py": "" }, {}, { metadata });
    serveIndex(place.server, [newer, makeWheel("more", "3.0", { "more.py": "" }), rich]);
    publish("1.2.0");
    const before = place.snapshot();
    for (const more of [[], ["--dry-run"]]) {
      const { status, stderr } = await allowed("update", ...more);
      expect(status).toBe(0);
      expect(stderr).toMatch(
        /Python 3\.11 packages of mail would change: new: more 3\.0, words 1\.0 -> 1\.1\n/,
      );
      expect(stderr).toMatch(/Node packages of mail would change: zog 1\.0\.0 -> 1\.2\.0\n/);
      const [, named = ""] = /to accept .*: openclaw-install-skill-deps (.*)\n/.exec(stderr) ?? [];
      expect(named.split(" ")).toEqual(expect.arrayContaining([setOf("words\n")]));
      expect(place.snapshot()).toEqual(before);
    }
    const refused = { PIP_INDEX_URL: `${place.server.origin}/none/` };
    const unknown = await place.runWith({ ...env, ...refused }, "--allow-libraries", "update");
    expect(unknown.status).toBe(0);
    expect(unknown.stderr).toMatch(/packages of mail: what is newer is not known: .*words/);
    expect((await run("update")).stderr).not.toMatch(/would change/);
    expect((await allowed("update", "--offline")).stderr).not.toMatch(/would change/);
    expect((await allowed("update", setOf("words\n"))).stderr).toMatch(/words 1\.0 -> 1\.1/);
    expect((await allowed("update")).stderr).not.toMatch(/words 1\.0/);
  });

  test("is resolved again where somebody accepts it, and what changes is said", async () => {
    put("requirements.txt", "words\n");
    await allowed();
    serveNewer();
    const { status, stderr } = await allowed("update", setOf("words\n"));
    expect(status).toBe(0);
    expect(stderr).toMatch(/Python 3\.11 packages of mail: words 1\.0 -> 1\.1/);
    const module = join(share("libraries"), linkOf("words\n"), "words.py");
    expect(readFileSync(module, "utf8")).toContain("newer");
  });

  test("is refused by file and line, and the rest of the skill's sets are installed", async () => {
    put("requirements.txt", "words\ngit+https://example.test/x\n");
    put("scripts/x.py", '# /// script\n# dependencies = ["rich"]\n# ///\n');
    const { status, stderr } = await allowed();
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /the skill mail: requirements\.txt:2: "git\+https:\/\/example\.test\/x": it is an address.*\[E_LIBRARIES_REFUSED\]/,
    );
    expect(indexed().length).toBeGreaterThan(0);
    expect(existsSync(join(share("libraries"), indexed()[0] ?? "", "rich.py"))).toBe(true);
  });

  test("Node packages are a tree with node_modules, resolved by npm", async () => {
    put("scripts/package.json", '\uFEFF{"dependencies":{"zog":"^1.0.0"}}');
    const zog = npmTarball("zog", "1.0.0", { "index.js": "exports.word = 'good';\n" });
    place.server.publish("zog", "1.0.0", zog, { manifest: {} });
    const { status, stderr } = await allowed();
    expect(stderr).toMatch(/Node packages of mail: installed/);
    expect(status).toBe(0);
    const [link = "", copy = ""] = indexed().sort();
    expect(link).toMatch(/^[0-9a-f]{64}-node$/);
    const covered = readFileSync(join(share("libraries"), copy), "utf8");
    expect(copy).toBe(`${link}-${Buffer.byteLength(covered)}`);
    expect(`${sha256(covered)}-node`).toBe(link);
    expect(
      readFileSync(join(share("libraries"), link, "node_modules/zog/index.js"), "utf8"),
    ).toContain("good");
    expect((await run("requirements")).stdout).toMatch(
      /mail declares Node packages: zog \(scripts\/package\.json\); present/,
    );
    expect((await run()).stderr).toMatch(/nothing to do/);
    chmodSync(join(share("libraries"), link, "node_modules/zog/index.js"), 0o600);
    const { stderr: restored } = await run("--offline");
    expect(restored).toMatch(/^Node packages: the modes of its files had been changed/m);
    expect(restored).toMatch(/^modes of Node packages restored; /m);
    writeFileSync(join(share("libraries"), copy), "damaged");
    expect((await run("--offline")).status).toBe(0);
    expect(readFileSync(join(share("libraries"), copy), "utf8")).toBe(covered);
    put("scripts/package.json", "{}");
    await allowed();
    expect((await run("gc")).stderr).toMatch(/packages declared by mail: removed/);
    expect(indexed()).toEqual([]);
  });

  test("is nothing where markers exclude all of it, which is no error", async () => {
    put("requirements.txt", "words; python_version < '3'\nrich; sys_platform == 'win32'\n");
    const { status, stderr } = await allowed();
    expect([status, stderr]).toEqual([0, expect.stringMatching(/packages of mail: installed/)]);
    expect((await allowed()).stderr).toMatch(/nothing to do/);
    expect((await run("doctor", "--deep")).status).toBe(0);
    const [link = ""] = indexed();
    expect(readdirSync(join(share("libraries"), link))).toEqual([]);
  });

  test("other bytes than a file's own hash are no change since the first use", async () => {
    put("requirements.txt", `words==1.0 --hash=sha256:${"0".repeat(64)}\n`);
    const { status, stderr } = await allowed();
    expect([status, stderr]).toEqual([4, expect.stringContaining("[E_DIGEST_MISMATCH]")]);
    expect(stderr).not.toMatch(/first use|--force-reinstall/);
  });

  test("is not pinned for a platform whose Python does not run here, which is said", async () => {
    lendPython("#!/bin/sh\necho Exec format error >&2\nexit 126\n");
    put("requirements.txt", "words\n");
    const other = process.arch === "x64" ? "linux-arm64" : "linux-x64";
    const { status, stderr } = await allowed("--platform", other);
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/which does not run here.*E_DECLARED/),
    ]);
    expect(stderr).toMatch(/hint: Pin them on such a machine.*--declared FILE/);
  });

  test("sets of one run do not wait for each other's records", async () => {
    const skills = Array.from({ length: 8 }, (_, i) => `s${i}`);
    for (const [i, skill] of skills.entries()) {
      place.skill(skill, {});
      put("package.json", `{"dependencies":{"zog":"^1.0.0"},"version":"${i}.0.0"}`, skill);
    }
    place.server.publish("zog", "1.0.0", npmTarball("zog", "1.0.0", { "index.js": "" }), {
      manifest: {},
    });
    const { status, stderr } = await allowed();
    expect([status, stderr]).toEqual([0, expect.not.stringContaining("waiting for another run")]);
    expect(tools().filter((tool) => tool.startsWith("libraries-"))).toHaveLength(8);
  });

  test("a lock that names what the registry does not have is one problem; the rest is installed", async () => {
    put("package.json", '{"dependencies":{"zog":"^1.0.0"}}');
    const zog = npmTarball("zog", "1.0.1", { "index.js": "" });
    place.server.publish("zog", "1.0.1", zog, { manifest: {} });
    const integrity = `sha512-${createHash("sha512").update(zog).digest("base64")}`;
    const packages = {
      "": { dependencies: { zog: "^1.0.0" } },
      "node_modules/zog": { version: "1.0.0", integrity },
    };
    put("package-lock.json", JSON.stringify({ lockfileVersion: 3, packages }));
    put("requirements.txt", "words\n", "notes");
    place.skill("notes", {});
    const { status, stderr } = await allowed();
    expect(stderr).toMatch(
      /Node packages of mail: .*has no zog@1\.0\.0.*\[E_LIBRARIES_NOT_LISTED\]/,
    );
    expect(stderr.match(/\[E_\w+\]/g)).toEqual(["[E_LIBRARIES_NOT_LISTED]"]);
    expect(status).toBe(0);
    expect((await allowed("--strict")).status).toBe(3);
    expect(indexed()).toContain(linkOf("words\n"));
    put(
      "package-lock.json",
      JSON.stringify({ lockfileVersion: 3, packages: { "": packages[""] } }),
    );
    expect((await allowed()).stderr).toMatch(/Node packages of mail: installed/);
  });

  test("why: which skills' sets have a package, in which version, how large and where from", async () => {
    put("requirements.txt", "words\n");
    put("scripts/package.json", '{"dependencies":{"@zoo/zog":"^1.0.0"}}');
    const zog = npmTarball("@zoo/zog", "1.0.0", { "index.js": "exports.word = 'good';\n" });
    place.server.publish("@zoo/zog", "1.0.0", zog, { manifest: {} });
    await allowed();
    const { status, stdout } = await run("why", "Words", "@zoo/zog");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^words 1\.0\n {2}package of +skill mail\n/);
    expect(stdout).toMatch(/declared +requirements\.txt \(words\)\n/);
    expect(stdout).toMatch(/source +words-1\.0-py3-none-any\.whl, \d.* to download\n/);
    expect(stdout).toMatch(
      /set +Python 3\.11 packages of mail \(libraries-[0-9a-f]{16}-cpython-311\)\n/,
    );
    expect(stdout).toMatch(
      /^@zoo\/zog 1\.0\.0\n(.*\n)* {2}source +npm:@zoo\/zog@1\.0\.0, \d.* in the volume\n/m,
    );
    const { programs, packages } = JSON.parse((await run("why", "words", "--json")).stdout);
    expect(programs).toEqual([]);
    expect(packages[0]).toMatchObject({ name: "words", skills: ["mail"], isDirect: true });
    expect((await run("why", "@zoo/none")).stderr).toMatch(/"@zoo\/none".*\[E_UNKNOWN_NAME\]/);
    await run("gc");
    rmSync(join(place.skills, "mail"), { recursive: true });
    place.skill("other", {});
    await run();
    expect((await run("gc")).stderr).toMatch(/removed/);
    expect((await run("why", "words")).stderr).toMatch(/\[E_UNKNOWN_NAME\]/);
  });

  test("changed files are another set; what no skill has any more is removed by gc", async () => {
    put("requirements.txt", "words\n");
    await allowed();
    put("requirements.txt", "rich\n");
    await allowed();
    expect(indexed()).toContain(linkOf("rich\n"));
    expect((await run("gc")).stderr).toMatch(/packages declared by mail: removed/);
    expect(indexed().filter((link) => link.endsWith("-cpython-311"))).toEqual([linkOf("rich\n")]);
    expect(tools()).toContain("python3");
  });
});

describe("freshness: dependency files count where they are allowed", () => {
  const start = (more: Record<string, string> = {}) => place.start({ ...env, ...more }, "-v");
  beforeEach(async () => {
    put("requirements.txt", "words\n");
    put("scripts/plain.py", "print(1)\n");
    put("notes.md", "x\n");
    expect((await start()).status).toBe(0);
    expect((await start()).alone).toBe(true);
  });

  test.each<[string, () => void]>([
    ["other content", () => put("requirements.txt", "rich\n")],
    ["gone", () => rmSync(join(place.skills, "mail/requirements.txt"))],
    ["another one", () => put("scripts/pyproject.toml", '[project]\ndependencies = ["rich"]\n')],
    ["inline metadata in a script", () => put("scripts/plain.py", "# /// script\n# ///\n")],
    ["a first package.json", () => put("package.json", "{}")],
  ])("%s: Node looks again", async (_, change) => {
    change();
    const { alone, stderr } = await start();
    expect(alone, stderr).toBe(false);
    expect(stderr).toMatch(/asking Node: a skill was added, changed or removed/);
    expect((await start()).alone).toBe(true);
  });

  test("other files of a skill do not count, nor do times alone", async () => {
    put("notes.md", "y\n");
    put("scripts/more.txt", "z\n");
    utimesSync(join(place.skills, "mail/requirements.txt"), 1, 1);
    expect((await start()).alone).toBe(true);
  });
});

test("a sandbox without Node verifies a copy of the skills by their dependency files, too", async () => {
  const { OPENCLAW_SKILL_DIRS: _, ...plain } = place.env;
  const skills = (home: string): string => join(place.dir, home, ".agents/skills");
  const startAt = (home: string, more: Record<string, string>) =>
    started(["sh", entrypoint], {
      env: { ...plain, HOME: join(place.dir, home), ...more },
      cwd: join(place.dir, home),
    });
  put("requirements.txt", "words\n");
  put("scripts/x.py", "print(1)\n");
  cpSync(place.skills, skills("gateway"), { recursive: true });
  const first = await startAt("gateway", { ...env, OPENCLAW_SKILL_DEPS_NODE: process.execPath });
  expect(first.stderr).toMatch(/Python 3\.11 packages of mail: installed/);
  cpSync(place.skills, skills("sandbox"), { recursive: true });
  writeFileSync(join(skills("sandbox"), "mail/scripts/x.py"), "print(2)\n");
  const inSandbox = () => startAt("sandbox", { OPENCLAW_SKILL_DEPS_NODE: "none" });
  expect((await inSandbox()).stderr).toMatch(/nothing to do/);
  writeFileSync(join(skills("sandbox"), "mail/requirements.txt"), "rich\n");
  const changed = await inSandbox();
  expect(changed.status).toBe(0);
  expect(changed.stderr).toMatch(/not verified: a skill was added, changed or removed/);
});

const linkOf = (text: string): string => `${digestOf(text)}-cpython-311`;
const setOf = (text: string): string => `libraries-${digestOf(text).slice(0, 16)}-cpython-311`;

/** A volume's Python that is this machine's. */
function lendPython(program = ""): void {
  const ask = (code: string): string =>
    execFileSync("python3", ["-c", code], { encoding: "utf8" }).trim();
  const body = program || `#!/bin/sh\nexec ${ask("import sys; print(sys.executable)")} "$@"\n`;
  const source = place.serve(
    "python3.tar.gz",
    archive("tar.gz", { "bin/python3": { body, mode: 0o755 } }),
  );
  const version = ask("import platform; print(platform.python_version())");
  place.recipe("python3", { version, test: ["python3", "-V"], artifacts: { any: source } });
}

/** Python scripts of skills find the packages that the volume has for them, and nothing else does. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LibraryLine } from "../../src/core/library-set.ts";
import { type LibraryPlace, openLibraryPlace } from "../support/library-place.ts";
import { snapshotOf } from "../support/workplace.ts";

interface Python {
  readonly path: string;
  readonly line: LibraryLine;
}

/** The machine's own, and those that pyenv keeps, from 3.8 on; the first is the one that most tests use. */
const pythons: readonly Python[] = [
  "/usr/bin/python3",
  `${homedir()}/.pyenv/versions/3.*/bin/python3`,
]
  .flatMap((pattern) => globSync(pattern))
  .map((path) => ({ path, line: ask(path, "import sys; print(sys.implementation.cache_tag)") }))
  .filter(({ line }) => Number(/\d+/.exec(line)?.[0]) >= 38)
  .map(({ path, line }) => ({ path, line: line as LibraryLine }));
const [python] = pythons as [Python];

function ask(path: string, code: string): string {
  return execFileSync(path, ["-c", code], { encoding: "utf8" }).trim();
}

const tellAlpha = "import alpha; print(alpha.name)";
let place: LibraryPlace;
let script: string;
let restore: () => void;
beforeAll(async () => {
  place = await openLibraryPlace();
  place.write("one/requirements.txt", "alpha>=1\n");
  script = place.write("one/scripts/tell.py", tellAlpha);
  restore = place.keep();
});
beforeEach(() => restore());
afterAll(() => place.close());

describe.each(pythons)("$path", ({ path, line }) => {
  test("finds them however the script is started", async () => {
    place.provide("one", line, {
      "alpha.py": "name = 'alpha of one'",
      "alpha_tool/__main__.py": tellAlpha,
    });
    const skill = join(place.skills, "one");
    writeFileSync(join(skill, "__main__.py"), tellAlpha);
    symlinkSync(script, join(place.home, "link.py"));
    symlinkSync(skill, join(place.home, "linked-skill"));
    mkdirSync(join(skill, "a/b"), { recursive: true });
    writeFileSync(join(skill, "a/b/deep.py"), tellAlpha);
    const ways: [argv: string[], cwd?: string][] = [
      [[script]],
      [["scripts/tell.py"], skill],
      [["tell.py"], join(skill, "scripts")],
      [["../skills/one/scripts/../scripts/tell.py"]],
      [["link.py"]],
      [["linked-skill/scripts/tell.py"]],
      [[join(skill, "a/b/deep.py")], "/"],
      [[skill]],
      [["-c", tellAlpha], skill],
      [["-m", "alpha_tool"], join(skill, "scripts")],
    ];
    for (const [argv, cwd] of ways) {
      const ran = await place.startAs([path, ...argv], cwd === undefined ? {} : { cwd });
      expect([argv, ran.stdout, ran.stderr]).toEqual([argv, "alpha of one\n", ""]);
    }
  });

  test("a program elsewhere, an unknown skill and -I see what they see without", async () => {
    place.provide("one", line, { "alpha.py": "name = 1" });
    const tell = "import sys; print(sys.path, sorted(set(sys.modules) - {'sitecustomize'}))";
    const elsewhere = join(place.dir, "elsewhere.py");
    writeFileSync(elsewhere, tell);
    const other = place.write("other/scripts/tell.py", tell);
    place.write("other/requirements.txt", "beta\n");
    writeFileSync(script, tell);
    for (const argv of [[elsewhere], [other], ["-c", tell], ["-I", script]]) {
      const plain = { OPENCLAW_SKILL_PREFIX: "/nowhere" };
      const expected = (await place.startAs([path, ...argv], { env: plain })).stdout;
      const ran = await place.startAs([path, ...argv]);
      const own = /, '(_frozen_importlib|_sha2|_sha256)'/g;
      expect(ran.stdout.replaceAll(own, "")).toBe(expected.replaceAll(own, ""));
      expect(ran.stderr).toBe("");
    }
  });

  test("a script with inline metadata has its own packages, not those of the folder", async () => {
    const block = (names: string): string =>
      `#!/usr/bin/env python3\n# /// script\n# requires-python = ">=3.8"\n# dependencies = [${names}]\n#\n# ///\n`;
    const own = place.write(
      "one/scripts/own.py",
      `${block('"beta"')}import beta; print(beta.name)`,
    );
    place.provide("one", line, { "beta.py": "name = 'beta of own.py'" }, "scripts/own.py");
    place.provide("one", line, { "alpha.py": "name = 'alpha of one'" }, "requirements.txt");
    expect((await place.startAs([path, own])).stdout).toBe("beta of own.py\n");
    expect((await place.startAs([path, script])).stdout).toBe("alpha of one\n");
    const unmarked = block('"beta"').replace(/^#!.*\n/, "");
    writeFileSync(own, `\uFEFF${unmarked.replaceAll("\n", "\r\n")}import beta; print(beta.name)`);
    expect((await place.startAs([path, own])).stdout).toBe("beta of own.py\n");
    writeFileSync(own, block('"beta"') + tellAlpha);
    expect((await place.startAs([path, own])).stderr).toMatch(/No module named 'alpha'/);
    writeFileSync(own, block('"gamma"') + tellAlpha); // unknown, and yet not the folder's
    expect((await place.startAs([path, own])).stderr).toMatch(/No module named 'alpha'/);
    writeFileSync(own, block("") + tellAlpha);
    expect((await place.startAs([path, own])).stdout).toBe("alpha of one\n");
  });
});

test("a skill never sees the packages of another one, nor those of other contents of its files", async () => {
  place.provide("one", python.line, { "alpha.py": "name = 'alpha of one'" });
  const two = place.write("two/two.py", "import beta; print(beta.name)");
  place.write("two/scripts/requirements.txt", "beta\n");
  place.provide("two", python.line, { "beta.py": "name = 'beta of two'" });
  expect((await place.startAs([python.path, two])).stdout).toBe("beta of two\n");
  writeFileSync(two, tellAlpha);
  expect((await place.startAs([python.path, two])).stderr).toMatch(/No module named 'alpha'/);
  expect((await place.startAs([python.path, script])).stdout).toBe("alpha of one\n");
  for (const change of ["requirements.txt", "scripts/constraints-x.txt", "pyproject.toml"]) {
    const file = join(place.skills, "one", change);
    const before = existsSync(file) ? readFileSync(file) : undefined;
    writeFileSync(file, "alpha>=2\n");
    expect((await place.startAs([python.path, script])).stderr).toMatch(/No module named 'alpha'/);
    if (before) writeFileSync(file, before);
    else rmSync(file);
    expect((await place.startAs([python.path, script])).stdout).toBe("alpha of one\n");
  }
});

test("packages come behind the standard library, before the machine's own", async () => {
  const machine = join(place.dir, "machine/site-packages");
  mkdirSync(machine, { recursive: true });
  writeFileSync(join(machine, "alpha.py"), "name = 'alpha of the machine'");
  // Packages of these names are on the index; they are for Pythons of long ago.
  const tree = place.provide("one", python.line, {
    "alpha.py": "name = 'alpha of one'",
    "enum.py": "raise SystemError",
    "asyncio/__init__.py": "raise SystemError",
    "evil.pth": "import sys; print('executed')\n",
  });
  writeFileSync(
    script,
    "import sys, json, enum, asyncio, os; sys.path.append(sys.argv[1]); import alpha; print(alpha.name); print(os.linesep.join(sys.path))",
  );
  const { stdout, stderr } = await place.startAs([python.path, script, machine]);
  expect(stderr).toBe("");
  const [name, ...path] = stdout.split("\n");
  expect(name).toBe("alpha of one");
  expect(path[0]).toBe(join(place.skills, "one/scripts"));
  const at = path.indexOf(tree);
  expect(path.slice(1, at).some((entry) => entry.endsWith("lib-dynload"))).toBe(true);
  expect(path.slice(0, at).some((entry) => /(site|dist)-packages$/.test(entry))).toBe(false);
  expect(path.some((entry) => entry.includes("openclaw-skill-deps/python"))).toBe(false);
});

test("a virtual environment has its own packages", async () => {
  place.provide("one", python.line, { "alpha.py": "name = 'alpha of one'" });
  const venv = join(place.dir, "venv");
  execFileSync(python.path, ["-m", "venv", "--without-pip", venv]);
  const ran = await place.startAs([join(venv, "bin/python"), script]);
  expect(ran.stderr).toMatch(/No module named 'alpha'/);
});

test("an environment that uv has made for a script has the script's packages, and only those", async () => {
  const block = '# /// script\n# dependencies = ["beta"]\n# ///\n';
  const own = place.write("one/scripts/own.py", `${block}import beta; print(beta.name)`);
  place.provide("one", python.line, { "beta.py": "name = 'beta of own.py'" }, "scripts/own.py");
  place.provide("one", python.line, { "alpha.py": "name = 'alpha of one'" }, "requirements.txt");
  const run = async (venv: string, file: string) => {
    execFileSync(python.path, ["-m", "venv", "--without-pip", join(place.dir, venv)]);
    return await place.startAs([join(place.dir, venv, "bin/python"), file]);
  };
  expect((await run("cache/environments-v2/own-1a2a870292784b35", own)).stdout).toBe(
    "beta of own.py\n",
  );
  const other = await run("cache/environments-v2/tell-9b3f21d0c5a78e64", script);
  expect(other.stderr).toMatch(/No module named 'alpha'/);
  expect((await run("cache/venv", own)).stderr).toMatch(/No module named 'beta'/);
});

test("the sitecustomize that Python would have imported runs, and fails as ever", async () => {
  place.provide("one", python.line, { "alpha.py": "name = 'alpha of one'" });
  const other = join(place.dir, "other");
  mkdirSync(other);
  const run = (env: object = {}) =>
    place.startAs([python.path, script], {
      env: { PYTHONPATH: other, PYTHONDONTWRITEBYTECODE: "1", ...env },
    });
  writeFileSync(
    join(other, "sitecustomize.py"),
    "import sys; print(__name__, __file__, __spec__.name)",
  );
  expect((await run()).stdout).toBe(
    `sitecustomize ${other}/sitecustomize.py sitecustomize\nalpha of one\n`,
  );
  writeFileSync(join(other, "sitecustomize.py"), "raise RuntimeError('theirs')");
  writeFileSync(script, "print('runs')");
  const failed = await run();
  const plain = await run({ OPENCLAW_SKILL_PREFIX: "/nowhere" });
  expect(failed).toEqual(plain);
  expect(failed.stdout).toBe("runs\n");
  expect(failed.stderr).toMatch(/RuntimeError: theirs/);
});

test("nothing is written into the volume, even where everything may be", async () => {
  place.provide("one", python.line, { "alpha.py": "name = 1" });
  const before = place.snapshot();
  const command = snapshotOf(join(place.prefix, "lib/openclaw-install-skill-deps"));
  await place.startAs([python.path, script]);
  await place.startAs([python.path, "-c", "import alpha"], { cwd: join(place.skills, "one") });
  expect(snapshotOf(join(place.prefix, "lib/openclaw-install-skill-deps"))).toEqual(command);
  const after = Object.keys(place.snapshot()).filter((path) => !path.includes("__pycache__"));
  expect(after).toEqual(Object.keys(before));
  expect((await place.run("doctor", "--deep")).stdout).not.toMatch(/libraries\/.*pycache/);
});

describe("a folder that somebody tampered with", () => {
  const inSkill = (path: string): string => join(place.skills, "one", path);
  const cases: Record<string, () => void> = {
    "a pipe": () =>
      execFileSync("mkfifo", [inSkill("scripts/requirements.txt"), inSkill("pyproject.toml")]),
    "a link out": () => {
      rmSync(inSkill("requirements.txt"));
      symlinkSync("/etc/passwd", inSkill("requirements.txt"));
    },
    "a link to a directory with the same file": () => {
      mkdirSync(join(place.dir, "aside"));
      writeFileSync(join(place.dir, "aside/requirements.txt"), "alpha>=1\n");
      rmSync(inSkill("requirements.txt"));
      symlinkSync(join(place.dir, "aside"), inSkill("scripts-aside"));
      symlinkSync(join(place.dir, "aside/requirements.txt"), inSkill("requirements.txt"));
    },
    "a huge file": () => truncateSync(inSkill("requirements.txt"), 2 ** 40),
    "many files": () => {
      for (let i = 0; i < 20; i++) writeFileSync(inSkill(`requirements-${i}.txt`), "");
    },
    "a directory": () => mkdirSync(inSkill("constraints.txt.txt")),
    "a file that cannot be read": () =>
      writeFileSync(inSkill("requirements-x.txt"), "x", { mode: 0 }),
    "a loop of links": () => symlinkSync("pyproject.toml", inSkill("pyproject.toml")),
  };
  const leadsOn = ["a pipe", "a directory", "a loop of links"];

  test.each(Object.keys(cases))("%s: Python starts, without a word", async (name) => {
    place.provide("one", python.line, { "alpha.py": "name = 'alpha of one'" });
    writeFileSync(
      script,
      "try:\n  import alpha; print('found')\nexcept ImportError: print('missing')",
    );
    expect((await place.startAs([python.path, script])).stdout).toBe("found\n");
    cases[name]?.();
    const { stdout, stderr, status } = await place.startAs([python.path, script]);
    expect([stderr, status]).toEqual(["", 0]);
    // What is no regular file does not count.
    expect(stdout).toBe(leadsOn.includes(name) ? "found\n" : "missing\n");
  });

  test.each(["../../../../outside", "OUTSIDE", "../../../lib/skills/../../../outside"])(
    "an index that leads to %s is not followed",
    async (target) => {
      const tree = place.provide("one", python.line, { "alpha.py": "name = 1" });
      mkdirSync(join(place.dir, "outside"));
      writeFileSync(join(place.dir, "outside/alpha.py"), "print('outside')");
      const [entry = ""] = globSync(join(place.index, "*"));
      expect(existsSync(tree)).toBe(true);
      rmSync(entry);
      symlinkSync(target.replace("OUTSIDE", join(place.dir, "outside")), entry);
      expect((await place.startAs([python.path, script])).stderr).toMatch(
        /No module named 'alpha'/,
      );
    },
  );
});

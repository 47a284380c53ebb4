/** Node scripts of skills find the packages that the volume has for them, and nothing else does. */
import { execFileSync } from "node:child_process";
import {
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type LibraryPlace, openLibraryPlace } from "../support/library-place.ts";

const node = process.execPath;
const manifest = (name: string): string => JSON.stringify({ dependencies: { [name]: "^1.0.0" } });

/** A package with two builds, a subpath, and a dependency that only it can see. */
const alpha = (of: string) => ({
  "alpha/package.json": JSON.stringify({
    name: "alpha",
    exports: {
      ".": { import: "./index.mjs", require: "./index.cjs" },
      "./sub": "./sub.cjs",
    },
  }),
  "alpha/index.mjs": `import inner from "inner"; export default "import of ${of}, " + inner;`,
  "alpha/index.cjs": `module.exports = "require of ${of}, " + require("inner");`,
  "alpha/sub.cjs": "module.exports = 'sub';",
  "inner/package.json": '{ "main": "main.js" }',
  "inner/main.js": 'module.exports = "inner";',
  "@scope/plain/index.js": "module.exports = 'scoped';",
});

let place: LibraryPlace;
let restore: () => void;
beforeAll(async () => {
  place = await openLibraryPlace();
  place.write("one/package.json", manifest("alpha"));
  place.provide("one", "node", alpha("one"));
  restore = place.keep();
});
beforeEach(() => restore());
afterAll(() => place.close());

const run = (...argv: string[]) => place.startAs([node, ...argv]);
const esm = 'import alpha from "alpha"; console.log(alpha);';
const cjs = 'console.log(require("alpha"));';

describe("a script of the skill", () => {
  const ways: Record<string, [file: string, text: string, said: string]> = {
    "an ES module": ["one/scripts/tell.mjs", esm, "import of one, inner"],
    CommonJS: ["one/scripts/tell.cjs", cjs, "require of one, inner"],
    "a .js file": ["one/tell.js", cjs, "require of one, inner"],
    TypeScript: ["one/scripts/tell.mts", `${esm} const x: number = 1;`, "import of one, inner"],
    "a subpath and a scope": [
      "one/a/b/deep.cjs",
      'console.log(require("alpha/sub"), require("@scope/plain"));',
      "sub scoped",
    ],
    "import()": [
      "one/later.cjs",
      'import("alpha").then((it) => console.log(it.default));',
      "import of one, inner",
    ],
    "createRequire in an ES module": [
      "one/made.mjs",
      'import { createRequire } from "node:module"; console.log(createRequire(import.meta.url)("alpha"));',
      "require of one, inner",
    ],
    "an imported CommonJS file": [
      "one/both.mjs",
      'import it from "./scripts/lib.cjs"; console.log(it);',
      "require of one, inner",
    ],
    "a builtin of the same name": [
      "one/builtin.cjs",
      'console.log(typeof require("events").once, typeof require("node:fs").statSync);',
      "function function",
    ],
    "a worker": [
      "one/work.mjs",
      `import { Worker } from "node:worker_threads"; new Worker(new URL("./scripts/tell.mjs", import.meta.url));`,
      "import of one, inner",
    ],
  };

  test.each(Object.keys(ways))("%s", async (name) => {
    place.write("one/scripts/lib.cjs", 'module.exports = require("alpha");');
    place.write("one/scripts/tell.mjs", esm);
    const [file, text, said] = ways[name] ?? ["", "", ""];
    const { stdout, stderr } = await run("--no-warnings", place.write(file, text));
    expect([stdout, stderr]).toEqual([`${said}\n`, ""]);
  });

  test("however it is started", async () => {
    const skill = join(place.skills, "one");
    const file = place.write("one/scripts/tell.mjs", esm);
    place.write("one/index.js", cjs);
    symlinkSync(file, join(place.home, "link.mjs"));
    symlinkSync(skill, join(place.home, "linked"));
    const starts: [argv: string[], cwd: string, said: string][] = [
      [["scripts/tell.mjs"], skill, "import"],
      [["../skills/one/scripts/../scripts/tell.mjs"], place.home, "import"],
      [["link.mjs"], place.home, "import"],
      [["linked/scripts/tell.mjs"], place.home, "import"],
      [[skill], place.home, "require"],
      [["-e", cjs], skill, "require"],
      [["--input-type=module", "-e", esm], skill, "import"],
      [[join(place.home, "runner.cjs"), file], place.home, "import"],
    ];
    writeFileSync(join(place.home, "runner.cjs"), "import(process.argv[2]);");
    for (const [argv, cwd, said] of starts) {
      const { stdout, stderr } = await place.startAs([node, ...argv], { cwd });
      expect([argv, stdout, stderr]).toEqual([argv, `${said} of one, inner\n`, ""]);
    }
  });
});

test("the nearest directory with packages counts", async () => {
  place.write("one/scripts/package.json", '{ "type": "module" }');
  const script = place.write("one/scripts/tell.js", esm);
  expect((await run(script)).stdout).toBe("import of one, inner\n");
  place.write(
    "one/scripts/package.json",
    JSON.stringify({ dependencies: { alpha: "2" }, type: "module" }),
  );
  place.provide("one", "node", alpha("scripts"), "scripts/package.json");
  expect((await run(script)).stdout).toBe("import of scripts, inner\n");
});

describe("the copies of what digests cover, which are compared first", () => {
  const copies = (): string[] => globSync(join(place.index, "*-node-*"));
  const changes: Record<string, (copy: string) => void> = {
    "are there": () => {},
    "are missing": (copy) => rmSync(copy),
    "are damaged": (copy) => writeFileSync(copy, readFileSync(copy, "utf8").replace("x", "y")),
    "are links": (copy) => {
      renameSync(copy, join(place.dir, "aside"));
      symlinkSync(join(place.dir, "aside"), copy);
    },
    "cannot be read": (copy) => {
      rmSync(copy);
      mkdirSync(copy);
    },
  };
  test.each(Object.keys(changes))("%s: the packages are found", async (name) => {
    const script = place.write("large/tell.mjs", esm);
    place.write("large/package.json", manifest("alpha"));
    const lock = place.write("large/package-lock.json", `{ "name": "${"x".repeat(100_000)}" }`);
    place.provide("large", "node", alpha("large"));
    expect(copies().length).toBe(2);
    for (const copy of copies().filter((file) => statSync(file).size > 100_000)) {
      changes[name]?.(copy);
    }
    expect((await run(script)).stdout).toBe("import of large, inner\n");
    writeFileSync(lock, `{ "name": "${"x".repeat(99_999)}y" }`);
    expect((await run(script)).stderr).toMatch(/ERR_MODULE_NOT_FOUND/);
  });

  test("another skill's copy of the same length leads nowhere", async () => {
    place.write("two/package.json", manifest("omega"));
    place.provide("two", "node", { "alpha/index.js": "module.exports = 'two'" });
    expect(new Set(copies().map((file) => file.split("-").at(-1))).size).toBe(1);
    expect((await run(place.write("two/tell.mjs", esm))).stdout).toBe("two\n");
    expect((await run(place.write("one/tell.mjs", esm))).stdout).toBe("import of one, inner\n");
    writeFileSync(join(place.skills, "two/package.json"), manifest("sigma"));
    expect((await run(join(place.skills, "two/tell.mjs"))).stderr).toMatch(/ERR_MODULE_NOT_FOUND/);
  });
});

test("a skill never sees the packages of another one, nor those of other contents of its files", async () => {
  const script = place.write("two/tell.mjs", esm);
  place.write("two/package.json", manifest("beta"));
  place.provide("two", "node", { "beta/index.js": "" });
  expect((await run(script)).stderr).toMatch(/ERR_MODULE_NOT_FOUND/);
  const own = place.write("one/tell.mjs", esm);
  for (const name of ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml"]) {
    const lock = place.write(`one/${name}`, "{}");
    expect((await run(own)).stderr).toMatch(/ERR_MODULE_NOT_FOUND/);
    rmSync(lock);
  }
  expect((await run(own)).stdout).toBe("import of one, inner\n");
});

test("other programs, and packages of a folder of its own, are left alone", async () => {
  const elsewhere = join(place.dir, "elsewhere/tell.mjs");
  mkdirSync(join(place.dir, "elsewhere/node_modules/alpha"), { recursive: true });
  writeFileSync(
    join(place.dir, "elsewhere/node_modules/alpha/index.js"),
    "module.exports = 'its own';",
  );
  writeFileSync(elsewhere, esm);
  expect((await run(elsewhere)).stdout).toBe("its own\n");
  const { stdout } = await place.startAs([node, elsewhere], { cwd: join(place.skills, "one") });
  expect(stdout).toBe("its own\n");
  place.write("one/node_modules/gamma/index.js", "module.exports = 'of the folder';");
  const script = place.write("one/gamma.cjs", "console.log(require('gamma'), require('alpha'));");
  expect((await run(script)).stdout).toBe("of the folder require of one, inner\n");
});

test("an error is the one of the package: what it does not export", async () => {
  const script = place.write("one/tell.mjs", 'import "alpha/none";');
  expect((await run(script)).stderr).toMatch(/ERR_PACKAGE_PATH_NOT_EXPORTED/);
  const missing = place.write("one/missing.cjs", 'require("delta");');
  expect((await run(missing)).stderr).toMatch(/MODULE_NOT_FOUND/);
});

describe("a folder that somebody tampered with", () => {
  const inSkill = (path: string): string => join(place.skills, "one", path);
  const cases: Record<string, () => void> = {
    // Of package.json too, but there Node itself waits.
    "a pipe for a lock": () => {
      execFileSync("mkfifo", [inSkill("yarn.lock"), inSkill("pnpm-lock.yaml")]);
      writeFileSync(inSkill("package-lock.json"), "");
    },
    "a link for package.json": () => {
      writeFileSync(join(place.dir, "package.json"), manifest("alpha"));
      rmSync(inSkill("package.json"));
      symlinkSync(join(place.dir, "package.json"), inSkill("package.json"));
    },
    "a huge lock": () => truncateSync(place.write("one/yarn.lock"), 2 ** 40),
    "a directory for package.json": () => {
      rmSync(inSkill("package.json"));
      mkdirSync(inSkill("package.json"));
    },
  };

  test.each(Object.keys(cases))("%s: nothing is found, and nothing hangs", async (name) => {
    const script = place.write(
      "one/tell.cjs",
      "try { require('alpha') } catch { console.log('missing') }",
    );
    cases[name]?.();
    const { stdout, stderr } = await run(script);
    expect([stdout, stderr]).toEqual(["missing\n", ""]);
  });

  test.each(["../../../../outside", "OUTSIDE", "../../../lib/skills/../../../outside"])(
    "an index that leads to %s is not followed",
    async (target) => {
      const file = join(place.dir, "outside/node_modules/alpha/index.js");
      mkdirSync(join(place.dir, "outside/node_modules/alpha"), { recursive: true });
      writeFileSync(file, "console.log('outside');");
      const [entry = ""] = globSync(join(place.index, "*-node"));
      rmSync(entry);
      symlinkSync(target.replace("OUTSIDE", join(place.dir, "outside")), entry);
      const { stdout, stderr } = await run(place.write("one/tell.cjs", cjs));
      expect([stdout, stderr]).toEqual(["", expect.stringMatching(/MODULE_NOT_FOUND/)]);
    },
  );
});

import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { $ } from "zx";
import { commandName, layout } from "../../src/core/layout.ts";
import { archive, program } from "../support/archives.ts";
import { copyPackage, removeCaches, replacing } from "../support/package.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let dist: string;
beforeEach(async () => {
  place = await openWorkplace();
  const packageDir = copyPackage(join(place.dir, "package"));
  dist = join(packageDir, "dist");
  const bytes = archive("tar.gz", { "bin/tool": program("1.0.0") });
  place.recipe("tool", { artifacts: { "linux-x64": place.serve("tool.tar.gz", bytes) } });
  place.skill("one", { bins: ["tool"] });
});
afterEach(() => place.close());

const hook = join(repository, "test/support/tell-code-cache.cjs");

interface Over {
  write?: boolean;
  flags?: string[];
  args?: string[];
  env?: Record<string, string>;
}

async function run({ write = false, flags = [], args = [], env: own = {} }: Over = {}) {
  const env = { ...place.env, ...own, ...(write && { OPENCLAW_SKILL_DEPS_CODE_CACHE: "write" }) };
  const words = [...flags, "--require", hook, join(dist, "openclaw-install-skill-deps.cjs")];
  const ran = await $({ env, nothrow: true, quiet: true })`${process.execPath} ${words} ${args}`;
  const cache = /^code cache: (\w+)$/m.exec(ran.stderr)?.[1];
  return { status: ran.exitCode, stdout: ran.stdout, stderr: ran.stderr, cache };
}

const cacheFile = () => join(dist, "program.cache");

test("a run that is told to leaves what it compiled, and later runs start with it", async () => {
  expect(await run({ write: true })).toMatchObject({ status: 0, cache: "none" });
  const { size, mode } = statSync(cacheFile());
  expect(size).toBeGreaterThan(500_000);
  expect(mode & 0o777).toBe(0o644);
  const before = readFileSync(cacheFile());
  const again = await run();
  expect(again).toMatchObject({ status: 0, cache: "taken" });
  expect(again.stderr).toMatch(/nothing to do/);
  expect(readFileSync(cacheFile()).equals(before)).toBe(true); // nobody asked for another
  expect(await run({ write: true, args: ["--force-reinstall"] })).toMatchObject({ cache: "taken" });
  expect(readdirSync(dist).filter((name) => name.endsWith(".new"))).toEqual([]);
  expect(statSync(join(dist, "install.cache")).size).toBeGreaterThan(500_000);
});

test("the HTTP parser is compiled, and not optimised: that takes longer than it saves", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `tool${i}`);
  for (const name of names) {
    const bytes = archive("tar.gz", { [`bin/${name}`]: program("1.0.0") });
    place.recipe(name, { artifacts: { "linux-x64": place.serve(`${name}.tar.gz`, bytes) } });
  }
  place.skill("many", { bins: names });
  const { status, stdout } = await run({ flags: ["--trace-wasm-compilation-times"] });
  expect(status).toBe(0);
  expect(stdout).toMatch(/using Liftoff/); // what is compiled is seen
  expect(stdout).not.toMatch(/using TurboFan/);
});

test("a small installation loads nothing of Node that only fetch and HTTP/2 need", async () => {
  const tell = join(place.dir, "tell.cjs");
  const said = "process.on('exit', () => console.error(process.moduleLoadList.join()))";
  writeFileSync(tell, said);
  const { status, stderr } = await run({ flags: ["--require", tell] });
  expect(status).toBe(0);
  expect(stderr).toMatch(/1 installed/);
  expect(stderr).toMatch(/NativeModule http,/); // what is loaded is seen
  expect(stderr).not.toMatch(/NativeModule (http2|worker_threads|internal\/deps\/undici\/undici),/);
});

test("what fits no more is refused, and the run is the same without it", async () => {
  await run({ write: true });
  const whole = readFileSync(cacheFile());
  const flipped = (at: number): Buffer => {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
    return bytes;
  };
  const spoilt: [string, Buffer][] = [
    ["empty", Buffer.alloc(0)],
    ["cut short", whole.subarray(0, whole.length >> 1)],
    ["another digest", flipped(0)],
    ["another byte", flipped(whole.length >> 1)],
    ["nothing of the kind", Buffer.from("code\n".repeat(10_000))],
  ];
  for (const [why, bytes] of spoilt) {
    writeFileSync(cacheFile(), bytes);
    const { status, stderr, cache } = await run();
    expect([why, status, cache]).toEqual([why, 0, "none"]);
    expect(stderr).toMatch(/nothing to do/);
  }
  writeFileSync(cacheFile(), whole);
  expect((await run({ flags: ["--no-opt"] })).cache).toBe("refused"); // by V8 itself
  expect((await run()).cache).toBe("taken");
  appendFileSync(join(dist, "program.cjs"), "\n");
  expect((await run()).cache).toBe("none");
});

test.each([
  ["program", 1_000_000],
  ["install", 1_000_000],
  ["rest", 2_000_000],
])("%s.cjs is ASCII, so that it may be read as bytes, and not too long", (name, most) => {
  const code = readFileSync(join(dist, `${name}.cjs`), "latin1");
  expect(code.length).toBeGreaterThan(500_000);
  expect(code.length).toBeLessThan(most);
  expect(/[\u0080-\uffff]/.exec(code)?.[0]).toBeUndefined();
});

test("files of two builds are a damaged package", async () => {
  const install = join(dist, "install.cjs");
  writeFileSync(
    install,
    readFileSync(install, "latin1").replaceAll(/"\.\/\w+\.js"\(exports,/g, '"./other.js"(exports,'),
  );
  const { status, stderr } = await run();
  expect(status).toBe(2);
  expect(stderr).toMatch(/is not of one build: it has no \.\/\w+\.js \[E_PACKAGE_DAMAGED\]/);
});

describe("another build replaces the package while a run is at work", () => {
  let newer: string;
  /** The run that installs the first one replaces the package. */
  async function offerReplacing(others: readonly string[] = []): Promise<void> {
    const replaces = replacing(dirname(dist), newer);
    const pad = "x".repeat(9000); // it is larger, so it is the first
    for (const name of ["tool", ...others]) {
      const format = name === "tool" ? "tar.gz" : "tar.xz";
      const tree = { [`bin/${name}`]: name === "tool" ? replaces : program("1.0.0") };
      const bytes = archive(format, name === "tool" ? { ...tree, pad } : tree);
      const source = place.serve(`${name}.${format}`, bytes);
      place.recipe(name, { artifacts: { "linux-x64": source, "linux-arm64": source } });
      place.skill(`${name}s`, { bins: [name] });
    }
    // Recipes in YAML would be read with code of rest.cjs.
    const catalogue = join(dist, "catalogue.json");
    await run({ args: ["recipe", "compile", place.recipes, catalogue] });
    removeCaches(dist);
    copyFileSync(catalogue, join(newer, "dist/catalogue.json"));
  }
  const env = { OPENCLAW_SKILL_RECIPES: "" };
  beforeEach(() => {
    newer = copyPackage(join(place.dir, "newer"));
  });

  test("its code is not what the next build starts with", async () => {
    const file = join(newer, "dist/program.cjs");
    const code = readFileSync(file, "latin1").replaceAll("nothing to do", "nothing to DO");
    writeFileSync(file, code, "latin1"); // of the same length, which is what V8 compares
    await offerReplacing();
    const { status, stderr } = await run({ args: ["--jobs", "1"], env });
    expect([status, stderr]).toEqual([0, expect.stringMatching(/1 installed/)]);
    expect((await run({ env })).stderr).toMatch(/nothing to DO/);
  });

  test("code that is loaded later is that of no other build: nothing is lost, and the next run goes on", async () => {
    const file = join(newer, "dist/rest.cjs");
    const whole = readFileSync(file, "latin1");
    writeFileSync(
      file,
      whole.replaceAll(/"\.\/\w+\.js"\(exports,/g, '"./other.js"(exports,'),
      "latin1",
    );
    appendFileSync(join(newer, "dist/program.cjs"), "\n");
    await offerReplacing(["other"]);
    const { status, stderr } = await run({ args: ["--jobs", "1"], env });
    expect([status, stderr]).toEqual([
      5,
      expect.stringMatching(
        /error: another build has replaced .*package\/dist \[E_PACKAGE_REPLACED\]\n {2}hint: Run the command again\.\n$/,
      ),
    ]);
    writeFileSync(join(dist, "rest.cjs"), whole, "latin1");
    const again = await run({ env });
    expect([again.status, again.stderr]).toEqual([0, expect.stringMatching(/installed; 2 in /)]);
  });
});

test("a file without code is a damaged package", async () => {
  writeFileSync(join(dist, "program.cjs"), "");
  const { status, stderr } = await run();
  expect(status).toBe(2);
  expect(stderr).toMatch(/cannot use .*program\.cjs: it has no code \[E_PACKAGE_DAMAGED\]/);
});

test("that it cannot be written is said, after the work", async () => {
  mkdirSync(cacheFile());
  const { status, stderr } = await run({ write: true });
  expect(status).toBe(2);
  expect(stderr).toMatch(/1 installed/);
  expect(stderr).toMatch(/error: .*EISDIR.*program\.cache.*\[E_FILE_OPERATION\]/);
  expect(stderr).toMatch(/hint: Run it as a user who can write to .*dist/);
  expect(cachesIn(dist)).toEqual(["program.cache"]);
  expect((await run()).stderr).toMatch(/nothing to do/);
});

const cachesIn = (dir: string) => readdirSync(dir).filter((name) => name.includes(".cache"));

describe("without being told to", () => {
  test("the first run that installs something leaves it, and the volume's command has it from the start", async () => {
    await run({ args: ["--dry-run"] });
    expect(cachesIn(dist)).toEqual([]);
    expect(await run()).toMatchObject({ status: 0, cache: "none" });
    expect(cachesIn(dist)).toEqual(["install.cache", "program.cache", "rest.cache"]);
    expect(await run()).toMatchObject({ status: 0, cache: "taken" });

    const command = realpathSync(join(place.prefix, "bin", commandName));
    const copy = join(command, "../../dist");
    expect(cachesIn(copy)).toEqual(cachesIn(dist));
    dist = copy;
    const again = await run();
    expect(again).toMatchObject({ status: 0, cache: "taken" });
    expect(again.stderr).toMatch(/nothing to do/);
    expect(await run({ args: ["--force-reinstall"] })).toMatchObject({ cache: "taken" });
    expect((await place.run("doctor", "--deep")).status).toBe(0);
  });

  test("what only some installations load is stored by the first that does, and each copy has all", async () => {
    await run({ args: ["recipe", "compile", place.recipes, join(dist, "catalogue.json")] });
    const env = { OPENCLAW_SKILL_RECIPES: "" };
    expect((await run({ env })).stderr).toMatch(/1 installed/);
    expect(cachesIn(dist)).toEqual(["install.cache", "program.cache"]);
    const own = readFileSync(cacheFile());

    expect((await run({ args: ["--force-reinstall"] })).stderr).toMatch(/1 installed/); // reads recipes in YAML
    expect(cachesIn(dist)).toEqual(["install.cache", "program.cache", "rest.cache"]);
    expect(readFileSync(cacheFile()).equals(own)).toBe(true);

    rmSync(place.prefix, { recursive: true });
    expect((await run({ env })).stderr).toMatch(/1 installed/);
    const command = realpathSync(join(place.prefix, "bin", commandName));
    expect(cachesIn(join(command, "../../dist"))).toEqual(cachesIn(dist));
  });

  test("a program that is replaced during the run is not started with the code of the former one", async () => {
    const replace = join(place.dir, "replace.cjs");
    const file = JSON.stringify(join(dist, "program.cjs"));
    const other = `fs.readFileSync(${file}, "latin1").replaceAll("nothing to do", "nothing at all".slice(0, -1))`;
    writeFileSync(
      replace,
      `const fs = require("fs"); process.on("exit", () => fs.writeFileSync(${file}, ${other}));`,
    );
    expect((await run({ flags: ["--require", replace] })).stderr).toMatch(/1 installed/);
    expect(await run()).toMatchObject({
      cache: "none",
      stderr: expect.stringMatching(/nothing at al;/),
    });
  });

  test("one that V8 refuses is replaced, and one that fits no more is not copied", async () => {
    await run({ write: true, flags: ["--no-opt"] });
    expect((await run({ args: ["--force-reinstall"] })).cache).toBe("refused");
    expect((await run()).cache).toBe("taken");

    writeFileSync(join(dist, "signatures.cache"), "cut short");
    rmSync(place.prefix, { recursive: true });
    expect((await run()).stderr).toMatch(/1 installed/);
    const command = realpathSync(join(place.prefix, "bin", commandName));
    expect(cachesIn(join(command, "../../dist"))).toEqual([
      "install.cache",
      "program.cache",
      "rest.cache",
    ]);
  });

  test("a copy of a package that has one gets that one", async () => {
    await run({ write: true });
    const own = readFileSync(cacheFile());
    rmSync(place.prefix, { recursive: true });
    await run();
    const command = realpathSync(join(place.prefix, "bin", commandName));
    expect(readFileSync(join(command, "../../dist/program.cache")).equals(own)).toBe(true);
  });

  const isRoot = process.getuid?.() === 0;
  test.each([
    ["a tree of a volume", () => writeFileSync(join(dist, "..", layout.record), "{}")],
    isRoot
      ? ["a package of another user", () => chownSync(dist, 12_345, 12_345)]
      : ["a package that cannot be written to", () => chmodSync(dist, 0o555)],
  ] as [string, () => void][])("%s stays as it is", async (_what, prepare) => {
    prepare();
    expect(await run()).toMatchObject({ status: 0, cache: "none" });
    expect(cachesIn(dist)).toEqual([]);
    chmodSync(dist, 0o755);
  });

  test("what another Node has left is refused", async () => {
    const asOther = join(place.dir, "other.cjs");
    writeFileSync(asOther, "Object.defineProperty(process, 'version', { value: 'v22.0.0' })");
    await run({ write: true, flags: ["--require", asOther] });
    expect(await run()).toMatchObject({ status: 0, cache: "none" });
  });
});

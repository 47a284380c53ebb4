/** Trees of library sets: packages without programs, chosen by the set's own line. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pinnedLibraries } from "../../src/core/libraries/recorded.ts";
import type { Artifact } from "../../src/core/recipe.ts";
import { readAptConfig } from "../../src/net/apt-config.ts";
import { createHttp, type Http } from "../../src/net/http.ts";
import { readNpmConfig } from "../../src/net/npm-config.ts";
import { readPipConfig } from "../../src/net/pip-config.ts";
import type { StageContext } from "../../src/sources/context.ts";
import { stage } from "../../src/sources/source.ts";
import { describe as facts, npmTarball } from "../support/archives.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";
import { noToolchains } from "../support/toolchains.ts";
import { type MadeWheel, makeWheel, serveIndex } from "../support/wheels.ts";

const tool = "libraries-0123456789abcdef-";

let dir: string;
let server: Loopback;
let http: Http;
let context: StageContext;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "stage-libraries-"));
  mkdirSync(join(dir, "work"));
  server = await startLoopback();
  http = createHttp({ env: {}, mirrors: () => [], offline: false, timing: { backoffMs: 5 } });
  const pip = () => readPipConfig({ PIP_INDEX_URL: `${server.origin}/simple` }, dir);
  context = {
    http,
    npm: () => readNpmConfig({ npm_config_registry: server.registry }, join(dir, "home")),
    apt: () => readAptConfig({ APT_CONFIG: join(dir, "apt.conf") }),
    toolchains: noToolchains(pip),
    platform: { os: "linux", arch: "x64", libc: "glibc" },
    runsHere: true,
    dir: join(dir, "work"),
    bins: {},
    written: new Map(),
    onProgress: () => {},
  };
});
afterEach(async () => {
  await http.close();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

function pinned(line: string, lock: object): Artifact {
  const artifact = pinnedLibraries(`${tool}${line}`, JSON.stringify(lock));
  if (typeof artifact === "string") throw new Error(artifact);
  return artifact;
}

function wheelsLock(wheels: readonly MadeWheel[]): object {
  serveIndex(server, wheels);
  const packages = wheels.map(({ name, version, file, bytes }) => {
    const { sha256, size } = facts(bytes);
    return { name, version, wheels: [{ file, sha256, size }] };
  });
  return { pypiLockVersion: 1, places: ["3.11-x64"], packages };
}

const listed = (): string[] =>
  readdirSync(join(dir, "work/tree"), { recursive: true, encoding: "utf8" }).sort();

test("Python: site-packages of the set's line, without programs and data files, and no Python needed", async () => {
  const more = [
    { name: "zog-1.0.data/scripts/zog-old", body: "#!python\n" },
    { name: "zog-1.0.data/data/share/zog.txt", body: "text" },
    { name: "zog-1.0.data/platlib/zog_fast.so", body: "binary" },
  ];
  const modules = { "zog/__init__.py": "one = 1\n" };
  const scripts = { zog: "zog:main" };
  const zog = makeWheel("zog", "1.0", modules, scripts, {
    more,
    tags: "cp311-cp311-manylinux_2_17_x86_64",
  });
  const info = "site-packages/zog-1.0.dist-info";
  const { source } = await stage(pinned("cpython-311", wheelsLock([zog])), context);
  expect(listed()).toEqual(
    [
      ...["site-packages", "site-packages/zog", info],
      ...["METADATA", "RECORD", "WHEEL", "entry_points.txt"].map((name) => `${info}/${name}`),
      ...["site-packages/zog/__init__.py", "site-packages/zog_fast.so"],
    ].sort(),
  );
  expect(source).toMatchObject({ kind: "python-libraries", size: zog.bytes.length });
  expect(source).not.toHaveProperty("python"); // the volume's Python does not matter
});

test("Python: libraries of the system that compiled modules need and nobody has are said", async () => {
  const file = (name: string): string => join(dir, name);
  writeFileSync(file("empty.c"), "");
  const compile = (...words: string[]) =>
    execFileSync("gcc", ["-shared", "-fPIC", ...words], { cwd: dir });
  compile("-Wl,-soname,libgone.so.1", "-o", "libgone.so", "empty.c");
  compile("-Wl,--no-as-needed", "-o", "fast.so", "empty.c", "-L.", "-lgone", "-lm");
  const body = (name: string): Buffer => readFileSync(file(name));
  const warned: string[] = [];
  const onWarning: StageContext["onWarning"] = (problem, message) =>
    warned.push(`${problem} ${message}`);
  const zog = (...names: string[]) => {
    const more = names.map((name) => ({
      name,
      body: body(/gone/.test(name) ? "libgone.so" : "fast.so"),
    }));
    return makeWheel(
      "zog",
      "1.0",
      { "zog/__init__.py": "" },
      {},
      { more, tags: "cp311-cp311-manylinux_2_17_x86_64" },
    );
  };
  const staged = async (...names: string[]) => {
    rmSync(join(dir, "work"), { recursive: true });
    mkdirSync(join(dir, "work"));
    await stage(pinned("cpython-311", wheelsLock([zog(...names)])), { ...context, onWarning });
  };
  await staged("zog/fast.cpython-311-x86_64-linux-gnu.so", "zog.libs/libgone.so.1");
  await staged("zog/plugins/fast.so");
  expect(warned).toEqual([]);
  await staged("zog/fast.abi3.so");
  expect(warned).toEqual([
    "E_LIBRARIES_SYSTEM modules of its packages for Python 3.11 need libraries of the system that are not here: zog (libgone.so.1)",
  ]);
});

describe("the system's own Python of the set's line", () => {
  const zog = makeWheel("zog", "1.0", { "zog.py": "one = 1\n" });
  const ask = "import sys; print(sys.executable); print('%d%d' % sys.version_info[:2])";
  const said = execFileSync("python3", ["-c", ask], { encoding: "utf8" });
  const [program = "", line = ""] = said.trim().split("\n");
  const stageWith = async (systemPython: string): Promise<void> => {
    const { toolchains } = context;
    if (!toolchains) throw new Error("there are no toolchains");
    const lock = { ...wheelsLock([zog]), places: [`3.${line.slice(1)}-x64`] };
    const own = { ...toolchains, systemPython: () => systemPython };
    await stage(pinned(`cpython-${line}`, lock), { ...context, toolchains: own });
  };

  test("compiles the modules", async () => {
    await stageWith(program);
    expect(listed()).toContain(`site-packages/__pycache__/zog.cpython-${line}.pyc`);
  });

  test("is not needed: one that does not start leaves the modules as they are", async () => {
    await stageWith("/nonexistent/python");
    expect(listed()).toContain("site-packages/zog.py");
    expect(listed().join()).not.toContain(".pyc");
  });
});

test("Python: a lock of another line has no wheels for the set", async () => {
  const lock = wheelsLock([makeWheel("zog", "1.0", { "zog.py": "" })]);
  await expect(stage(pinned("cpython-312", lock), context)).rejects.toMatchObject({
    problem: "E_NO_BUILD",
  });
  expect(server.hits()).toBe(0);
});

test("Node: node_modules with what this platform needs, and no script is run", async () => {
  const make = (name: string, more: object = {}) => {
    const bytes = npmTarball(name, "1.0.0", { "index.js": `exports.name = "${name}";\n` });
    const manifest = { scripts: { postinstall: `touch ${join(dir, "ran")}` } };
    server.publish(name, "1.0.0", bytes, { manifest });
    return { version: "1.0.0", integrity: facts(bytes).integrity, ...more };
  };
  const lock = {
    lockfileVersion: 3,
    packages: {
      "": { dependencies: { zog: "^1.0.0" } },
      "node_modules/zog": make("zog"),
      "node_modules/zog/node_modules/words": make("words"),
      "node_modules/mac": make("mac", { os: ["darwin"], optional: true }),
    },
  };
  const { source } = await stage(pinned("node", lock), context);
  expect(listed().filter((path) => path.endsWith("index.js"))).toEqual([
    "node_modules/zog/index.js",
    "node_modules/zog/node_modules/words/index.js",
  ]);
  expect(source).toMatchObject({ kind: "node-libraries" });
  expect(readdirSync(dir)).not.toContain("ran");
});

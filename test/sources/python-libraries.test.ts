/** Library sets of Python: the real pip of this machine, an index of ours. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LibraryContext, resolvePythonLibraries } from "../../src/author/python-libraries.ts";
import type { LibrarySet } from "../../src/core/library-set.ts";
import { createHttp, type Http } from "../../src/net/http.ts";
import { readPipConfig } from "../../src/net/pip-config.ts";
import type { Toolchains } from "../../src/sources/toolchains.ts";
import { describe as facts } from "../support/archives.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";
import { type MadeWheel, makeWheel, serveIndex } from "../support/wheels.ts";

const never = (): Promise<never> => Promise.reject(new Error("is not asked for"));
/** Its line is not one of those that the sets are for. */
const ask = "import sys; print(sys.executable); print('%d.%d.%d' % sys.version_info[:3])";
const [program = "", version = ""] = execFileSync("python3", ["-c", ask], { encoding: "utf8" })
  .trim()
  .split("\n");

let dir: string;
let server: Loopback;
let http: Http;
let context: LibraryContext;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "python-libraries-"));
  server = await startLoopback();
  http = createHttp({ env: {}, mirrors: () => [], offline: false, timing: { backoffMs: 5 } });
  const pip = () => readPipConfig({ PIP_INDEX_URL: `${server.origin}/simple` }, dir);
  const python = async () => ({ program, version, tree: dir });
  const toolchains: Toolchains = {
    ...{ pip, python, anyPython: python, goConfig: never, toolchain: never },
    ...{
      networkEnv: {},
      offline: false,
      systemPython: () => undefined,
      systemIndex: async () => undefined,
    },
  };
  const platform = { os: "linux", arch: "x64", libc: "glibc", libcVersion: "2.36" } as const;
  context = { dir: join(dir, "run"), platform, http, toolchains, emit: () => {} };
  mkdirSync(context.dir);
});
afterEach(async () => {
  await http.close();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

function wheel(name: string, needs: readonly string[] = [], tags = "py3-none-any", of = "1.0") {
  const lines = needs.map((need) => `Requires-Dist: ${need}\n`).join("");
  const metadata = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${of}\n${lines}`;
  return makeWheel(name, of, { [`${name}.py`]: "" }, {}, { tags, metadata });
}

const setOf = (requirements: readonly string[], more: Partial<LibrarySet> = {}): LibrarySet => ({
  ...{ kind: "libraries", language: "python", line: "cpython-39", digest: "0".repeat(64) },
  ...{ file: "requirements.txt", names: ["zog"], requirements, constraints: [], files: {} },
  ...more,
});

async function lock(set: LibrarySet) {
  const { places, packages } = JSON.parse(await resolvePythonLibraries(set, context));
  const all = packages as {
    name: string;
    version: string;
    only?: string[];
    wheels: { file: string }[];
  }[];
  return { places, packages: all };
}

/** Several wheels of one package, on one page. */
function servePage(name: string, wheels: readonly MadeWheel[], python = ">=3.0"): void {
  const files = wheels.map(({ file, bytes }) => {
    server.serve(`/files/${file}`, bytes);
    const { sha256, size } = facts(bytes);
    return {
      filename: file,
      url: `../../files/${file}`,
      hashes: { sha256 },
      size,
      "requires-python": python,
    };
  });
  const headers = { "content-type": "application/vnd.pypi.simple.v1+json" };
  server.serve(`/simple/${name}/`, JSON.stringify({ name, files }), { headers });
}

test("markers are those of the set's line and of each architecture, whatever pip runs in", async () => {
  const needs = [
    'old; python_version < "3.10"',
    'new; python_version >= "3.10"',
    'arm; platform_machine == "aarch64"',
    'mac; sys_platform == "darwin"',
  ];
  const wheels = ["old", "new", "arm", "mac"].map((name) => wheel(name));
  serveIndex(server, [wheel("zog", needs), ...wheels], "json");
  const { places, packages } = await lock(setOf(["zog>=1", 'gone; python_version >= "3.10"']));
  expect(places).toEqual(["3.9-x64", "3.9-arm64"]);
  expect(packages.map(({ name, only }) => [name, only])).toEqual([
    ["arm", ["3.9-arm64"]],
    ["old", undefined],
    ["zog", undefined],
  ]);
});

test("each architecture has its own wheel, of the set's line and not of pip's", async () => {
  const tags = ["39", "310", "311", "312"].flatMap((line) =>
    ["x86_64", "aarch64"].map((arch) => `cp${line}-cp${line}-manylinux_2_17_${arch}`),
  );
  servePage(
    "zog",
    tags.map((each) => wheel("zog", [], each)),
  );
  const { packages } = await lock(setOf(["zog"]));
  expect(packages.map(({ wheels }) => wheels.map(({ file }) => file))).toEqual([
    ["zog-1.0-cp39-cp39-manylinux_2_17_aarch64.whl", "zog-1.0-cp39-cp39-manylinux_2_17_x86_64.whl"],
  ]);
});

test("both architectures get the same version, even if one has a newer wheel", async () => {
  const wheels = [
    wheel("zog", [], "cp39-cp39-manylinux_2_17_x86_64"),
    wheel("zog", [], "cp39-cp39-manylinux_2_17_aarch64"),
    wheel("zog", [], "cp39-cp39-manylinux_2_17_aarch64", "2.0"),
  ];
  servePage("zog", wheels);
  const { places, packages } = await lock(setOf(["zog"]));
  expect(places).toEqual(["3.9-x64", "3.9-arm64"]);
  expect(packages).toMatchObject([{ version: "1.0" }]);
});

test("a version by arbitrary equality; the volume's Python writes no bytecode beside its modules", async () => {
  const [log, own] = [join(dir, "log"), join(dir, "python3")];
  writeFileSync(own, `#!/bin/sh\necho "$1 $2" >>${log}\nexec ${program} "$@"\n`, { mode: 0o755 });
  const python = async () => ({ program: own, version, tree: dir });
  context = { ...context, toolchains: { ...context.toolchains, python } };
  serveIndex(server, [wheel("zog"), wheel("zog", [], "py3-none-any", "2.0")], "json");
  expect((await lock(setOf(["zog === 1.0"]))).packages).toMatchObject([{ version: "1.0" }]);
  expect(new Set(readFileSync(log, "utf8").trim().split("\n"))).toEqual(new Set(["-I -B"]));
});

test("a set that only this architecture has is pinned for it alone", async () => {
  servePage("zog", [wheel("zog", [], "cp39-cp39-manylinux_2_17_x86_64")]);
  expect((await lock(setOf(["zog"]))).places).toEqual(["3.9-x64"]);
});

test("an index without sizes: the wheels are weighed; with them, none is fetched for it", async () => {
  const zog = wheel("zog", ["words"]);
  serveIndex(server, [zog, wheel("words")], "html");
  const { packages } = await lock(setOf(["zog"]));
  const { sha256, size } = facts(zog.bytes);
  expect(packages.find(({ name }) => name === "zog")?.wheels).toEqual([
    { file: zog.file, sha256, size },
  ]);
});

test("constraints limit a version and require nothing", async () => {
  servePage(
    "zog",
    ["1.0", "2.0"].map((of) => wheel("zog", [], "py3-none-any", of)),
  );
  const { packages } = await lock(setOf(["zog"], { constraints: ["zog<2", "absent==1"] }));
  expect(packages.map(({ wheels }) => wheels[0]?.file)).toEqual(["zog-1.0-py3-none-any.whl"]);
});

describe("what cannot be installed is named", () => {
  const refused = (requirements: readonly string[]) => {
    const own = { ...context, dir: mkdtempSync(join(dir, "run-")) };
    return resolvePythonLibraries(setOf(requirements), own).then(String, (error) => error);
  };

  test("a package that the index does not have", async () => {
    const error = await refused(["absent"]);
    expect(error).toMatchObject({ problem: "E_LIBRARIES_NO_WHEEL", kind: "unmet" });
    expect(error.message).toMatch(/^requirements\.txt: .*no package absent/);
  });

  test("a package of sources only, and one for another system", async () => {
    const files = [{ filename: "zog-1.0.tar.gz", url: "../../files/zog-1.0.tar.gz", hashes: {} }];
    const headers = { "content-type": "application/vnd.pypi.simple.v1+json" };
    server.serve("/simple/zog/", JSON.stringify({ name: "zog", files }), { headers });
    expect((await refused(["zog"])).message).toMatch(/zog has no wheel \(source/);
    servePage("win", [wheel("win", [], "cp39-cp39-win_amd64")]);
    expect((await refused(["win"])).message).toMatch(
      /win has no wheel for Python 3\.9 on linux-x64/,
    );
  });

  test("versions that need a newer Python than the set's line", async () => {
    servePage("zog", [wheel("zog")], ">=3.12");
    expect((await refused(["zog"])).message).toMatch(/; versions .* need Python >=3\.12$/);
    servePage("zog", [wheel("zog")], "<3.5");
    expect((await refused(["zog"])).message).not.toMatch(/need Python/);
  });

  test("versions that exclude each other", async () => {
    servePage(
      "zog",
      ["1.0", "2.0"].map((of) => wheel("zog", [], "py3-none-any", of)),
    );
    const error = await refused(["zog<2", "zog>1"]);
    expect(error).toMatchObject({ problem: "E_LIBRARIES_CONFLICT" });
    expect(error.message).toMatch(/zog<2 and zog>1/);
    const newest = (await refused(["zog>9"])).message;
    expect(newest).toMatch(/that zog>9 allows; the newest is 2\.0/);
  });

  test("other bytes than the file's own hash, and hashes for some only", async () => {
    serveIndex(server, [wheel("zog", ["words"]), wheel("words")], "json");
    const other = `zog==1.0 --hash=sha256:${"0".repeat(64)}`;
    const words = `words==1.0 --hash=sha256:${facts(wheel("words").bytes).sha256}`;
    expect(await refused([other, words])).toMatchObject({ problem: "E_DIGEST_MISMATCH" });
    const zog = `zog==1.0 --hash=sha256:${facts(wheel("zog", ["words"]).bytes).sha256}`;
    expect(await refused([zog])).toMatchObject({ problem: "E_LIBRARIES_CONFLICT" });
    expect(await refused([zog, words])).toContain("words-1.0-py3-none-any.whl");
  });

  test("an index that is down is not a package that is missing", async () => {
    server.serve("/simple/zog/", "busy", { fault: "503 always" });
    expect(await refused(["zog"])).toMatchObject({ kind: "network" });
    server.serve("/simple/zog/", "", { fault: "html" });
    expect((await refused(["zog"])).message).toMatch(/zog\/ responded with a web page, not a list/);
  });
});

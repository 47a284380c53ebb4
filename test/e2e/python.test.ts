/** Python programs from wheels, with an index on the loopback interface and a real Python. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, describe as weigh } from "../support/archives.ts";
import { lockOf, type MadeWheel, makeWheel, serveIndex } from "../support/wheels.ts";
import { openWorkplace, snapshotOf, type Workplace } from "../support/workplace.ts";
import { zipBytes } from "../support/zip-bytes.ts";

const python = systemPython();

function systemPython(): { program: string; version: string } | undefined {
  try {
    const code =
      "import sys; print(sys.executable); print('.'.join(map(str, sys.version_info[:3])))";
    const text = execFileSync("python3", ["-I", "-c", code], { encoding: "utf8" });
    const [program = "", version = ""] = text.trim().split("\n");
    return { program, version };
  } catch {
    return undefined;
  }
}

/** The packages as pip itself installs them; the directory in which they lie. */
function withPip(wheels: readonly MadeWheel[]): string {
  const [from, to] = [join(place.dir, "wheels"), join(place.dir, "pip")];
  mkdirSync(from);
  for (const { file, bytes } of wheels) writeFileSync(join(from, file), bytes);
  const options = ["--no-index", "--find-links", from, "--no-compile", "--target", to];
  const args = ["-I", "-m", "pip", "install", "-q", "--disable-pip-version-check", ...options];
  execFileSync(python?.program ?? "", [...args, "zog"], { stdio: "pipe" });
  return to;
}

let place: Workplace;
let index: string;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
  offerPython(python?.version ?? "", place.serve("python3.tar.gz", packed()));
});
afterEach(() => place.close());

/** It stands in for the catalogue's: the volume's python3 is a program of the volume in any case. */
const packed = (more: Readonly<Record<string, string>> = {}): Buffer =>
  archive("tar.gz", {
    ...more,
    "bin/python3": { body: `#!/bin/sh\nexec ${python?.program} "$@"\n`, mode: 0o755 },
  });

function offerPython(version: string, source: object): void {
  const test = ["python3", "-c", "pass"];
  const bins = { python3: "bin/python3" };
  place.recipe("python3", { version, bins, test, artifacts: { any: source } });
}

function offer(wheels: readonly MadeWheel[], over: object = {}, form?: "html" | "json"): void {
  index = serveIndex(place.server, wheels, form);
  writeFileSync(join(place.recipes, "zog.pypi.lock.json"), lockOf(wheels));
  place.recipe("zog", {
    needs: ["python3"],
    artifacts: { any: { pypi: "zog@1.0.0", lock: "zog.pypi.lock.json" } },
    ...over,
  });
}

const install = (...args: string[]) =>
  place.runWith({ PIP_INDEX_URL: index, PIP_CONFIG_FILE: "/dev/null" }, "zog", ...args);
const ask = (args: string[], env: Record<string, string> = {}): string =>
  execFileSync(join(place.prefix, "bin/zog"), args, {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", ...env },
  });
const tree = (): string => join(place.prefix, place.manifest().tools.zog?.dir ?? "");

const main = `import sys
from helper.deep import word

def main():
    print(word, *sys.argv[1:])
    return 3 if "fail" in sys.argv else 0
`;
const helper = makeWheel("helper-lib", "2.0", { "helper/deep.py": "word = 'zog 1.0.0'\n" });
const zog = makeWheel("zog", "1.0.0", { "zog.py": main }, { zog: "zog:main" });

describe.skipIf(!python)("a Python program", () => {
  test.each(["html", "json"] as const)(
    "is installed from an index in %s and runs",
    async (form) => {
      offer([zog, helper], {}, form);
      const { status, stderr } = await install();
      expect(stderr).toMatch(/2 installed/);
      expect(status).toBe(0);
      expect(ask(["a b", "c"])).toBe("zog 1.0.0 a b c\n");
      expect(() => ask(["fail"])).toThrow(/Command failed/);
      expect(place.manifest().tools.zog?.bins.zog).toMatchObject({ runtime: "python3" });
      const again = await install();
      expect(again.stderr).toMatch(/nothing to do/);
    },
  );

  test("pip's own proxy is asked for the index and the wheels, and for nothing else", async () => {
    offer([zog, helper]);
    const { port, origin } = new URL(place.server.origin);
    const names = { PIP_INDEX_URL: index.replace(`127.0.0.1:${port}`, "index.invalid") };
    const run = (PIP_PROXY: string) =>
      place.runWith({ ...names, PIP_PROXY, PIP_CONFIG_FILE: "/dev/null" }, "zog");
    const refused = await run("ftp://me:s3cret@127.0.0.1:9");
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/PIP_PROXY=ftp:\/\/\.\.\.@127\.0\.0\.1:9 .*\[E_SETTING\]/);
    expect((await run(origin)).status).toBe(0); // the server also answers for others, as a proxy does
    expect(ask([])).toBe("zog 1.0.0\n");
  });

  test("indexes that say no or list nothing, and pages that only a browser's parser reads", async () => {
    offer([zog, helper]);
    for (const [i, { name, file }] of [zog, helper].entries()) {
      const page =
        i === 0 ? "<html>" : `<A data-requires-python=">=3" HREF=/files/${file}>${name}..`;
      place.server.serve(`/first/${name}/`, page);
      place.server.serve(`/second/${name}/`, "", { fault: "status", status: 403 });
    }
    const [first, second] = ["first", "second"].map((each) => `${place.server.origin}/${each}`);
    const PIP_EXTRA_INDEX_URL = `${second} ${index}`;
    const env = { PIP_INDEX_URL: first ?? "", PIP_EXTRA_INDEX_URL, PIP_CONFIG_FILE: "/dev/null" };
    expect((await place.runWith(env, "zog")).status).toBe(0);
    expect(ask([])).toBe("zog 1.0.0\n");
    expect(place.server.hits(`/simple/${helper.name}/`)).toBe(0);
  });

  test("its modules are compiled for whatever times files have, and running writes nothing", async () => {
    offer([zog, helper]);
    await install();
    const cache = join(tree(), "site-packages/helper/__pycache__");
    const [compiled = ""] = readdirSync(cache);
    // PEP 552: flags 1 are a hash-based file that is not checked against its source.
    expect(readFileSync(join(cache, compiled)).readUInt32LE(4)).toBe(1);
    const before = place.snapshot();
    ask([]);
    expect(place.snapshot()).toEqual(before);
  });

  test("a Python's own modules are compiled, too, so that it leaves its tree as it was published", async () => {
    const body = packed({ "usr/lib/python3.99/word.py": "word = 'zog 1.0.0'\n" });
    offerPython(python?.version ?? "", place.serve("own.tar.gz", body));
    expect((await place.run("python3")).status).toBe(0);
    const before = place.snapshot();
    const modules = Object.keys(before).find((path) => path.endsWith("/usr/lib/python3.99")) ?? "";
    const code = `import sys; sys.path.insert(0, ${JSON.stringify(join(place.prefix, modules))}); import word; print(word.word)`;
    const program = join(place.prefix, "bin/python3");
    const said = execFileSync(program, ["-c", code], { env: { PATH: "/usr/bin:/bin" } });
    expect(String(said)).toBe("zog 1.0.0\n");
    expect(place.snapshot()).toEqual(before);
    expect((await place.run("python3")).stderr).toMatch(/nothing to do/);
  });

  test("all is compiled in a volume with a long path, too", async () => {
    offer([zog, helper]);
    const prefix = join(place.dir, "v".repeat(120));
    const env = { PIP_INDEX_URL: index, OPENCLAW_SKILL_PREFIX: prefix };
    expect((await place.runWith(env, "zog")).status).toBe(0);
    const compiled = Object.keys(snapshotOf(prefix)).filter((path) => path.endsWith(".pyc"));
    expect(compiled.map((path) => path.split("/").at(-1)?.split(".")[0]).sort()).toEqual([
      "deep",
      "zog",
    ]);
  });

  test("nothing of the environment or of the interpreter's own packages gets in", async () => {
    offer([zog, helper]);
    await install();
    const other = join(place.home, "other");
    execFileSync("mkdir", ["-p", join(other, "helper")]);
    writeFileSync(join(other, "helper/deep.py"), "word = 'planted'\n");
    writeFileSync(join(other, "sitecustomize.py"), "print('planted')\n");
    expect(ask([], { PYTHONPATH: other, PYTHONHOME: "/nowhere", PYTHONSTARTUP: "x" })).toBe(
      "zog 1.0.0\n",
    );
  });

  test("scripts of a wheel: Python runs with its packages, a program of its own as it is", async () => {
    const script = "#!python\nfrom helper.deep import word\nimport sys\nprint('script', word)\n";
    const data = "zog-1.0.0.data/scripts";
    const more = [
      { name: `${data}/zog`, body: script, mode: 0o100755 },
      { name: `${data}/zogsh`, body: "#!/bin/sh\necho zogsh\n", mode: 0o100755 },
      { name: "zog-1.0.0.data/data/share/zog.txt", body: "data" },
    ];
    const scripted = makeWheel("zog", "1.0.0", { "zog.py": main }, {}, { more });
    offer([scripted, helper], { bins: { zog: "bin/zog", zogsh: "bin/zogsh" } });
    expect((await install()).stderr).toMatch(/2 installed/);
    expect(ask([])).toBe("script zog 1.0.0\n");
    expect(execFileSync(join(place.prefix, "bin/zogsh"), { encoding: "utf8" })).toBe("zogsh\n");
    expect(readFileSync(join(tree(), "share/zog.txt"), "utf8")).toBe("data");
  });

  test("what wheels have in common: pip's order decides", async () => {
    const needs = (name: string, more: string, needed: readonly string[]): string =>
      `Metadata-Version: 2.1\nName: ${name}\nVersion: ${more}\n${needed.map((each) => `Requires-Dist: ${each}\n`).join("")}\nRequires-Dist: no\n`;
    const shared = (text: string) => ({
      "tests/__init__.py": `# ${text}\n`,
      LICENSE: text,
      "ns/__init__.py": `who = "${text}"\n`,
    });
    const main = "from ns import who\nfrom helper.deep import word\ndef main(): print(word, who)\n";
    const wheels = [
      makeWheel(
        "zog",
        "1.0.0",
        { "zog.py": main },
        { zog: "zog:main" },
        {
          metadata: needs("zog", "1.0.0", ["mid>=1", "a-leaf", 'b-leaf ; python_version > "3"']),
        },
      ),
      makeWheel(
        "mid",
        "1.0",
        { ...shared("mid"), "mid.txt": "mid" },
        {},
        {
          metadata: needs("mid", "1.0", ["helper_lib (>=2)", 'b-leaf[x]; extra == "x"']),
        },
      ),
      makeWheel("helper-lib", "2.0", { ...shared("helper"), "helper/deep.py": "word = 'zog'\n" }),
      makeWheel("a-leaf", "1.0", { ...shared("a"), "leaf.txt": "a" }),
      makeWheel("b-leaf", "1.0", { ...shared("b"), "leaf.txt": "b", "mid.txt": "b" }),
    ];
    offer(wheels);
    expect((await install()).status).toBe(0);
    const pips = withPip(wheels);
    const files = ["tests/__init__.py", "LICENSE", "ns/__init__.py", "leaf.txt", "mid.txt"];
    const made = files.map((path) => readFileSync(join(tree(), "site-packages", path), "utf8"));
    expect(made).toEqual(["# mid\n", "mid", 'who = "mid"\n', "a", "mid"]);
    expect(made).toEqual(files.map((path) => readFileSync(join(pips, path), "utf8")));
    expect(ask([])).toBe("zog mid\n");
  });

  test("the program's own files and entry points go over those of what it needs", async () => {
    const other = { "helper/deep.py": "word = 'zog 1.0.0'\n", "zog.py": "def main(): raise 1\n" };
    offer([zog, makeWheel("helper-lib", "2.0", other, { zog: "helper.deep:none" })]);
    expect((await install()).status).toBe(0);
    expect(ask([])).toBe("zog 1.0.0\n");
  });

  test("wheels that spell themselves otherwise, and what pip makes of them", async () => {
    const odd = (name: string, info: string, more: Record<string, string>) => {
      const record = Object.keys(more).map((path) => `${path},,\n`);
      const files = {
        ...more,
        [`${info}.dist-info/WHEEL`]: "wheel-version: 1.9\nRoot-Is-Purelib: false\n",
        [`${info}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 2.0\n`,
        [`${info}.dist-info/RECORD`]: record.join(""),
      };
      const entries = Object.entries(files).map(([path, body]) => ({ name: path, body }));
      const links = [{ name: "helper/link", body: "deep.py", mode: 0o120777 }];
      return zipBytes([...entries, ...links]);
    };
    const script = (line: string) => `#!${line}\nfrom helper.deep import word\nprint(word)\n`;
    const bytes = odd("Helper.LIB", "Helper_LIB-2", {
      "helper/deep.py": "word = 'plain'\n",
      "helper_lib-2.0.data/purelib/helper/deep.py": "word = 'zog 1.0.0'\n",
      "Helper.Lib-2.0.0.data/platlib/helper/wide.py": "x = 1\n",
      "other.data/scripts/zog-env": script("/usr/bin/env python3"),
      "other.data/scripts/zog-plain": script("python"),
      "other.data/headers/helper/x.h": "",
    });
    const lib = {
      name: "helper-lib",
      version: "2.0",
      file: "Helper.LIB-2.0.0-PY3-none-any.whl",
      bytes,
    };
    const names = ["zog", "zog-env", "zog-plain"];
    offer([zog, lib], { bins: Object.fromEntries(names.map((name) => [name, `bin/${name}`])) });
    const { status, stderr } = await install();
    expect(stderr).toMatch(/2 installed/);
    expect(status).toBe(0);
    for (const name of names) {
      const program = join(place.prefix, "bin", name);
      expect(execFileSync(program, { encoding: "utf8" })).toBe("zog 1.0.0\n");
    }
    const made = join(tree(), "site-packages/helper");
    expect(existsSync(join(made, "wide.py"))).toBe(true);
    expect(readFileSync(join(made, "link"), "utf8")).toBe("deep.py");
    expect(lstatSync(join(made, "link")).isFile()).toBe(true);
  });

  test("namespace packages share a directory", async () => {
    const one = makeWheel("ns-one", "1.0", { "helper/deep.py": "word = 'ns'\n" });
    const two = makeWheel("ns-two", "1.0", { "helper/wide.py": "x = 1\n" });
    offer([zog, one, two]);
    expect((await install()).status).toBe(0);
    expect(ask([])).toBe("ns\n");
    expect(existsSync(join(tree(), "site-packages/helper/wide.py"))).toBe(true);
  });

  test("a python3 of another line has its programs installed again", async () => {
    offer([zog, helper]);
    await install();
    offerPython("3.20.0", place.serve("python3.tgz", packed()));
    const env = { PIP_INDEX_URL: index, PIP_CONFIG_FILE: "/dev/null" };
    const { status, stderr } = await place.runWith(env, "update", "python3");
    expect(stderr).toMatch(/2 installed/);
    expect(status).toBe(0);
    expect(place.manifest().tools.zog).toMatchObject({ source: { python: "3.20" } });
    expect(ask([])).toBe("zog 1.0.0\n");
    expect((await install()).stderr).toMatch(/nothing to do/);
  });

  test("the size of all that it takes is said before it starts", async () => {
    offer([zog, helper]);
    const { stdout } = await install("--dry-run", "--json");
    const step = JSON.parse(stdout).steps.find(({ tool }: { tool: string }) => tool === "zog");
    expect(step.size).toBe(zog.bytes.length + helper.bytes.length);
    expect(step.sources).toEqual(["pypi:zog@1.0.0"]);
  });
});

describe.skipIf(!python)("refused", () => {
  const refuse = async (code: number, message: RegExp) => {
    const { status, stderr } = await install("--strict");
    expect(stderr).toMatch(message);
    expect(status).toBe(code);
    expect(Object.keys(place.manifest().tools)).not.toContain("zog");
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(false);
  };

  test("a wheel with other bytes than the lock says", async () => {
    offer([zog, helper]);
    const other = Buffer.from(helper.bytes);
    other[other.length - 30] = 1 ^ (other[other.length - 30] ?? 0);
    place.server.serve(`/files/${helper.file}`, other);
    await refuse(4, /expected sha256:/);
  });

  test("a file in the place of another package's directory, and the other way round", async () => {
    for (const path of ["helper", "helper/deep.py/x.py"]) {
      offer([zog, helper, makeWheel("evil", "1.0", { [path]: "word = 'evil'\n" })]);
      await refuse(2, /its (file|directory) \S+ is a (file|directory) of a package beside it/);
    }
  });

  test("a wheel that is another package", async () => {
    const evil = makeWheel("evil", "1.0", { "helper/deep.py": "x = 1\n" });
    offer([zog, { ...evil, name: "helper-lib", version: "2.0", file: helper.file }]);
    await refuse(4, /metadata names another package/);
  });

  test("a wheel that writes outside of itself", async () => {
    const more = [{ name: "../../evil.py", body: "x" }];
    offer([zog, makeWheel("helper-lib", "2.0", {}, {}, { more })]);
    await refuse(4, /leads out of the tree/);
  });

  test("an entry point that is no plain name, so that its program is missing", async () => {
    offer([makeWheel("zog", "1.0.0", { "zog.py": main }, { zog: "os:system('x')" }), helper]);
    await refuse(2, /has no bin\/zog/);
  });

  test("an index that does not have it, and none at all", async () => {
    offer([zog, helper]);
    index = `${place.server.origin}/elsewhere`;
    await refuse(5, /responded with 404/);
    index = "";
    await refuse(2, /no Python index is configured here/);
  });

  test("a Python that the lock does not serve", async () => {
    offer([zog, helper]);
    const text = lockOf([zog, helper]).replaceAll('"3.', '"3.9');
    writeFileSync(join(place.recipes, "zog.pypi.lock.json"), text);
    await refuse(3, /no wheel of Python 3\.\d+ for linux/);
  });
});

test("a password in the index's address reaches the index and no message", async () => {
  if (!python) return;
  offer([zog, helper]);
  index = index.replace("http://", "http://me:secret@");
  place.server.serve(`/files/${helper.file}`, "gone", { fault: "status", status: 500 });
  const { stderr, stdout } = await install("-v", "--json=events");
  expect(stderr + stdout).not.toMatch(/secret/);
  const asked = place.server.requests.filter(({ path }) => path.startsWith("/simple/"));
  const basic = `Basic ${Buffer.from("me:secret").toString("base64")}`;
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.every(({ headers }) => headers.authorization === basic)).toBe(true);
});

test("a recipe of an index whose pages say little: uv chooses, and what is fetched is pinned", async () => {
  const metadata = "Metadata-Version: 2.1\nName: zog\nVersion: 1.0.0\nSummary: The zog\n";
  const made = makeWheel("zog", "1.0.0", { "zog.py": main }, { zog: "zog:main" }, { metadata });
  const yanked = makeWheel("zog", "9.0.0", {});
  const links = [made, yanked].map(({ file, bytes }, i) => {
    place.server.serve(`/files/${file}`, bytes);
    return `<a href=/files/${file} ${i === 1 ? "data-yanked" : ""} data-requires-python=">=3">zog..`;
  });
  place.server.serve("/first/zog/", "<html>");
  place.server.serve("/second/zog/", links.join("\n"));
  const bin = join(place.dir, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "uv"), "#!/bin/sh\necho zog==1.0\n", { mode: 0o755 });
  const [first, second] = ["first", "second"].map((each) => `${place.server.origin}/${each}`);
  const { status, stderr } = await place.runWith(
    {
      PATH: `${bin}:${place.env.PATH}`,
      PIP_INDEX_URL: first ?? "",
      PIP_EXTRA_INDEX_URL: second ?? "",
      PIP_CONFIG_FILE: "/dev/null",
    },
    ...["recipe", "new", "pypi:zog"],
  );
  expect(stderr).toContain(`the index gives no sha256 of ${made.file}`);
  expect(status).toBe(0);
  const lock = readFileSync(join(place.recipes, "zog.pypi.lock.json"), "utf8");
  expect(JSON.parse(lock).packages).toMatchObject([
    { name: "zog", wheels: [{ file: made.file, sha256: weigh(made.bytes).sha256 }] },
  ]);
  expect(readFileSync(join(place.recipes, "zog.yaml"), "utf8")).toMatch(/version: "?1\.0\.0/);
});

/** What skills declare themselves, with every kind of source on the loopback interface. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, npmTarball, program } from "../support/archives.ts";
import { makeWheel, serveIndex } from "../support/wheels.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let env: Record<string, string>;
beforeEach(async () => {
  place = await openWorkplace();
  env = {};
});
afterEach(() => place.close());

const run = (...args: string[]) => place.runWith(env, ...args);
const allowed = (...args: string[]) => run("--allow-declared", ...args);
const ask = (name: string, ...args: string[]): string =>
  execFileSync(join(place.prefix, "bin", name), args, {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin" },
  });
const recordFile = (): string => join(place.prefix, "share/openclaw-skill-deps/declared.json");
const record = () => JSON.parse(readFileSync(recordFile(), "utf8"));
const declare = (spec: object, bin = "zog"): void =>
  place.skill("mail", { bins: [bin] }, { install: [spec] });

/** A program of the volume that hands over to one of this machine. */
function lend(name: string, target: string, version: string): void {
  const body = `#!/bin/sh\nexec ${target} "$@"\n`;
  const source = place.serve(
    `${name}.tar.gz`,
    archive("tar.gz", { [`bin/${name}`]: { body, mode: 0o755 } }),
  );
  const test = [name, name === "node" ? "--version" : "-V"];
  place.recipe(name, { version, test, artifacts: { any: source } });
}

function publishZog(version: string): void {
  const tarball = npmTarball("zog", version, {
    "cli.js": `#!/usr/bin/env node\nconsole.log("zog ${version}", require("zog-words").word);\n`,
  });
  const manifest = { bin: { zog: "cli.js" }, dependencies: { "zog-words": "^1.0.0" } };
  place.server.publish("zog", version, tarball, { manifest });
}

describe("npm", () => {
  beforeEach(() => {
    lend("node", process.execPath, process.versions.node);
    const words = npmTarball("zog-words", "1.2.0", { "index.js": "exports.word = 'good';\n" });
    place.server.publish("zog-words", "1.2.0", words, { manifest: {} });
    publishZog("1.0.0");
    declare({ kind: "node", package: "zog", bins: ["zog"] });
  });

  test("nothing is taken from a skill unless that is allowed", async () => {
    const { status, stderr } = await run();
    expect(status).toBe(0);
    const why =
      "no recipe provides it; its skill declares npm:zog, which --allow-declared installs";
    expect(stderr).toContain(`zog (for mail) is unmet: ${why} [E_NO_RECIPE]`);
    expect((await run()).stderr).toContain(why);
    expect((await run("why", "zog")).stdout).toContain(why);
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(false);
    expect(place.server.hits()).toBe(0);
  });

  test("is installed with all that it needs, and said to be untrusted", async () => {
    const planned = await allowed("--dry-run", "--json");
    const steps = JSON.parse(planned.stdout).steps;
    expect(steps.find(({ tool }: { tool: string }) => tool === "zog")).toMatchObject({
      declared: { by: "mail", from: "npm:zog" },
    });
    expect((await allowed("requirements")).stdout).toMatch(/declared \(untrusted\): npm:zog/);
    expect((await allowed("--dry-run")).stdout).toMatch(/declared \(untrusted\) by mail: npm:zog/);
    const { status, stderr } = await allowed();
    expect(status).toBe(0);
    expect(stderr).toMatch(/zog .*mail.*\[E_DECLARED_UNVERIFIED\]/);
    expect(ask("zog")).toBe("zog 1.0.0 good\n");
    expect(record().tools.zog).toMatchObject({ from: "npm:zog", by: "mail" });
  });

  test("what was recorded stays, whatever the registry has later", async () => {
    await allowed();
    publishZog("2.0.0");
    expect((await allowed()).stderr).toMatch(/nothing to do/);
    expect((await run()).stderr).toMatch(/nothing to do/);
    await run("remove", "zog");
    await allowed();
    expect(ask("zog")).toBe("zog 1.0.0 good\n");
  });

  test("other bytes of the same version are refused until a person accepts them", async () => {
    await allowed();
    await run("remove", "zog");
    const tarball = npmTarball("zog", "1.0.0", { "cli.js": "console.log('other');\n" });
    place.server.publish("zog", "1.0.0", tarball, { manifest: { bin: { zog: "cli.js" } } });
    const refused = await allowed();
    expect(refused.status).toBe(4);
    expect(refused.stderr).toMatch(/zog has changed since its first use/);
    expect(refused.stderr).toMatch(/--allow-declared --force-reinstall zog/);
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(false);
    expect((await allowed("--force-reinstall", "zog")).status).toBe(0);
    expect(ask("zog")).toBe("other\n");
  });

  test("no record that somebody wrote in its place is believed", async () => {
    await allowed();
    await run("remove", "zog");
    writeFileSync(recordFile(), '{"schema":1,"tools":{"../zog":{}}}');
    const { status, stderr } = await allowed();
    expect(status).toBe(0); // failing would take the agent down for what a retry cannot repair
    expect(stderr).toMatch(/is not a valid record/);
    expect(stderr).toMatch(/zog .* is unmet: .*cannot be compared/);
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(false);
  });
});

describe("a download", () => {
  const bytes = (version: string) =>
    archive("tar.gz", { "zog-1.0.0/bin/zog": program(`zog ${version}`), "zog-1.0.0/README": "x" });
  const address = "/zog/releases/zog-1.0.0.tar.gz";
  const serve = (version: string): string => place.server.serve(address, bytes(version));

  test("without a digest is pinned at its first use", async () => {
    declare({ kind: "download", url: serve("one"), bins: ["zog"] });
    expect((await allowed()).status).toBe(0);
    expect(ask("zog")).toBe("zog one\n");
    serve("two");
    rmSync(join(place.prefix, "lib/zog"), { recursive: true });
    const { status, stderr } = await allowed();
    expect(status).toBe(4);
    expect(stderr).toMatch(/expected .*\[E_DECLARED_CHANGED\]/);
  });

  test("is what the skill's own digest says, or nothing", async () => {
    declare({ kind: "download", url: serve("one"), bins: ["zog"], sha256: "0".repeat(64) });
    const { status, stderr } = await allowed();
    expect(status).toBe(4);
    expect(stderr).toMatch(/the skill says sha256:0000/);
    expect(existsSync(recordFile())).toBe(false);
  });

  test("a skill that names another address changes nothing that is whole", async () => {
    declare({ kind: "download", url: serve("one"), bins: ["zog"] });
    await allowed();
    const other = place.server.serve("/other/zog-2.0.0.tar.gz", bytes("planted"));
    declare({ kind: "download", url: other, bins: ["zog"] });
    const kept = await allowed();
    expect(kept.status).toBe(0);
    expect(kept.stderr).toMatch(/zog was installed from http/);
    expect(ask("zog")).toBe("zog one\n");
    rmSync(join(place.prefix, "lib/zog"), { recursive: true });
    expect((await allowed()).status).toBe(4);
    expect((await allowed("-f", "zog")).status).toBe(0);
    expect(ask("zog")).toBe("zog planted\n");
  });

  test("neither encrypted nor pinned is refused", async () => {
    declare({ kind: "download", url: "http://example.test/zog.tar.gz", bins: ["zog"] });
    const { status, stderr } = await allowed("--strict");
    expect(status).toBe(3);
    expect(stderr).toMatch(/is neither encrypted nor pinned/);
  });
});

test("a formula is looked for in the catalogue, and not found is said", async () => {
  declare({ kind: "brew", formula: "some/tap/ripgrep", bins: ["zog"] });
  const { status, stderr } = await allowed("--strict");
  expect(status).toBe(3);
  expect(stderr).toMatch(
    /declares the Homebrew formula some\/tap\/ripgrep; the recipe rg has rg and no zog/,
  );
});

test("a text of a skill is an argument and no command", async () => {
  for (const spec of [
    { kind: "node", package: "zog; touch /tmp/planted", bins: ["zog"] },
    { kind: "go", module: "$(touch planted)@v1", bins: ["zog"] },
    { kind: "uv", package: "--index-url=http://evil.test", bins: ["zog"] },
  ]) {
    declare(spec);
    const { stderr } = await allowed();
    expect(stderr).toMatch(/is unmet: no recipe provides it/);
  }
  expect(place.server.hits()).toBe(0);
});

test("uv: wheels are chosen by the volume's own Python, and recorded", async () => {
  lend(
    "python3",
    execFileSync("python3", ["-c", "import sys; print(sys.executable)"], {
      encoding: "utf8",
    }).trim(),
    execFileSync("python3", ["-c", "import platform; print(platform.python_version())"], {
      encoding: "utf8",
    }).trim(),
  );
  const helper = makeWheel("helper-lib", "2.0", { "helper.py": "word = 'zog 1.0.0'\n" });
  const main = "from helper import word\n\ndef main():\n    print(word)\n";
  const metadata =
    "Metadata-Version: 2.1\nName: zog\nVersion: 1.0.0\nRequires-Dist: helper-lib>=1\n";
  const zog = makeWheel("zog", "1.0.0", { "zog.py": main }, { zog: "zog:main" }, { metadata });
  env = { PIP_INDEX_URL: serveIndex(place.server, [zog, helper]), PIP_CONFIG_FILE: "/dev/null" };
  declare({ kind: "uv", package: "zog>=1", bins: ["zog"] });
  const { status, stderr } = await allowed();
  expect(stderr).toMatch(/2 installed/);
  expect(status).toBe(0);
  expect(ask("zog")).toBe("zog 1.0.0\n");
  expect(record().tools.zog.locks["zog.pypi.lock.json"]).toMatch(/helper_lib-2.0-py3-none-any.whl/);
  expect((await allowed()).stderr).toMatch(/nothing to do/);
});

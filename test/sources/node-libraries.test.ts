/** Library sets of Node: the real npm, a registry of ours, and the lock files of four programs. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { resolveNodeLibraries } from "../../src/author/node-libraries.ts";
import type { LibrarySet } from "../../src/core/library-set.ts";
import { parseLock } from "../../src/core/locks/npm-lock.ts";
import type { Event } from "../../src/report/events.ts";
import { npmTarball } from "../support/archives.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";
import { startTls } from "../support/tls.ts";

let dir: string;
let server: Loopback;
let told: Event[];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "node-libraries-"));
  mkdirSync(join(dir, "home"));
  server = await startLoopback();
  told = [];
});
afterEach(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

const bytes = (name: string, version: string) => npmTarball(name, version, { "index.js": "" });
const integrity = (name: string, version: string): string =>
  `sha512-${createHash("sha512").update(bytes(name, version)).digest("base64")}`;
function publish(name: string, versions: readonly string[], manifest: object = {}): void {
  for (const version of versions) server.publish(name, version, bytes(name, version), { manifest });
}

function setOf(packageJson: object, locks: Readonly<Record<string, string>> = {}): LibrarySet {
  const files = { "package.json": JSON.stringify(packageJson), ...locks };
  return {
    ...{ kind: "libraries", language: "node", line: "node", digest: "0".repeat(64) },
    ...{ file: "package.json", names: [], requirements: [], constraints: [], files },
  };
}

const resolve = (set: LibrarySet, env: Readonly<Record<string, string>> = {}): Promise<string> =>
  resolveNodeLibraries(set, {
    env: {
      PATH: process.env.PATH,
      HOME: join(dir, "home"),
      npm_config_registry: server.registry,
      npm_config_fetch_retries: "0",
      ...env,
    },
    offline: false,
    dir: mkdtempSync(join(dir, "run-")),
    platform: { os: "linux", arch: "x64", libc: "glibc" },
    emit: (event) => told.push(event),
    by: "mail",
  });
const refused = (set: LibrarySet, env?: Readonly<Record<string, string>>) =>
  resolve(set, env).then(String, (error) => error);

/** Path without `node_modules/`, and version. */
async function versionsOf(set: LibrarySet): Promise<Record<string, string>> {
  const parsed = parseLock(await resolve(set), "lock");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return Object.fromEntries(
    parsed.held.map(({ path, version }) => [path.replaceAll("node_modules/", ""), version]),
  );
}

describe("without a lock file", () => {
  test("the registry's newest versions, without those for development; scripts are named, not run", async () => {
    publish("a", ["1.0.0", "1.5.0", "2.0.0"], { dependencies: { b: "*" } });
    publish("b", ["1.0.0"], {
      hasInstallScript: true,
      scripts: { install: `touch ${join(dir, "ran")}` },
    });
    const scripts = { preinstall: `touch ${join(dir, "ran")}` };
    const set = setOf({ scripts, dependencies: { a: "^1.0.0" }, devDependencies: { gone: "1" } });
    expect(await versionsOf(set)).toEqual({ a: "1.5.0", b: "1.0.0" });
    expect(told).toMatchObject([{ type: "warning", problem: "E_LIBRARIES_SCRIPTS" }]);
    expect(told).toMatchObject([{ message: expect.stringMatching(/: b$/) }]);
    expect(existsSync(join(dir, "ran"))).toBe(false);
  });

  test("packages for other systems only are no concern of this one, unless they are required", async () => {
    publish("mac", ["1.0.0"], { os: ["darwin"] });
    publish("a", ["1.0.0"]);
    const set = setOf({ dependencies: { a: "*" }, optionalDependencies: { mac: "*" } });
    expect(await versionsOf(set)).toEqual({ a: "1.0.0" });
    const required = await refused(setOf({ dependencies: { mac: "*" } }));
    expect(required).toMatchObject({ kind: "unmet" });
    expect(required.message).toMatch(/mac/);
  });

  test("what the registry does not have is named", async () => {
    const error = await refused(setOf({ dependencies: { gone: "1" } }));
    expect(error).toMatchObject({ problem: "E_NPM_VERSION", kind: "unmet" });
    expect(error.message).toMatch(/package\.json.*'gone@1'/);
  });

  test("what excludes each other, in npm's words without its options and its log", async () => {
    publish("a", ["1.0.0"]);
    publish("b", ["1.0.0"], { peerDependencies: { a: "2" } });
    publish("a", ["2.0.0"]);
    const error = await refused(setOf({ dependencies: { a: "1", b: "1" } }));
    expect(error).toMatchObject({ problem: "E_NPM_CLOSURE", kind: "unmet" });
    expect(error.message).toMatch(/peer a@"2" from b@1\.0\.0/);
    expect(error.message).not.toMatch(/--force|full report/);
    expect(error.hint).toMatch(/the skill's package\.json/);
  });

  test("an override by an address is refused before anything is fetched", async () => {
    publish("a", ["1.0.0"]);
    const address = `${server.origin}/other.tgz`;
    const overrides = { a: { ".": "1.0.0", b: address } };
    const error = await refused(setOf({ dependencies: { a: "*" }, overrides }));
    expect(error).toMatchObject({ problem: "E_NPM_CLOSURE" });
    expect(server.hits()).toBe(0);
  });
});

test("npm trusts the certificates that our own downloads trust", async () => {
  publish("a", ["1.0.0"]);
  const {
    origin,
    ca,
    server: tls,
  } = await startTls(dir, ({ url }, response) => {
    get(`${server.origin}${url}`, (answer) => answer.pipe(response));
  });
  const other = join(dir, "other.pem");
  writeFileSync(other, "nothing\n");
  try {
    const set = setOf({ dependencies: { a: "*" } });
    const npm_config_registry = `${origin}/registry/`;
    expect(await refused(set, { npm_config_registry })).toMatchObject({ kind: "network" });
    const own = { npm_config_registry, SSL_CERT_FILE: ca, NODE_EXTRA_CA_CERTS: other };
    expect(await resolve(set, own)).toContain(integrity("a", "1.0.0"));
    const both = { npm_config_registry, SSL_CERT_FILE: other, NODE_EXTRA_CA_CERTS: ca };
    expect(await resolve(set, both)).toContain(integrity("a", "1.0.0"));
    expect(readFileSync(other, "utf8")).toBe("nothing\n");
  } finally {
    tls.close();
  }
});

describe("with a lock file", () => {
  const packageJson = { dependencies: { a: "^1.0.0", b: "^1.0.0" } };
  /** `a` and `b` need another `c` each; all has newer versions than the locks. */
  beforeEach(() => {
    publish("a", ["1.0.0", "1.9.0"], { dependencies: { c: "^1.0.0" } });
    publish("b", ["1.0.0", "1.9.0"], { dependencies: { c: "^2.0.0" } });
    publish("c", ["1.0.0", "1.9.0", "2.0.0", "2.9.0"]);
  });
  const locked = { a: "1.0.0", b: "1.0.0" };
  const expectLocked = async (set: LibrarySet): Promise<void> => {
    const found = await versionsOf(set);
    expect(found).toMatchObject(locked);
    const ofC = Object.entries(found).filter(([path]) => path.endsWith("c"));
    expect(ofC.map(([, version]) => version).sort()).toEqual(["1.0.0", "2.0.0"]);
  };

  const entry = (name: string, version: string, more: object = {}) => ({
    version,
    resolved: `https://other.invalid/${name}-${version}.tgz`,
    integrity: integrity(name, version),
    ...more,
  });
  const npmLock = (made = entry) =>
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        "": packageJson,
        "node_modules/a": made("a", "1.0.0", { dependencies: { c: "^1.0.0" } }),
        "node_modules/b": made("b", "1.0.0", { dependencies: { c: "^2.0.0" } }),
        "node_modules/c": made("c", "1.0.0"),
        "node_modules/b/node_modules/c": made("c", "2.0.0"),
      },
    });

  test.each(["package-lock.json", "npm-shrinkwrap.json"])("%s", async (name) => {
    await expectLocked(setOf(packageJson, { [name]: npmLock() }));
  });

  test("npm's with weak digests: the registry's own are pinned", async () => {
    const weak = (name: string, version: string, more: object = {}) =>
      entry(name, version, { ...more, integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" });
    await expectLocked(setOf(packageJson, { "package-lock.json": npmLock(weak) }));
  });

  test("npm's of version 1", async () => {
    const dependencies = {
      a: entry("a", "1.0.0", { requires: { c: "^1.0.0" } }),
      b: entry("b", "1.0.0", { dependencies: { c: entry("c", "2.0.0") } }),
      c: entry("c", "1.0.0"),
    };
    const text = JSON.stringify({ lockfileVersion: 1, dependencies });
    await expectLocked(setOf(packageJson, { "package-lock.json": text }));
  });

  test("yarn's, of version 1", async () => {
    const part = (patterns: string, version: string): string =>
      `${patterns}:\n  version "${version}"\n  resolved "https://other.invalid/x-${version}.tgz#abc"\n`;
    const parts = [
      part("a@^1.0.0", "1.0.0"),
      part("b@*, b@^1.0.0", "1.0.0"),
      part("c@^1.0.0", "1.0.0"),
      part("c@^2.0.0", "2.0.0"),
    ];
    const text = `# yarn lockfile v1\n\n\n${parts.join("\n")}`;
    await expectLocked(setOf(packageJson, { "yarn.lock": text }));
  });

  test("yarn's, of today", async () => {
    const part = (patterns: string, name: string, version: string): string =>
      `"${patterns}":\n  version: ${version}\n  resolution: "${name}@npm:${version}"\n  checksum: 10c0/abc\n`;
    const text = [
      "__metadata:\n  version: 8\n",
      part("a@npm:^1.0.0", "a", "1.0.0"),
      part("b@npm:*, b@npm:^1.0.0", "b", "1.0.0"),
      part("c@npm:^1.0.0", "c", "1.0.0"),
      part("c@npm:^2.0.0", "c", "2.0.0"),
      '"skill@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "skill@workspace:."\n',
    ].join("\n");
    await expectLocked(setOf(packageJson, { "yarn.lock": text }));
  });

  test.each([
    ["9.0", (name: string, version: string) => `${name}@${version}`],
    ["6.0", (name: string, version: string) => `/${name}@${version}(peer@1.0.0)`],
    ["5.4", (name: string, version: string) => `/${name}/${version}_peer@1.0.0`],
  ])("pnpm's, of version %s", async (format, keyOf) => {
    const packages = [
      ...[
        ["a", "1.0.0"],
        ["b", "1.0.0"],
        ["c", "1.0.0"],
        ["c", "2.0.0"],
      ],
    ].map(
      ([name = "", version = ""]) =>
        `  ${keyOf(name, version)}:\n    resolution: {integrity: ${integrity(name, version)}}\n`,
    );
    const direct =
      format === "5.4"
        ? "dependencies:\n  a: 1.0.0\n  b: 1.0.0_peer@1.0.0\n"
        : "importers:\n  .:\n    dependencies:\n      a: {specifier: ^1.0.0, version: 1.0.0}\n      b: {specifier: ^1.0.0, version: 1.0.0(peer@1.0.0)}\n";
    const text = `lockfileVersion: '${format}'\n${direct}packages:\n${packages.join("")}`;
    await expectLocked(setOf(packageJson, { "pnpm-lock.yaml": text }));
    const other = text.replace(integrity("a", "1.0.0"), integrity("a", "1.9.0"));
    expect(await refused(setOf(packageJson, { "pnpm-lock.yaml": other }))).toMatchObject({
      problem: "E_DIGEST_MISMATCH",
    });
  });

  test.each([
    ["package-lock.json", "{"],
    ["pnpm-lock.yaml", "- a\n"],
    ["yarn.lock", "a b c"],
  ])("%s that nothing can read", async (name, text) => {
    const error = await refused(setOf(packageJson, { [name]: text }));
    expect(error).toMatchObject({ problem: "E_LIBRARIES_LOCK", kind: "unmet" });
    expect(error.message).toContain(name);
    expect(server.hits()).toBe(0);
  });

  test("a lock that names git is refused", async () => {
    const git = { resolved: "git+ssh://git@other.invalid/a.git#abc", integrity: undefined };
    const text = npmLock((name, version, more) => entry(name, version, { ...more, ...git }));
    const error = await refused(setOf(packageJson, { "package-lock.json": text }));
    expect(error).toMatchObject({ kind: "unmet" });
    expect(error.message).toMatch(/git/);
  });
});

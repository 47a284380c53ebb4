/** The indexes of a mirror, signed by a key of the test, in the forms in which mirrors have them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { askOrigins } from "../../src/author/ask-origins.ts";
import { openRelease } from "../../src/author/deb-index.ts";
import { type DraftContext, draftContext } from "../../src/author/draft-context.ts";
import { openSignatures } from "../../src/author/signatures/check.ts";
import { openVersions } from "../../src/author/versions.ts";
import { renderDebLock } from "../../src/core/locks/deb-lock.ts";
import { readAptConfig } from "../../src/net/apt-config.ts";
import { createHttp, type Http } from "../../src/net/http.ts";
import { readNpmConfig } from "../../src/net/npm-config.ts";
import { compress, describe as facts, run } from "../support/archives.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";

let gnupg: string;
const gpg = (...args: string[]): Buffer =>
  run("gpg", ["--homedir", gnupg, "--batch", "--quiet", "--passphrase", "", ...args]);

beforeAll(() => {
  gnupg = mkdtempSync(join(tmpdir(), "gnupg-"));
  gpg("--quick-gen-key", "archive@example.test", "ed25519", "sign", "never");
  writeFileSync(join(gnupg, "key.gpg"), gpg("--export"));
});
afterAll(() => {
  run("gpgconf", ["--homedir", gnupg, "--kill", "gpg-agent"]);
  rmSync(gnupg, { recursive: true, force: true });
});

let dir: string;
let server: Loopback;
let http: Http;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "deb-index-"));
  server = await startLoopback();
  http = createHttp({ env: {}, mirrors: () => [], offline: false, timing: { backoffMs: 5 } });
});
afterEach(async () => {
  await http.close();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

const indexOf = (version: string): Buffer =>
  Buffer.from(
    `Package: show\nVersion: ${version}\nArchitecture: amd64\nFilename: pool/main/s/show/show_${version}_amd64.deb\nSize: 1\nSHA256: ${"0".repeat(64)}\n\n`,
  );
const name = "main/binary-amd64/Packages";
const forms = {
  ".xz": (index: Buffer) => compress("tar.xz", index),
  ".zst": (index: Buffer) => compress("tar.zst", index),
  ".bz2": (index: Buffer) => compress("tar.bz2", index),
  ".gz": (index: Buffer) => gzipSync(index),
  "": (index: Buffer) => index,
};
type Suffix = keyof typeof forms;

/** A suite whose release lists some forms of the index, of which the mirror has others. */
function publish(
  listed: readonly Suffix[],
  {
    has = listed,
    signed = "InRelease",
    at = "debian",
    codename = "bookworm",
    version = "1.0-1",
  } = {},
): void {
  const index = indexOf(version);
  const suite = `/${at}/dists/${codename}`;
  const sums = listed.map((suffix) => {
    const { sha256, size } = facts(forms[suffix](index));
    return ` ${sha256} ${size} ${name}${suffix}`;
  });
  const text = `Codename: ${codename}\nSHA256:\n${sums.join("\n")}\n`;
  for (const suffix of has) server.serve(`${suite}/${name}${suffix}`, forms[suffix](index));
  const file = join(dir, "Release");
  writeFileSync(file, text);
  const kind = signed === "InRelease" ? "--clearsign" : "--detach-sign";
  gpg("--yes", "--armor", "--output", `${file}.out`, kind, file);
  const signature = readFileSync(`${file}.out`);
  if (signed === "InRelease") server.serve(`${suite}/InRelease`, signature);
  else {
    server.serve(`${suite}/Release`, text);
    server.serve(`${suite}/Release.gpg`, signature);
  }
}

async function configure(...mirrors: string[]): Promise<{ APT_CONFIG: string }> {
  const etc = join(dir, "apt");
  mkdirSync(etc, { recursive: true });
  const lines = mirrors.map((uri) => `deb [signed-by=${gnupg}/key.gpg] ${uri} bookworm main`);
  const flat = `deb ${server.origin}/flat ./`;
  writeFileSync(join(etc, "sources.list"), `${[flat, ...lines].join("\n")}\n`);
  writeFileSync(join(etc, "apt.conf"), `Dir::Etc "${etc}";\n`);
  return { APT_CONFIG: join(etc, "apt.conf") };
}

async function packages(...mirrors: string[]): Promise<string[]> {
  const env = await configure(...mirrors);
  const apt = () => readAptConfig(env);
  const release = await openRelease({ http, apt, dir, clock: () => new Date() });
  return [...(await release.packagesFor("amd64")).byName.keys()];
}

async function draftPlace(): Promise<DraftContext> {
  const env = await configure(mirror());
  const draft = { ...{ http, dir, env, home: dir, offline: false }, clock: () => new Date() };
  return draftContext({ ...draft, npm: () => readNpmConfig(env, dir), emit: () => {} });
}

function lockOf(version: string, sha256: string, release: string): string {
  const path = `pool/main/s/show/show_${version}_amd64.deb`;
  const digest = { algorithm: "sha256", hex: sha256 } as const;
  const show = { name: "show", version, archive: "debian", path, size: 1, digest } as const;
  return renderDebLock({ release, snapshot: "20260101T000000Z", packages: { amd64: [show] } });
}

/** What is recorded of a lock that has the package `show`. */
async function signaturesOf(version: string, sha256: string, release = "bookworm") {
  const find = openSignatures(await draftPlace());
  const lock = lockOf(version, sha256, release);
  return await find({ deb: `show@${version}`, lock: "show.deb.lock.json" }, lock);
}

const mirror = (): string => `${server.origin}/debian`;

test("a web page in place of a release is called one", async () => {
  publish([".gz"]);
  server.serve("/debian/dists/bookworm/InRelease", "<!DOCTYPE html><html>Please log in</html>");
  await expect(packages(mirror())).rejects.toMatchObject({
    problem: "E_WEB_PAGE",
    message: expect.stringMatching(/bookworm\/InRelease is a web page, not a release/),
  });
});

describe("what a recipe records of a lock", () => {
  test("is the key that has signed the index of its packages", async () => {
    publish([".gz"]);
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(
      gpg("--with-colons", "--list-keys").toString(),
    )?.[1];
    const recorded = [{ kind: "debian-index", by: fingerprint }];
    expect(await signaturesOf("1.0-1", "0".repeat(64))).toEqual(recorded);
    // The release has replaced it since.
    expect(await signaturesOf("0.9-1", "1".repeat(64))).toEqual(recorded);
  });

  test("is nothing of a package that the index has with another digest", async () => {
    publish([".gz"]);
    await expect(signaturesOf("1.0-1", "1".repeat(64))).rejects.toMatchObject({
      problem: "E_SIGNATURE",
      message: expect.stringMatching(/it lists show 1\.0-1 \(amd64\) with another sha256/),
    });
  });
});

describe("a recipe of another release than this machine's", () => {
  const other = { codename: "trixie", version: "2.0-1" };
  const asked = async (line: string) => {
    const text = `name: show\nversion: "1.0"\n${line}bins: { show: usr/bin/show }\nartifacts:\n  linux-x64: { deb: show@1.0-1, lock: show.deb.lock.json }\n`;
    const versions = openVersions(await draftPlace());
    const lock = lockOf("1.0-1", "0".repeat(64), "trixie");
    const { newest } = await askOrigins(text, versions, () => lock);
    return newest;
  };

  test("follows that release, which the same mirrors have", async () => {
    publish([".gz"]);
    publish([".gz"], other);
    expect(await asked("release: trixie\n")).toMatchObject({ deb: { to: "2.0-1" }, staleDebs: 1 });
    const own = await asked("");
    expect(own).toMatchObject({ staleDebs: 0 });
    expect(own.deb).toBeUndefined();
  });

  test("is recorded as signed by that release's key, and compared with its index", async () => {
    publish([".gz"]);
    publish([".gz"], other);
    expect(await signaturesOf("2.0-1", "0".repeat(64), "trixie")).toHaveLength(1);
    await expect(signaturesOf("2.0-1", "1".repeat(64), "trixie")).rejects.toThrow(
      /it lists show 2\.0-1 \(amd64\) with another sha256/,
    );
  });
});

describe("an index", () => {
  test.each(Object.keys(forms) as Suffix[])("as Packages%s", async (suffix) => {
    publish([suffix]);
    expect(await packages(mirror())).toEqual(["show"]);
  });

  test("of several that are listed one that the mirror has", async () => {
    publish([".xz", ".gz", ""], { has: [".gz"] });
    expect(await packages(mirror())).toEqual(["show"]);
  });

  test("in no form that is listed, or that the mirror has", async () => {
    publish([]);
    await expect(packages(mirror())).rejects.toThrow(`bookworm has no ${name}`);
    publish([".xz"], { has: [] });
    await expect(packages(mirror())).rejects.toMatchObject({ kind: "network" });
  });

  test("of other bytes than the release promises", async () => {
    publish([".gz", ""]);
    server.serve(`/debian/dists/bookworm/${name}.gz`, gzipSync("Package: evil\n"));
    await expect(packages(mirror())).rejects.toMatchObject({ kind: "integrity" });
  });
});

describe("a release", () => {
  test("with its signature beside it", async () => {
    publish([".xz"], { signed: "Release.gpg" });
    expect(await packages(mirror())).toEqual(["show"]);
  });

  test("that its signature is not of", async () => {
    publish([".xz"], { signed: "Release.gpg" });
    server.serve("/debian/dists/bookworm/Release", "Codename: bookworm\nSHA256:\n");
    await expect(packages(mirror())).rejects.toThrow(/not signed by a Debian key/);
  });

  test("of several mirrors the first that has it; the others are not asked", async () => {
    publish([".xz"], { at: "second" });
    publish([".xz"], { at: "third" });
    const mirrors = ["first", "second", "third"].map((each) => `${server.origin}/${each}`);
    expect(await packages(...mirrors)).toEqual(["show"]);
    expect(server.requests.some(({ path }) => path.startsWith("/third"))).toBe(false);
    await expect(packages(`${server.origin}/first`)).rejects.toMatchObject({ kind: "network" });
  });
});

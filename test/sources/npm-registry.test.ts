/** npm registries of other makers: what is asked, where the tarball is then, and who gets the credentials. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHttp, type Http } from "../../src/net/http.ts";
import { readNpmConfig } from "../../src/net/npm-config.ts";
import { downloadTarball } from "../../src/sources/npm/registry.ts";
import { describe as facts, npmTarball, program } from "../support/archives.ts";
import { type Loopback, type ServeOptions, startLoopback } from "../support/loopback.ts";

let dir: string;
let server: Loopback;
let other: Loopback;
let http: Http;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "npm-registry-"));
  mkdirSync(join(dir, "home"));
  [server, other] = [await startLoopback(), await startLoopback()];
  http = createHttp({ env: {}, mirrors: () => [], offline: false, timing: { backoffMs: 5 } });
});

afterEach(async () => {
  await http.close();
  await server.close();
  await other.close();
  rmSync(dir, { recursive: true, force: true });
});

const tarball = npmTarball("@scope/gog", "1.0.0", { "bin/gog": program("1.0") });
const usual = "/registry/@scope/gog/-/gog-1.0.0.tgz";
const document = "/registry/@scope/gog";

async function download(npmrc = "", registry = server.registry) {
  writeFileSync(join(dir, "home/.npmrc"), npmrc);
  const env = { npm_config_registry: registry, npm_config_globalconfig: join(dir, "none") };
  const npm = await readNpmConfig(env, join(dir, "home"));
  const [file, digest] = [join(dir, "file"), facts(tarball).sha512];
  await downloadTarball({ http, npm, name: "@scope/gog", version: "1.0.0", digest, file });
  expect(readFileSync(file)).toEqual(tarball);
}

/** Serves the package's document alone; its tarball is at `address`. */
function publish(address: string, options: ServeOptions = {}): void {
  const versions = {
    "1.0.0": { name: "@scope/gog", version: "1.0.0", dist: { tarball: address } },
  };
  server.serve(document, JSON.stringify({ name: "@scope/gog", versions }), options);
}

const asked = (from: Loopback = server): string[] => from.requests.map(({ path }) => path);

describe("a registry that answers otherwise at the usual address", () => {
  test.each([300, 400, 401, 403, 404, 405, 406, 410, 422, 451, 500, 501])(
    "status %i: the package's document says where the tarball is",
    async (status) => {
      server.serve(usual, "", { fault: "status", status });
      publish(server.serve("/files/c0ffee", tarball));
      await download();
      expect(asked().slice(-2)).toEqual([document, "/files/c0ffee"]);
      expect(asked()).not.toContain(`${document}/1.0.0`);
    },
  );

  test("a web page, and other bytes: the same", async () => {
    publish(server.serve("/files/c0ffee", tarball));
    for (const fault of ["html", "ok"] as const) {
      server.serve(usual, "an older build", { fault });
      await download();
    }
    expect(server.hits("/files/c0ffee")).toBe(2);
  });

  test("one that is down is not asked for the document", async () => {
    server.serve(usual, "", { fault: "503 always" });
    publish(server.serve("/files/c0ffee", tarball));
    await expect(download()).rejects.toMatchObject({ kind: "network" });
    expect(asked()).not.toContain(document);
  });

  test("the short form of the document is asked for first, then the whole one", async () => {
    publish(server.serve("/files/c0ffee", tarball));
    await download();
    const [, short] = server.requests;
    expect(short?.headers.accept).toMatch(/^application\/vnd\.npm\.install-v1\+json/);
    server.serve(document, "", { fault: "status", status: 406 });
    await expect(download()).rejects.toMatchObject({ kind: "network" });
    expect(server.requests.at(-1)).toMatchObject({
      path: document,
      headers: { accept: "application/json" },
    });
  });
});

describe("the address of the tarball", () => {
  test.each([
    ["below the registry", "@scope/gog/-/other.tgz", "/registry/@scope/gog/-/other.tgz"],
    ["from the host's root", "/files/gog.tgz", "/files/gog.tgz"],
    ["with a query", "/files/gog.tgz?token=1", "/files/gog.tgz"],
  ])("%s", async (_, address, path) => {
    server.serve(path, tarball);
    publish(address);
    await download();
    expect(asked().at(-1)).toBe(path);
  });

  test("of another host, which gets no credentials of the registry's", async () => {
    publish(other.serve("/gog.tgz", tarball));
    await download(`//${new URL(server.origin).host}/registry/:_authToken=secret`);
    expect(server.requests.every(({ headers }) => headers.authorization === "Bearer secret")).toBe(
      true,
    );
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test("of the registry's host: its credentials serve there", async () => {
    publish(server.serve("/files/gog.tgz", tarball));
    const { host } = new URL(server.origin);
    await download(`//${host}/registry/:_authToken=secret`);
    expect(server.requests.at(-1)?.headers.authorization).toBe("Bearer secret");
    await download(`//${host}/registry/:_authToken=secret\n//${host}/files/:_authToken=own`);
    expect(server.requests.at(-1)?.headers.authorization).toBe("Bearer own");
    await download("", server.registry.replace("//", "//me:pass%40word@"));
    const basic = `Basic ${Buffer.from("me:pass@word").toString("base64")}`;
    expect(server.requests.at(-1)?.headers.authorization).toBe(basic);
  });

  test("of the host that the registry stands for: the registry is asked in its place", async () => {
    const npm = await readNpmConfig({ npm_config_globalconfig: join(dir, "none") }, dir);
    publish(`${npm.defaultRegistry}gog/-/gog-1.0.0.tgz`);
    server.serve("/registry/gog/-/gog-1.0.0.tgz", tarball);
    await download();
    expect(asked().at(-1)).toBe("/registry/gog/-/gog-1.0.0.tgz");
    publish(`${npm.defaultRegistry}files/gog.tgz`);
    server.serve("/files/gog.tgz", tarball); // as npm asks: without the registry's own path
    await download();
    expect(asked().at(-1)).toBe("/files/gog.tgz");
  });

  test("npm's replace-registry-host names another such host, every one or none", async () => {
    publish(other.serve("/files/gog.tgz", tarball));
    server.serve("/registry/files/gog.tgz", tarball);
    await download("replace-registry-host=127.0.0.1");
    await download("replace-registry-host=always");
    expect(asked(other)).toEqual([]);
    await download("replace-registry-host=never");
    expect(asked(other)).toEqual(["/files/gog.tgz"]);
  });
});

describe("a document that does not help is a failure of the network", () => {
  const versions = (dist: unknown) => JSON.stringify({ versions: { "1.0.0": { dist } } });
  test.each([
    ["no JSON", "sorry", /did not respond with JSON/],
    ["a page", "<!DOCTYPE html><html></html>", /responded with a web page, not JSON/],
    ["nothing", "", /did not respond with JSON/],
    ["null", "null", /package's versions/],
    ["a list", "[]", /package's versions/],
    ["no versions", "{}", /package's versions/],
    ["versions that are none", '{"versions":"1.0.0"}', /package's versions/],
    ["another version", '{"versions":{"2.0.0":{}}}', /has no @scope\/gog@1\.0\.0/],
    ["a version that is null", '{"versions":{"1.0.0":null}}', /has no @scope\/gog@1\.0\.0/],
    ["no dist", '{"versions":{"1.0.0":{}}}', /has no URL for/],
    ["a tarball that is no text", versions({ tarball: 7 }), /has no URL for/],
    ["a tarball that is no URL", versions({ tarball: "http://[" }), /has no URL for/],
    ["a tarball of this machine", versions({ tarball: "file:///etc/passwd" }), /has no URL for/],
  ])("%s", async (_, text, message) => {
    server.serve(document, text);
    const failure = await download().catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "network", message: expect.stringMatching(message) });
    expect(failure).toMatchObject({ message: expect.stringContaining("responded with 404") });
  });

  test("wrong bytes stay wrong bytes, whatever the document says", async () => {
    server.serve(usual, "not it");
    await expect(download()).rejects.toMatchObject({ kind: "integrity" });
    publish(server.origin + usual);
    await expect(download()).rejects.toMatchObject({ kind: "integrity" });
  });
});

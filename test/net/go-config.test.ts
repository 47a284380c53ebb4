import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readGoConfig } from "../../src/net/go-config.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "go-config-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(path: string, text: string): string {
  const file = join(dir, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

test("the toolchain's own defaults, the user's file, the environment, each over those before", async () => {
  const go = write("root/bin/go", "");
  write("root/go.env", "# x\nGOPROXY=https://shipped.test,direct\nGOSUMDB=sum.test\n");
  expect((await readGoConfig({}, join(dir, "home"), undefined)).proxies).toEqual([]);
  expect((await readGoConfig({}, join(dir, "home"), go)).settings).toEqual({
    GOPROXY: "https://shipped.test,direct",
    GOSUMDB: "sum.test",
  });
  write("home/.config/go/env", "GOPROXY=https://user.test/go|https://b.test,off\nGOFLAGS=-x\n");
  const own = await readGoConfig({}, join(dir, "home"), go);
  expect(own.proxies).toEqual([
    { url: "https://user.test/go/", fallsThrough: true },
    { url: "https://b.test/", fallsThrough: false },
  ]);
  expect(Object.keys(own.settings).sort()).toEqual(["GOPROXY", "GOSUMDB"]);
  const env = { GOENV: "off", GOSUMDB: "off", GOPROXY: "" };
  expect((await readGoConfig(env, join(dir, "home"), go)).settings).toEqual({
    GOPROXY: "https://shipped.test,direct",
    GOSUMDB: "off",
  });
});

test("credentials: of the proxy's address, else of netrc", async () => {
  write("home/.netrc", "machine b.test login x password y\n");
  const { headersFor } = await readGoConfig({}, join(dir, "home"), undefined);
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;
  expect(headersFor("https://me:pw@a.test/x").authorization).toBe(basic("me:pw"));
  expect(headersFor("https://b.test/x").authorization).toBe(basic("x:y"));
  expect(headersFor("https://c.test/x")).toEqual({});
});

test("a GOPROXY that names no proxy is told when a module is needed", async () => {
  const of = async (GOPROXY: string) =>
    await readGoConfig({ GOENV: "off", GOPROXY }, join(dir, "home"), undefined);
  expect((await of("")).proxies).toEqual([]);
  for (const value of ["direct", "off", "proxy.test/go", "file:///srv/go", "https://[", ","]) {
    const config = await of(value);
    expect(config.settings.GOPROXY).toBe(value);
    if (value === ",") expect(config.proxies).toEqual([]);
    else expect(() => config.proxies).toThrow(`GOPROXY=${value} has no http or https module proxy`);
  }
  const until = await of("https://a.test|https://b.test,direct,off,https://c.test");
  expect(until.proxies.map(({ url }) => url)).toEqual(["https://a.test/", "https://b.test/"]);
  const secret = await of("ftp://me:s3cret@a.test");
  expect(() => secret.proxies).not.toThrow(/s3cret/);
  expect((await of('"https://a.test/"')).proxies.map(({ url }) => url)).toEqual([
    "https://a.test/",
  ]);
});

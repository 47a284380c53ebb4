import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { parseLogins } from "../../src/core/logins.ts";
import { netrcHeaders } from "../../src/net/netrc.ts";
import { parsePipConf, readPipConfig, readPipSettings } from "../../src/net/pip-config.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pip-config-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Nothing of this machine. */
const empty = () => ({ XDG_CONFIG_DIRS: join(dir, "xdg"), PIP_CONFIG_FILE: "" });

function write(path: string, text: string): string {
  const file = join(dir, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const index = (host: string): string => `[global]\nindex-url = https://${host}.test/simple\n`;
const indexesOf = async (env: Record<string, string>) =>
  (await readPipConfig({ ...empty(), ...env }, join(dir, "home"))).indexes;

describe("which index is asked", () => {
  test("files in pip's order, then the environment", async () => {
    write("xdg/pip/pip.conf", index("machine"));
    expect(await indexesOf({})).toEqual(["https://machine.test/simple/"]);
    write("home/.pip/pip.conf", index("legacy"));
    expect(await indexesOf({})).toEqual(["https://legacy.test/simple/"]);
    write("home/.config/pip/pip.conf", index("user"));
    expect(await indexesOf({})).toEqual(["https://user.test/simple/"]);
    const VIRTUAL_ENV = dirname(write("venv/pip.conf", index("venv")));
    expect(await indexesOf({ VIRTUAL_ENV })).toEqual(["https://venv.test/simple/"]);
    const named = write("named.conf", "[install]\nextra-index-url = https://more.test/\n");
    expect(await indexesOf({ PIP_CONFIG_FILE: named })).toEqual([
      "https://machine.test/simple/",
      "https://more.test/",
    ]);
    expect(await indexesOf({ PIP_INDEX_URL: "https://env.test/x" })).toEqual([
      "https://env.test/x/",
    ]);
  });

  test("uv's names, after pip's own variable and before the files", async () => {
    write("home/.config/pip/pip.conf", index("user"));
    const UV_INDEX_URL = "https://old.test/";
    const UV_DEFAULT_INDEX = "https://uv.test/";
    expect(await indexesOf({ UV_INDEX_URL })).toEqual([UV_INDEX_URL]);
    expect(await indexesOf({ UV_INDEX_URL, UV_DEFAULT_INDEX })).toEqual([UV_DEFAULT_INDEX]);
    expect(await indexesOf({ UV_DEFAULT_INDEX, PIP_INDEX_URL: "https://p.test/" })).toEqual([
      "https://p.test/",
    ]);
    expect(await indexesOf({ UV_INDEX: "in=https://a.test/ https://b.test/" })).toEqual([
      "https://user.test/simple/",
      "https://a.test/",
      "https://b.test/",
    ]);
  });

  test("no-index leaves none; what is no address is refused without being shown", async () => {
    expect(await indexesOf({ PIP_NO_INDEX: "1", PIP_INDEX_URL: "https://a.test/" })).toEqual([]);
    const refused = indexesOf({ PIP_INDEX_URL: "ftp://me:secret@a.test/" });
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow("PIP_INDEX_URL=ftp://...@a.test/ is not");
    const PIP_EXTRA_INDEX_URL = "https://b.test/ b.test/simple";
    await expect(indexesOf({ PIP_EXTRA_INDEX_URL })).rejects.toThrow(
      "PIP_EXTRA_INDEX_URL=b.test/simple is not",
    );
  });

  test("quotes and blank space around an address are not of it", async () => {
    expect(await indexesOf({ PIP_INDEX_URL: ' "https://a.test/simple" ' })).toEqual([
      "https://a.test/simple/",
    ]);
  });
});

describe("what is asked beside an index", () => {
  const read = (env: Record<string, string>) =>
    readPipConfig({ ...empty(), ...env }, join(dir, "home"));

  test("pip's default index is asked before those that are extra, until one takes its place", async () => {
    const PIP_EXTRA_INDEX_URL = "https://a.test/ https://b.test/x";
    const extra = await read({ PIP_EXTRA_INDEX_URL });
    expect(extra).toMatchObject({
      indexes: ["https://a.test/", "https://b.test/x/"],
      isDefaultReplaced: false,
    });
    expect(extra.environment).not.toHaveProperty("PIP_INDEX_URL");
    expect(extra.environment.PIP_EXTRA_INDEX_URL).toBe("https://a.test/ https://b.test/x/");
    const both = await read({ PIP_EXTRA_INDEX_URL, PIP_INDEX_URL: "https://i.test" });
    expect(both.isDefaultReplaced).toBe(true);
    expect(both.environment).toMatchObject({
      PIP_INDEX_URL: "https://i.test/",
      PIP_EXTRA_INDEX_URL: "https://a.test/ https://b.test/x/",
    });
    expect(await read({})).toMatchObject({ indexes: [], isDefaultReplaced: false });
  });

  test("the section install speaks last, whichever file has it; what is empty says nothing", async () => {
    const install = "[install]\nindex-url = https://install.test/\nextra-index-url =\n";
    write("xdg/pip/pip.conf", install);
    write(
      "home/.config/pip/pip.conf",
      "[global]\nindex-url = https://global.test/\nextra_index_url =\n    https://a.test/\n    https://b.test/\n",
    );
    const expected = ["https://install.test/", "https://a.test/", "https://b.test/"];
    expect(await indexesOf({})).toEqual(expected);
    expect(await indexesOf({ PIP_EXTRA_INDEX_URL: "", PIP_INDEX_URL: "" })).toEqual(expected);
  });

  test("find-links: of the files, the environment and uv; what is no place is passed over", async () => {
    write("home/.config/pip/pip.conf", "[global]\nfind-links = ~/wheels https://a.test/page\n");
    const wheels = `file://${join(dir, "home/wheels")}`;
    expect((await read({})).findLinks).toEqual([wheels, "https://a.test/page"]);
    const PIP_FIND_LINKS = "/w /w x/y ftp://a.test/ file:///f";
    const { findLinks, environment } = await read({ PIP_FIND_LINKS, UV_FIND_LINKS: "/u,/w" });
    expect(findLinks).toEqual(["file:///w", "file:///f", "file:///u"]);
    expect(environment.PIP_FIND_LINKS).toBe("file:///w file:///f file:///u");
  });

  test("no-index leaves find-links alone", async () => {
    for (const PIP_NO_INDEX of ["1", "on", "Yes", "true"]) {
      const PIP_FIND_LINKS = "/w";
      const found = await read({ PIP_NO_INDEX, PIP_FIND_LINKS, PIP_INDEX_URL: "https://a.test/" });
      expect(found).toMatchObject({ indexes: [], isDefaultReplaced: true });
      expect(found.findLinks).toEqual(["file:///w"]);
      expect(found.environment).toMatchObject({ PIP_NO_INDEX: "1" });
    }
    const kept = await read({ PIP_NO_INDEX: "0", PIP_INDEX_URL: "https://a.test/" });
    expect(kept.indexes).toEqual(["https://a.test/"]);
  });

  test("directories of this machine are indexes, too", async () => {
    const path = dirname(write("simple/zog/index.html", ""));
    expect(await indexesOf({ PIP_INDEX_URL: dirname(path) })).toEqual([`file://${dir}/simple/`]);
    expect(await indexesOf({ PIP_INDEX_URL: `file://${dir}/simple` })).toEqual([
      `file://${dir}/simple/`,
    ]);
  });

  test("of two indexes of one host the nearer one's credentials serve", async () => {
    const { headersFor } = await read({
      PIP_INDEX_URL: "https://me:one@a.test/team-a/simple",
      PIP_EXTRA_INDEX_URL: "https://me:two@a.test/team-b/simple https://a.test/open/",
    });
    const passwordFor = (url: string): string =>
      Buffer.from(
        (headersFor(url).authorization ?? "").slice("Basic ".length),
        "base64",
      ).toString();
    expect(passwordFor("https://a.test/team-a/files/zog.whl")).toBe("me:one");
    expect(passwordFor("https://a.test/team-b/files/zog.whl")).toBe("me:two");
    expect(headersFor("https://a.test/open/zog.whl")).toEqual({});
    expect(headersFor("https://b.test/team-a/zog.whl")).toEqual({});
  });
});

test("pip's own proxy, certificates and waiting", async () => {
  write(
    "home/.config/pip/pip.conf",
    "[global]\nproxy = http://file.test:1\ncert = /file.pem\ntimeout = 60\n",
  );
  const home = join(dir, "home");
  const { through, environment } = await readPipConfig(empty(), home);
  expect(environment).toEqual({
    NETRC: join(home, ".netrc"),
    PIP_PROXY: "http://file.test:1",
    PIP_CERT: "/file.pem",
    PIP_TIMEOUT: "60",
  });
  expect(through).toEqual({ proxy: { name: "pip's proxy", value: "http://file.test:1" } });
  expect(readPipSettings(empty(), home)).toEqual({
    caFiles: [{ name: "pip's cert", value: "/file.pem" }],
    waits: [{ name: "pip's timeout", value: "60", unit: 1000 }],
  });
  const env = { ...empty(), PIP_PROXY: "http://env.test:1", PIP_DEFAULT_TIMEOUT: "9" };
  expect((await readPipConfig(env, home)).through.proxy?.name).toBe("PIP_PROXY");
  expect(readPipSettings({ ...env, PIP_CERT: "/env.pem" }, home)).toEqual({
    caFiles: [{ name: "PIP_CERT", value: "/env.pem" }],
    waits: [{ name: "PIP_DEFAULT_TIMEOUT", value: "9", unit: 1000 }],
  });
  const CURL_CA_BUNDLE = "/curl.pem";
  const alone = { PIP_CONFIG_FILE: "/dev/null", CURL_CA_BUNDLE };
  expect(readPipSettings(alone, home).caFiles).toEqual([
    { name: "CURL_CA_BUNDLE", value: CURL_CA_BUNDLE },
  ]);
});

describe("credentials", () => {
  test("those of the URL for its origin, netrc's for other hosts, none else", async () => {
    write(
      "home/.netrc",
      "machine files.test\n  login me\n  password p#w\nmachine a.test login x password y\n",
    );
    const env = { ...empty(), PIP_INDEX_URL: "https://user:p%40ss@a.test/simple" };
    const config = await readPipConfig(env, join(dir, "home"));
    const basic = (pair: string) => ({
      authorization: `Basic ${Buffer.from(pair).toString("base64")}`,
    });
    expect(config.headersFor("https://a.test/files/x.whl")).toEqual(basic("user:p@ss"));
    expect(config.headersFor("https://files.test/x.whl")).toEqual(basic("me:p#w"));
    expect(config.headersFor("https://other.test/x.whl")).toEqual({});
    expect(config.headersFor("http://a.test/x.whl")).toEqual(basic("x:y"));
  });

  test("netrc: default, macros, what is incomplete", () => {
    const text =
      "macdef init\ncd /pub\nmachine evil login a password b\n\nmachine a\ndefault login d password e\n";
    const logins = parseLogins(text);
    expect(logins.map(({ machine }) => machine)).toEqual(["a", "*"]);
    const authorization = `Basic ${Buffer.from("d:e").toString("base64")}`;
    expect(netrcHeaders(logins, "a")).toEqual({ authorization });
  });
});

test("pip.conf: comments, other sections, values over several lines, underscores", () => {
  const text =
    "# x\n[download]\nindex-url = https://no.test\n[global]\nindex_url: https://a.test\nextra-index-url =\n    https://b.test\n    https://c.test\n; y\n[install]\nno-index = true\n";
  expect(parsePipConf(text)).toEqual({
    "index-url": "https://a.test",
    "extra-index-url": "https://b.test https://c.test",
    "no-index": "true",
  });
});

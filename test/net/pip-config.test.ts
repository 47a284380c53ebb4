import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { parseNetrc } from "../../src/net/netrc.ts";
import { parsePipConf, readPipConfig } from "../../src/net/pip-config.ts";

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
    await expect(refused).rejects.not.toThrow(/secret/);
  });
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
    expect([...parseNetrc(text)]).toEqual([["*", { login: "d", password: "e" }]]);
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

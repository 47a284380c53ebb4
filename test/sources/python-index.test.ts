/** Pages and indexes as pip reads them, on loopback servers. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LockedWheel } from "../../src/core/recipe.ts";
import { createHttp, type Http } from "../../src/net/http.ts";
import { readPipConfig } from "../../src/net/pip-config.ts";
import { downloadWheel, fetchListed, listFiles } from "../../src/sources/python/index.ts";
import { parsePage } from "../../src/sources/python/page.ts";
import { describe as facts } from "../support/archives.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";

let dir: string;
let server: Loopback;
let other: Loopback;
let http: Http;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "python-index-"));
  [server, other] = [await startLoopback(), await startLoopback()];
  http = createHttp({ env: {}, mirrors: () => [], offline: false, timing: { backoffMs: 5 } });
});

afterEach(async () => {
  await http.close();
  await server.close();
  await other.close();
  rmSync(dir, { recursive: true, force: true });
});

const bytes = Buffer.from("the wheel's bytes");
const { sha256, digest, size } = facts(bytes);
const file = "zog_cli-1.0.0+local-py3-none-any.whl";
const wheel: LockedWheel = { name: "zog-cli", version: "1.0.0", file, digest, size };
const base = "http://index.test/simple/zog-cli/";
const address = `http://index.test/files/${file}`;

const listed = async (text: string, url = base) => await parsePage({ text, url: new URL(url) });
const json = (...files: unknown[]): string => JSON.stringify({ meta: {}, files });

describe("a page", () => {
  test.each([
    ["relative", `<a href="../../files/${file}">x</a>`],
    ["from the root", `<A HREF='/files/${file}'>x</A>`],
    ["absolute", `<a href="${address}">x</a>`],
    ["without quotes", `<a href=/files/${file}>x</a>`],
    ["without an end", `<a href="/files/${file}">zog`],
    ["in another element", `<a href="/files/${file}"><code>zog</code><br></a>`],
    ["with a text that is cut short", `<a href="/files/${file}">zog_cli-1.0..&gt;</a>`],
    ["behind a >", `<a data-requires-python=">=3.6" href="/files/${file}">x</a>`],
    ["before a >", `<a href="/files/${file}" data-requires-python='>=3.6,<4'>x</a>`],
    ["on several lines", `<a\n  rel="internal"\n  href="/files/${file}"\n>\nx\n</a\n>`],
    ["with entities", `<a href="&#x2f;files&#47;${file.replace("+", "&plus;")}">x</a>`],
    ["with an escaped name", `<a href="/files/${encodeURIComponent(file)}">x</a>`],
    ["with a query", `<a href="/files/${file}?token=a&amp;b=c#egg=zog">x</a>`],
    ["below a base", `<base target="_blank"><base href="/files/"><a href="${file}">x</a>`],
    ["without a head, after a comment", `<!-- <a href="/no.whl"> --><a href="/files/${file}">x`],
    ["in capitals", `<HTML><BODY><A HREF="/files/${file}">X</A></BODY></HTML>`],
    ["behind a byte order mark", `\ufeff<a href="/files/${file}">x</a>`],
    ["in JSON", json({ filename: file, url: address })],
    ["in JSON, relative and without a name", json({ url: `../../files/${file}` })],
    ["in JSON, behind blank space", `\ufeff\n ${json({ filename: file, url: address })}`],
    ["in JSON, under another address", json({ filename: file, url: "/blobs/c0ffee" })],
  ])("%s", async (_, text) => {
    expect((await listed(text)).map(({ name }) => name)).toEqual([file]);
    expect((await listed(text))[0]?.url).toMatch(/^http:\/\/index\.test\/(files|blobs)\//);
  });

  test.each([
    ["as a fragment", `<a href="/files/${file}#sha256=${sha256.toUpperCase()}">x</a>`],
    [
      "as one of several",
      `<a href="/files/${file}#egg=zog&amp;sha256=${sha256}&subdirectory=x">x</a>`,
    ],
    ["in JSON", json({ filename: file, url: address, hashes: { md5: "0", sha256 } })],
  ])("its digest %s", async (_, text) => {
    expect(await listed(text)).toMatchObject([{ sha256 }]);
  });

  test("a digest of another kind, or none that is one, is none", async () => {
    const links = ["md5=d41d8cd98f00b204e9800998ecf8427e", "sha512=00", "sha256=abc", "sha256="];
    const text = links.map((hash) => `<a href="/files/${file}#${hash}">x</a>`).join("");
    expect((await listed(text)).map((each) => each.sha256)).toEqual(links.map(() => undefined));
  });

  test("what was withdrawn", async () => {
    const html = `<a href="/a.whl">x</a><a data-yanked href="/b.whl">x</a><a data-yanked="bad" href="/c.whl">x</a>`;
    expect((await listed(html)).map(({ isYanked }) => isYanked)).toEqual([false, true, true]);
    const entries = [false, true, "bad"].map((yanked) => ({ url: "/a.whl", yanked }));
    expect((await listed(json(...entries))).map(({ isYanked }) => isYanked)).toEqual([
      false,
      true,
      true,
    ]);
  });

  test.each([
    "",
    "Not Found",
    "{",
    "{}",
    '{"files":{}}',
    '{"files":[null,7,{"filename":"a.whl"},{"url":{}}]}',
    '<a name="top">x</a>',
    '<a href="http://[">x</a>',
    '<a href="mailto:me@index.test">x</a><a href="javascript:x">x</a>',
    '<a href="file:///etc/passwd">x</a>',
    '<script>"<a href=/a.whl>"</script>',
  ])("that lists nothing: %j", async (text) => {
    expect(await listed(text)).toEqual([]);
  });
});

const pipOf = (env: Record<string, string>) =>
  readPipConfig({ PIP_CONFIG_FILE: "/dev/null", ...env }, join(dir, "home"));

async function download(env: Record<string, string>): Promise<void> {
  const target = join(dir, "download");
  await downloadWheel({ http, pip: await pipOf(env), wheel, file: target });
  expect(readFileSync(target)).toEqual(bytes);
}

/** A page of an index that lists the wheel; gives the index's address. */
function offer(from: Loopback, content: Buffer | string = bytes, hash = ""): string {
  from.serve(`/files/${file}`, content);
  const page = `<a href="/files/${encodeURIComponent(file)}${hash}">x</a>`;
  from.serve("/simple/zog-cli/", page);
  return `${from.origin}/simple`;
}

describe("several indexes", () => {
  const extra = (first: string, second: string) =>
    download({ PIP_INDEX_URL: first, PIP_EXTRA_INDEX_URL: second });

  test.each([400, 401, 403, 404, 410, 451, 500, 503])(
    "one that answers %i: the next is asked",
    async (status) => {
      server.serve("/simple/zog-cli/", "", { fault: "status", status });
      await extra(`${server.origin}/simple/`, offer(other));
    },
  );

  test("one that is down, lists nothing, another file, or what is not there", async () => {
    await extra("http://127.0.0.1:1/simple", offer(other));
    server.serve("/simple/zog-cli/", "<html></html>");
    await extra(`${server.origin}/simple`, offer(other));
    server.serve("/simple/zog-cli/", `<a href="/files/zog_cli-0.9-py3-none-any.whl">x</a>`);
    await extra(`${server.origin}/simple`, offer(other));
    offer(server);
    server.serve(`/files/${file}`, "", { fault: "status", status: 403 });
    await extra(`${server.origin}/simple`, offer(other));
  });

  test("one that has other bytes under the name, and says so or not", async () => {
    await extra(offer(server, "another build"), offer(other));
    await extra(offer(server, "another build", `#sha256=${"0".repeat(64)}`), offer(other));
    await expect(
      extra(offer(server, "another build"), `${other.origin}/none`),
    ).rejects.toMatchObject({ kind: "integrity" });
  });

  test("the one whose digest is right goes before the one whose name is", async () => {
    server.serve("/right", bytes);
    server.serve(`/files/${file}`, "another build");
    const files = [`/files/${file}`, `/right#sha256=${sha256}`];
    server.serve("/simple/zog-cli/", files.map((href) => `<a href="${href}">x</a>`).join(""));
    await download({ PIP_INDEX_URL: `${server.origin}/simple` });
    expect(server.hits(`/files/${file}`)).toBe(0);
  });

  test("where none has it, each is named with its reason", async () => {
    server.serve("/simple/zog-cli/", "<html></html>");
    other.serve("/simple/zog-cli/", "", { fault: "status", status: 403 });
    const failure = extra(`${server.origin}/simple`, `${other.origin}/simple`);
    await expect(failure).rejects.toMatchObject({
      kind: "network",
      message: `no Python index has ${file}: ${server.origin}/simple/zog-cli/ does not list ${file}; ${other.origin}/simple/zog-cli/ responded with 403 (access is denied)`,
    });
  });

  const login = `<!DOCTYPE html>\n<html><body><form action="/login"><a href="/help">Help</a></form></body></html>`;
  test.each([
    ["a login page", login],
    ["words of a proxy", "<html><body>Please log in</body></html>"],
    ["a page that a script fills", "\ufeff<!-- x --><html><script src=/app.js></script></html>"],
  ])(
    "%s is called a web page, also behind a redirect and beside an index that answers",
    async (_, page) => {
      server.serve("/sso", page);
      server.serve("/simple/zog-cli/", "", { fault: "redirect", to: "/sso?token=s3cret" });
      other.serve("/simple/zog-cli/", "<html></html>");
      const said = `${server.origin}/sso?... responded with a web page, not a list of files`;
      const env = {
        PIP_INDEX_URL: `${other.origin}/simple`,
        PIP_EXTRA_INDEX_URL: `${server.origin}/simple`,
      };
      const list = async () => listFiles("zog-cli", { http, pip: await pipOf(env) });
      for (const ask of [() => download(env), list]) {
        const failure = ask();
        await expect(failure).rejects.toMatchObject({
          problem: "E_NOT_A_REGISTRY",
          message: expect.stringContaining(`/zog-cli/ does not list zog`),
        });
        await expect(failure).rejects.toThrow(said);
      }
      offer(other);
      await download(env);
    },
  );

  test("a page of an index with a form of its own, or with files, is a list", async () => {
    const pip = await pipOf({ PIP_INDEX_URL: `${server.origin}/simple` });
    server.serve("/simple/zog-cli/", `<html><h1>root: links for zog-cli</h1>${login}</html>`);
    await expect(listFiles("zog-cli", { http, pip })).resolves.toMatchObject([{ name: "help" }]);
    server.serve("/simple/zog-cli/", `<html><script></script><a href="${file}">x</a></html>`);
    await expect(listFiles("zog-cli", { http, pip })).resolves.toMatchObject([{ name: file }]);
  });

  test("credentials are for their own index", async () => {
    const secret = offer(server).replace("//", "//me:p%40ss@");
    offer(other, "another build");
    await download({ PIP_INDEX_URL: `${other.origin}/simple`, PIP_EXTRA_INDEX_URL: secret });
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      undefined,
    ]);
    const basic = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([basic, basic]);
  });
});

describe("find-links", () => {
  const alone = (PIP_FIND_LINKS: string) => download({ PIP_FIND_LINKS, PIP_NO_INDEX: "1" });

  test("a directory of wheels, a wheel, and a page of this machine", async () => {
    const wheels = join(dir, "wheels of mine");
    mkdirSync(wheels);
    writeFileSync(join(wheels, file), bytes);
    writeFileSync(join(wheels, "other-1.0-py3-none-any.whl"), "another");
    await alone(`file://${encodeURI(wheels)}`);
    await alone(`file://${encodeURI(wheels)}/${file}`);
    writeFileSync(join(wheels, "page.html"), `<a href="${encodeURIComponent(file)}">x</a>`);
    await alone(`file://${encodeURI(wheels)}/page.html`);
    expect(server.hits()).toBe(0);
  });

  test("a page and a wheel of a server; the indexes are asked where they do not serve", async () => {
    offer(server);
    await alone(`${server.origin}/simple/zog-cli/`);
    await alone(`${server.origin}/files/${file}`);
    await download({
      PIP_FIND_LINKS: `${server.origin}/none file://${dir}/none`,
      PIP_INDEX_URL: offer(other),
    });
  });

  test("other bytes, a file that is none, and nothing", async () => {
    writeFileSync(join(dir, file), "another build");
    await expect(alone(dir)).rejects.toMatchObject({ kind: "integrity" });
    rmSync(join(dir, file));
    mkdirSync(join(dir, file));
    await expect(alone(dir)).rejects.toMatchObject({ kind: "network" });
    await expect(alone("")).rejects.toMatchObject({ kind: "config" });
  });

  test("an index of this machine", async () => {
    mkdirSync(join(dir, "simple/zog-cli"), { recursive: true });
    const page = `<a href="../../${encodeURIComponent(file)}">x</a>`;
    writeFileSync(join(dir, "simple/zog-cli/index.html"), page);
    writeFileSync(join(dir, file), bytes);
    await download({ PIP_INDEX_URL: join(dir, "simple") });
  });
});

describe("for who chooses among the files", () => {
  test("all places together; one that fails is no matter as long as another lists some", async () => {
    server.serve("/simple/zog-cli/", `<a href="zog_cli-2.0-py3-none-any.whl">x</a>`);
    const wheels = join(dir, "wheels");
    mkdirSync(wheels);
    for (const name of [file, "other-1.0-py3-none-any.whl"])
      writeFileSync(join(wheels, name), bytes);
    const pip = await pipOf({
      PIP_FIND_LINKS: wheels,
      PIP_INDEX_URL: `${other.origin}/simple`,
      PIP_EXTRA_INDEX_URL: `${server.origin}/simple`,
    });
    const files = await listFiles("zog-cli", { http, pip });
    expect(files.map(({ name }) => name)).toEqual([file, "zog_cli-2.0-py3-none-any.whl"]);
    const none = listFiles("nothing", { http, pip: await pipOf({ PIP_INDEX_URL: server.origin }) });
    await expect(none).rejects.toMatchObject({ kind: "network" });
  });

  test("what is fetched is verified where the index says what it is", async () => {
    const pip = await pipOf({ PIP_INDEX_URL: offer(server) });
    const url = server.serve("/zog.whl", bytes);
    const target = join(dir, "target");
    for (const known of [{}, { sha256 }]) {
      const found = await fetchListed(
        { url, name: file, isYanked: false, ...known },
        { http, pip },
        target,
      );
      expect(found).toMatchObject({ sha256: { hex: sha256 }, size });
    }
    const wrong = { url, name: file, isYanked: false, sha256: "0".repeat(64) };
    await expect(fetchListed(wrong, { http, pip }, target)).rejects.toMatchObject({
      kind: "integrity",
    });
    writeFileSync(join(dir, file), bytes);
    const here = { url: `file://${join(dir, file)}`, name: file, isYanked: false };
    expect(await fetchListed(here, { http, pip }, target)).toMatchObject({ size });
  });
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readAptConfig } from "../../src/net/apt-config.ts";
import { createHttp } from "../../src/net/http.ts";
import { describe as facts } from "../support/archives.ts";
import { startLoopback } from "../support/loopback.ts";

let etc: string;
beforeEach(() => {
  etc = mkdtempSync(join(tmpdir(), "apt-"));
  write("apt.conf", `Dir::Etc "${etc}";\n`);
});
afterEach(() => rmSync(etc, { recursive: true, force: true }));

function write(name: string, text: string): void {
  mkdirSync(dirname(join(etc, name)), { recursive: true });
  writeFileSync(join(etc, name), text);
}

const read = () => readAptConfig({ APT_CONFIG: join(etc, "apt.conf") });

test("a machine without apt has no mirrors", async () => {
  const apt = await read();
  expect(apt.mirrorsOf("debian")).toEqual([]);
  expect(apt.requestFor("https://x.test/a")).toEqual({ url: "https://x.test/a", headers: {} });
});

test("mirrors of Debian are those of its releases and of main, each once", async () => {
  write("mirrors.list", "https://listed.test/debian\nhttps://second.test/debian/\tpriority:2\n");
  write(
    "sources.list",
    "deb http://one.test/debian bookworm main\ndeb http://one.test/debian bookworm-updates main\n",
  );
  write(
    "sources.list.d/debian.sources",
    `Types: deb\nURIs: mirror+file://${etc}/mirrors.list\nSuites: trixie\nComponents: main\n`,
  );
  write(
    "sources.list.d/security.list",
    "deb http://sec.test/debian-security stable-security main\n",
  );
  write(
    "sources.list.d/others.list",
    "deb http://other.test/ubuntu noble main\ndeb http://vendor.test/x nodistro main\ndeb cdrom:[x] bookworm main\ndeb http://free.test/debian bookworm contrib\n",
  );
  write("sources.list.d/saved.list.save", "deb http://saved.test/debian bookworm main\n");
  const apt = await read();
  expect(apt.mirrorsOf("debian")).toEqual([
    "http://one.test/debian",
    "https://listed.test/debian",
    "https://second.test/debian",
  ]);
  expect(apt.mirrorsOf("debian-security")).toEqual(["http://sec.test/debian-security"]);
});

test("a name and password of a mirror become a header", async () => {
  const apt = await read();
  expect(apt.requestFor("https://me:p%40ss@x.test/debian/a")).toEqual({
    url: "https://x.test/debian/a",
    headers: { authorization: `Basic ${Buffer.from("me:p@ss").toString("base64")}` },
  });
});

describe("auth.conf", () => {
  const basic = (pair: string) => ({
    authorization: `Basic ${Buffer.from(pair).toString("base64")}`,
  });
  beforeEach(() => {
    write(
      "auth.conf",
      `# ours
machine tls.test login one password p#1
machine http://plain.test:8080
  login two
  password secret
machine paths.test/debian/ login three password x
machine ports.test:8443 login four password y
machine incomplete.test login
`,
    );
    write("auth.conf.d/b.conf", "machine tls.test login later password z\n");
    write("auth.conf.d/a.conf", "machine parts.test login five password v\n");
    write("auth.conf.d/ignored", "machine ignored.test login six password u\n");
  });

  test.each([
    ["https://tls.test/x", "one:p#1"],
    ["https://tls.test:8443/x", "one:p#1"],
    ["http://tls.test/x", undefined],
    ["http://plain.test:8080/x", "two:secret"],
    ["http://plain.test/x", undefined],
    ["https://plain.test:8080/x", undefined],
    ["https://paths.test/debian/pool/x", "three:x"],
    ["https://paths.test/ubuntu/x", undefined],
    ["https://ports.test:8443/x", "four:y"],
    ["https://ports.test/x", undefined],
    ["https://parts.test/x", "five:v"],
    ["https://sub.tls.test/x", undefined],
    ["https://ignored.test/x", undefined],
    ["https://own:login@tls.test/x", "own:login"],
  ])("for %s: %s", async (url, login) => {
    const { headers, url: plain } = (await read()).requestFor(url);
    expect(headers).toEqual(login === undefined ? {} : basic(login));
    expect(plain).not.toContain("@");
  });

  test("lies where Dir::Etc::netrc and netrcparts say", async () => {
    write("other.conf", "machine tls.test login moved password w\n");
    write("parts/c.conf", "machine parts.test login also password t\n");
    write(
      "apt.conf.d/01",
      `Dir::Etc::netrc "other.conf";\nDir::Etc::netrcparts "${join(etc, "parts")}";\n`,
    );
    const { requestFor } = await read();
    expect(requestFor("https://tls.test/x").headers).toEqual(basic("moved:w"));
    expect(requestFor("https://parts.test/x").headers).toEqual(basic("also:t"));
  });
});

describe("the proxy of apt", () => {
  test("is not asked for what no_proxy names", async () => {
    write("apt.conf", `Dir::Etc "${etc}";\nAcquire::http::Proxy "http://proxy.test:1";\n`);
    const env = { APT_CONFIG: join(etc, "apt.conf"), no_proxy: "10.0.0.0/8,intern.test" };
    const { requestFor } = await readAptConfig(env);
    expect(requestFor("http://a.intern.test/x").proxy?.value).toBe("DIRECT");
    expect(requestFor("http://10.9.9.9/x").proxy?.value).toBe("DIRECT");
    expect(requestFor("http://deb.test/x").proxy).toEqual({
      name: "apt's Acquire::http::Proxy",
      value: "http://proxy.test:1",
    });
  });

  test("is asked, also where the environment names another one", async () => {
    const server = await startLoopback();
    const env = { http_proxy: "http://127.0.0.1:9" };
    const http = createHttp({ env, mirrors: () => [], offline: false, timing: { backoffMs: 5 } });
    try {
      write("apt.conf.d/01proxy", `Acquire::http::Proxy "${server.origin}";\n`);
      server.serve("/debian/x", "the package");
      const { digest } = facts(Buffer.from("the package"));
      const file = join(etc, "download");
      const request = (await read()).requestFor("http://nowhere.test/debian/x");
      await http.download({ ...request, file, digest });
      expect(readFileSync(file, "utf8")).toBe("the package");
      const { url, ...rest } = request;
      const { text } = await http.text(url, rest);
      expect(text).toBe("the package");
      await expect(http.text(url)).rejects.toThrow();
    } finally {
      await http.close();
      await server.close();
    }
  });
});

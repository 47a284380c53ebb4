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

describe("the proxy of apt", () => {
  test("is asked, also where the environment names another one", async () => {
    const server = await startLoopback();
    const env = { http_proxy: "http://127.0.0.1:9" };
    const http = createHttp({ env, mirrors: [], offline: false, timing: { backoffMs: 5 } });
    try {
      write("apt.conf.d/01proxy", `Acquire::http::Proxy "${server.origin}";\n`);
      server.serve("/debian/x", "the package");
      const { digest } = facts(Buffer.from("the package"));
      const file = join(etc, "download");
      const request = (await read()).requestFor("http://nowhere.test/debian/x");
      await http.download({ ...request, file, digest });
      expect(readFileSync(file, "utf8")).toBe("the package");
      const { text } = await http.text(request.url, { ...request });
      expect(text).toBe("the package");
      await expect(http.text(request.url)).rejects.toThrow();
    } finally {
      await http.close();
      await server.close();
    }
  });
});

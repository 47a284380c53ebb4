/** The built command between this machine's network settings and what servers and proxies answer. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, describe as facts, program } from "../support/archives.ts";
import { type Listening, startRaw, startSocks } from "../support/proxies.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const packed = archive("tar.gz", { "bin/zog": program("zog 1.0.0") });

let place: Workplace;
const listening: Listening[] = [];
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
  place.recipe("zog", { artifacts: { any: place.serve("zog.tar.gz", packed) } });
});
afterEach(async () => {
  await Promise.all(listening.splice(0).map((each) => each.close()));
  await place.close();
});

function kept<T extends Listening>(server: T): T {
  listening.push(server);
  return server;
}

const isInstalled = (): boolean => "bin/zog" in place.snapshot();

/** A recipe whose program lies where no name leads to. */
function elsewhere(url: string): void {
  const { sha256, size } = facts(packed);
  place.recipe("zog", { artifacts: { any: { url, sha256, size } } });
}

describe("proxies", () => {
  test.each(["socks5h", "socks5", "socks", "socks4a"])(
    "%s: names are looked up by the proxy, and Node warns of nothing",
    async (scheme) => {
      const to = { host: "127.0.0.1", port: Number(new URL(place.server.origin).port) };
      const socks = kept(await startSocks({ to }));
      elsewhere("https://files.example/zog.tar.gz");
      const env = {
        ALL_PROXY: `${scheme}://127.0.0.1:${socks.port}`,
        OPENCLAW_SKILL_MIRRORS: "https://files.example/=http://files.invalid/",
      };
      const { status, stderr } = await place.runWith(env);
      expect(stderr).not.toMatch(/experimental/i);
      expect(status).toBe(0);
      expect(isInstalled()).toBe(true);
      expect(socks.seen).toEqual([`${scheme === "socks4a" ? 4 : 5}  files.invalid:80`]);
    },
  );

  test("SOCKS with a raw % in its password; a wrong one is told without it", async () => {
    const socks = kept(await startSocks({ user: "me", password: "100%s3cret" }));
    const at = (login: string) => ({ all_proxy: `socks5h://${login}@127.0.0.1:${socks.port}` });
    const wrong = await place.runWith(at("me:s3cret"));
    expect(wrong.status).toBe(5);
    expect(wrong.stderr).toMatch(/127\.0\.0\.1:\d+ .*\[E_PROXY\]/);
    expect(wrong.stderr).not.toContain("s3cret");
    expect((await place.runWith(at("me:100%s3cret"))).status).toBe(0);
    expect(socks.seen[0]).toMatch(/^5 me:100%s3cret 127\.0\.0\.1:/);
  });

  test.each([
    ["ALL_PROXY", "ftp://me:s3cret@127.0.0.1:9"],
    ["HTTP_PROXY", "http://127.0.0.1:9/proxy.pac"],
    ["http_proxy", "http://me:s3cret/x@127.0.0.1:9"],
    ["npm_config_proxy", "gopher://me:s3cret@127.0.0.1:9"],
  ])("%s=%s is refused by name, where it is needed", async (name, value) => {
    const { status, stderr } = await place.runWith({ [name]: value });
    expect(status).toBe(2);
    expect(stderr).toContain(`${name === "npm_config_proxy" ? "npm's proxy" : name}=`);
    expect(stderr).toMatch(/http:\/\/host:port/);
    expect(stderr).not.toMatch(/s3cret|This is a bug/);
    expect((await place.runWith({ [name]: value, NO_PROXY: "127.0.0.0/8" })).status).toBe(0);
    expect((await place.runWith({ [name]: value })).status).toBe(0); // nothing is to be fetched
  });

  test.each(["SSH-2.0-OpenSSH_9.2\r\n", Buffer.from([5, 255]), "HTTP/1.1 999 X\r\n\r\n"])(
    "one that speaks no HTTP is a failed transfer (%j)",
    async (answer) => {
      const { port } = kept(await startRaw(answer));
      elsewhere("https://files.invalid/zog.tar.gz");
      const { status, stderr } = await place.runWith({ HTTPS_PROXY: `127.0.0.1:${port}` });
      expect(status).toBe(5);
      expect(stderr).toContain(`A proxy is set: 127.0.0.1:${port} (HTTPS_PROXY).`);
      expect(stderr).not.toContain("This is a bug");
    },
  );

  test.each(["127.0.0.0/8", "10.0.0.0/8, 127.0.0.1/32", "localhost, *", "'127.0.0.1'"])(
    "NO_PROXY=%s",
    async (list) => {
      const { port } = kept(await startRaw("HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n"));
      const HTTP_PROXY = `http://127.0.0.1:${port}`;
      expect((await place.runWith({ HTTP_PROXY, NO_PROXY: list })).status).toBe(0);
    },
  );
});

describe("answers", () => {
  test.each<[string, string | Buffer]>([
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["a TLS alert", Buffer.from("15030300020246", "hex")],
    ["a broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ["a status below 100", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"],
  ])("%s is a failed transfer; the next source is asked", async (_what, answer) => {
    const { port } = kept(await startRaw(answer));
    const url = `http://127.0.0.1:${port}/zog.tar.gz`;
    elsewhere(url);
    const { status, stderr } = await place.run();
    expect(status).toBe(5);
    expect(stderr).not.toContain("This is a bug");
    const { sha256, size } = facts(packed);
    const second = place.serve("second.tar.gz", packed);
    place.recipe("zog", { artifacts: { any: [{ url, sha256, size }, second] } });
    expect((await place.run()).status).toBe(0);
    expect(isInstalled()).toBe(true);
  });

  test.each([
    ["a program", program("zog 1.0.0").body as string, "zog"],
    ["an archive", packed, "zog.tar.gz"],
  ])("%s that was packed for the way is unpacked", async (_what, bytes, name) => {
    const plain = Buffer.from(bytes);
    const headers = { "content-encoding": "gzip" };
    const { url } = place.serve(name, gzipSync(plain), { headers });
    const { sha256, size } = facts(plain);
    place.recipe("zog", { artifacts: { any: { url, sha256, size } } });
    const { status, stderr } = await place.run();
    expect(stderr).not.toContain("error");
    expect(status).toBe(0);
    expect(isInstalled()).toBe(true);
  });
});

describe("how long to wait", () => {
  test("OPENCLAW_SKILL_TIMEOUT: seconds, and nothing else", async () => {
    place.recipe("zog", {
      artifacts: { any: place.serve("mute.tar.gz", packed, { fault: "silent" }) },
    });
    const short = await place.runWith({ OPENCLAW_SKILL_TIMEOUT: "0.2" });
    expect(short.status).toBe(5);
    expect(short.stderr).toMatch(/for 0\.4 s \[E_DOWNLOAD_STALLED\][\s\S]*OPENCLAW_SKILL_TIMEOUT/);
    const wrong = await place.runWith({ OPENCLAW_SKILL_TIMEOUT: "5 minutes" });
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toMatch(/OPENCLAW_SKILL_TIMEOUT=5 minutes .*\[E_SETTING\]/);
  });
});

test("a mirror that is slow is waited for where no other source serves, if the settings say so", async () => {
  const { port } = kept(
    await startRaw((socket) => {
      setTimeout(() => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${packed.length}\r\n\r\n`);
        socket.write(packed);
      }, 4000); // longer than anybody waits who has somewhere else to go
    }),
  );
  const { sha256, size } = facts(packed);
  const slow = { url: `http://127.0.0.1:${port}/zog.tar.gz`, sha256, size };
  const gone = { url: `${place.server.origin}/gone.tar.gz`, sha256, size };
  place.recipe("zog", { artifacts: { any: [slow, gone] } });
  expect((await place.run()).status).toBe(5);
  const { status, stderr } = await place.runWith({ PIP_DEFAULT_TIMEOUT: "60" });
  expect(stderr).not.toContain("error");
  expect(status).toBe(0);
  expect(isInstalled()).toBe(true);
});

describe("settings that are wrong", () => {
  test("a mirror of the environment is told when something is to be fetched", async () => {
    const env = { OPENCLAW_SKILL_MIRRORS: "github.com=https://me:s3cret@mirror.example" };
    const { status, stderr } = await place.runWith(env);
    expect(status).toBe(2);
    expect(stderr).toMatch(/OPENCLAW_SKILL_MIRRORS=.*FROM=TO.*\[E_SETTING\]/);
    expect(stderr).not.toContain("s3cret");
    expect((await place.run()).status).toBe(0);
    expect((await place.runWith(env)).status).toBe(0);
  });

  test("certificates that cannot be read do not stop what needs none", async () => {
    mkdirSync(join(place.home, "certs"));
    writeFileSync(join(place.home, "empty.pem"), "nothing\n");
    writeFileSync(
      join(place.home, ".npmrc"),
      `cafile=${join(place.home, "empty.pem")}\nregistry\n= x\n[`,
    );
    const env = { SSL_CERT_FILE: join(place.home, "certs"), PIP_CERT: "/nowhere.pem" };
    expect((await place.runWith(env)).status).toBe(0);
  });
});

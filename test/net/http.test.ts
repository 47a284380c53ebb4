import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, request as plainRequest, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeError, UserError } from "../../src/core/errors.ts";
import type { Download, DownloadRequest } from "../../src/net/download.ts";
import { isNotFound } from "../../src/net/errors.ts";
import { createHttp, type Http, type HttpOptions } from "../../src/net/http.ts";
import { defaultRetryPolicy } from "../../src/net/retry.ts";
import { describe as facts } from "../support/archives.ts";
import {
  type Fault,
  type Loopback,
  type ServeOptions,
  startLoopback,
} from "../support/loopback.ts";
import { startSocks } from "../support/proxies.ts";
import { startTls } from "../support/tls.ts";

const body = Buffer.alloc(400_000, "every byte of it counts\n");
const timing = { stallMs: 300, deadMs: 1500, backoffMs: 5, retryAfterMaxMs: 400 };

let dir: string;
let file: string;
let server: Loopback;
const opened: Http[] = [];
const others: Server[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "http-"));
  file = join(dir, "download");
  server = await startLoopback();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((http) => http.close()));
  await server.close();
  for (const other of others.splice(0)) {
    other.closeAllConnections();
    other.close();
  }
  rmSync(dir, { recursive: true, force: true });
});

function open(options: Partial<HttpOptions> = {}): Http {
  const http = createHttp({ env: {}, mirrors: () => [], offline: false, timing, ...options });
  opened.push(http);
  return http;
}

async function get(
  url: string,
  more: Partial<DownloadRequest> = {},
  options: Partial<HttpOptions> = {},
): Promise<Download> {
  return await open(options).download({ url, file, digest: facts(body).digest, ...more });
}

async function failure(
  url: string,
  more: Partial<DownloadRequest> = {},
  options: Partial<HttpOptions> = {},
): Promise<UserError> {
  const error = await get(url, more, options).then(
    () => expect.fail("it was downloaded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  expect(existsSync(file)).toBe(false);
  return error as UserError;
}

const serve = (fault: Fault, more: ServeOptions = {}): string =>
  server.serve("/file", body, { fault, ...more });

function expectWhole(): void {
  expect(readFileSync(file).equals(body)).toBe(true);
}

describe("what arrives", () => {
  test("a file, hashed and counted", async () => {
    const seen: (number | undefined)[][] = [];
    const url = serve("ok");
    const onProgress = (received: number, total?: number): void =>
      void seen.push([received, total]);
    expect(await get(url, { size: body.length, onProgress })).toEqual({ size: body.length, url });
    expectWhole();
    expect(seen.at(-1)).toEqual([body.length, body.length]);
    expect(server.requests[0]?.headers["accept-encoding"]).toBe("identity");
  });

  test("503 once, 429 once with Retry-After", async () => {
    await get(serve("503 once"));
    expectWhole();
    await get(serve("429 once", { retryAfter: 3600 }));
    expectWhole(); // an hour is cut to what is waited for at most
    expect(server.hits("/file")).toBe(4);
    rmSync(file);
    const forAnHour = { ...timing, deadMs: 200, retryAfterMaxMs: 3_600_000 };
    await failure(serve("429 once", { retryAfter: 3600 }), {}, { timing: forAnHour });
    expect(server.hits("/file")).toBe(5); // nothing is asked for before its time
  });

  test("a cut is resumed where it happened", async () => {
    await get(serve("cut once"));
    expectWhole();
    expect(server.hits("/file")).toBe(2);
    const { range, "if-range": condition } = server.requests[1]?.headers ?? {};
    expect(range).toBe(`bytes=${body.length / 2}-`);
    expect(condition).toMatch(/^"/);
  });

  test.each([false, "weak"] as const)(
    "a cut without a strong ETag (%s) starts over",
    async (etag) => {
      await get(serve("cut once", { etag }));
      expectWhole();
      expect(server.requests[1]?.headers.range).toBeUndefined();
    },
  );

  test("a file that changed between the halves starts over", async () => {
    const old = Buffer.from(body);
    old[0] = 0;
    const url = server.serve("/file", old, { fault: "cut once" });
    const onProgress = (received: number): void => {
      if (received >= old.length / 2) server.serve("/file", body);
    };
    await get(url, { onProgress });
    expectWhole();
  });

  test("redirects, without the token for another origin", async () => {
    const other = await startLoopback();
    const target = other.serve("/there", body);
    server.serve("/near", "", { fault: "redirect", to: `${target}?sig=secret` });
    const url = server.serve("/file", "", { fault: "redirect", to: "/near" });
    const headers = { authorization: "Bearer t0ken", "x-token": "t0ken" };
    const { url: final } = await get(url, { headers });
    await other.close();
    expectWhole();
    expect(final).toBe(`${target}?...`);
    expect(server.requests.map((seen) => seen.headers.authorization)).toEqual([
      "Bearer t0ken",
      "Bearer t0ken",
    ]);
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
    expect(other.requests[0]?.headers["x-token"]).toBeUndefined();
  });

  test("a mirror, with credentials in its URL", async () => {
    serve("ok");
    const to = server.origin.replace("//", "//me:s3cret@");
    const mirrors = [{ from: "https://releases.example", to }];
    const { url } = await get("https://releases.example/file", {}, { mirrors: () => mirrors });
    expect(url).toBe(`${server.origin}/file`);
    const basic = Buffer.from("me:s3cret").toString("base64");
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${basic}`);
  });

  test("a mirror on another host, without the token for the original", async () => {
    serve("ok");
    const mirrors = () => [{ from: "https://releases.example", to: server.origin }];
    const headers = { authorization: "Bearer t0ken", "x-token": "t0ken" };
    const credentials = async ({ host }: URL) => ({ authorization: `Basic for ${host}` });
    await get("https://releases.example/file", { headers }, { mirrors, credentials });
    await get(`${server.origin}/file`, { headers }, { mirrors, credentials });
    const asked = server.requests.map((seen) => seen.headers);
    expect(asked[0]?.authorization).toBe(`Basic for ${server.origin.slice("http://".length)}`);
    expect(asked[0]?.["x-token"]).toBeUndefined();
    expect(asked[1]).toMatchObject(headers);
  });

  test("many at once over few connections", async () => {
    const http = open();
    const url = serve("ok");
    const digest = facts(body).digest;
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => http.download({ url, file: `${file}${i}`, digest })),
    );
    expect(server.hits()).toBe(40);
    expect(readFileSync(`${file}39`).equals(body)).toBe(true);
  });

  test("JSON", async () => {
    const url = server.serve("/doc", '{"a":[1]}', { fault: "503 once" });
    expect(await open().json(url)).toEqual({ a: [1] });
    const page = server.serve("/page", "", { fault: "html" });
    await expect(open().json(page)).rejects.toThrow(`${page} responded with a web page, not JSON`);
    await expect(open().json(server.serve("/other", "sorry"))).rejects.toThrow(
      /did not respond with JSON/,
    );
  });
});

describe("what is refused as wrong", () => {
  test("other bytes: what was expected, what came", async () => {
    const error = await failure(server.serve("/file", "other"));
    expect(error.problem).toBe("E_DIGEST_MISMATCH");
    expect(error.message).toContain(`${server.origin}/file`);
    expect(error.message).toContain(`expected sha256:${facts(body).sha256}`);
    expect(error.message).toContain(`got sha256:${facts(Buffer.from("other")).sha256}`);
    expect(server.hits()).toBe(1);
  });

  test("a web page, with and without a size", async () => {
    for (const more of [{}, { size: body.length }]) {
      const error = await failure(serve("html"), more);
      expect(error.problem).toBe("E_WEB_PAGE");
      expect(error.message).toContain("the server sent a web page, not an archive");
    }
  });

  test("truncated: at once by its length, at the end by its digest", async () => {
    expect((await failure(serve("truncated"), { size: body.length })).message).toMatch(
      /expected 400000 bytes, the server has 200000/,
    );
    expect((await failure(serve("truncated"))).problem).toBe("E_DIGEST_MISMATCH");
  });

  test("more bytes than promised", async () => {
    const error = await failure(serve("longer"), { size: body.length });
    expect(error).toMatchObject({ kind: "integrity" });
    expect(error.message).toMatch(/got more/);
    const limited = await failure(serve("ok"), { limit: 1000 });
    expect(limited.message).toMatch(/limit is 1000/);
  });
});

describe("what is not available", () => {
  test.each([404, 403, 401])("status %i is not asked for twice", async (status) => {
    const error = await failure(serve("status", { status }));
    expect(error.kind).toBe("network");
    expect(error.message).toContain(`responded with ${status}`);
    expect(isNotFound(error)).toBe(status === 404);
    expect(server.hits()).toBe(1);
  });

  test.each<[Fault, number, RegExp]>([
    ["503 always", 1 + defaultRetryPolicy.retries, /responded with 503/],
    ["cut always", 1 + defaultRetryPolicy.retries, /was cut|was reset/],
    ["hang", 5, /stopped sending|the download stalled/],
    ["silent", 5, /the download stalled|did not respond/],
    ["drip", 1, /the download stalled for 1.5 s/],
  ])("%s ends with a word about it, after %i requests at most", async (fault, most, message) => {
    const error = await failure(serve(fault, { etag: fault !== "cut always" }));
    expect(error.kind).toBe("network");
    expect(error.message).toMatch(message);
    expect(error.message).toContain("127.0.0.1");
    expect(server.hits()).toBeLessThanOrEqual(most);
  });

  test("redirect loops and long chains", async () => {
    expect((await failure(serve("redirect loop"))).message).toMatch(/in a loop/);
    for (let i = 0; i < 8; i += 1) {
      server.serve(`/hop${i}`, "", { fault: "redirect", to: `/hop${i + 1}` });
    }
    expect((await failure(`${server.origin}/hop0`)).message).toMatch(/more than 5 times/);
    server.serve("/ftp", "", { fault: "redirect", to: "ftp://example.com/file" });
    expect((await failure(`${server.origin}/ftp`)).message).toMatch(/not allowed/);
  });

  test("refused and unknown hosts fail with what to check", async () => {
    const gone = await startLoopback();
    await gone.close();
    const error = await failure(`${gone.origin}/file?token=secret`);
    expect(error.message).toMatch(/127\.0\.0\.1:\d+ refused the connection/);
    expect(error.hint).toMatch(/HTTPS_PROXY/);
    expect(describeError(error)).not.toContain("secret");
    expect((await failure("http://nowhere.localhost.invalid/file")).message).toMatch(
      /DNS|no network/,
    );
  });

  test("--offline and a place without network answer at once", async () => {
    const offline = await failure("https://example.com/x", {}, { offline: true });
    expect(offline.problem).toBe("E_OFFLINE");
    const loopbackOnly = { lo: [{ address: "127.0.0.1", internal: true }] };
    const interfaces = (() => loopbackOnly) as unknown as NonNullable<HttpOptions["interfaces"]>;
    const error = await failure("https://example.com/x", {}, { interfaces });
    expect(error.problem).toBe("E_NO_NETWORK");
    expect(error.message).toMatch(/no network here/);
    await get(serve("ok"), {}, { interfaces });
    expectWhole();
  });

  test("a run that is stopped stops", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const stopped = get(serve("hang"), { signal: controller.signal });
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(file)).toBe(false);
  });

  test("a token with a line break in it is the setting's fault, and is not shown", async () => {
    const error = await failure(serve("ok"), { headers: { authorization: "Bearer s3cret\n" } });
    expect(error.problem).toBe("E_URL");
    expect(error.message).toMatch(
      /^the authorization that is configured for 127\.0\.0\.1:\d+ contains/,
    );
    expect(describeError(error)).not.toContain("s3cret");
    expect(server.hits()).toBe(0);
  });

  test.each([
    ["at the end of a small file", body],
    ["in the middle of a large one, which a thread writes", Buffer.alloc(3_000_000)],
  ])("a full disk is told as such, %s", async (_, bytes) => {
    expect(statSync("/dev/full").isCharacterDevice()).toBe(true);
    symlinkSync("/dev/full", file); // a link: what is removed afterwards is the link
    const url = server.serve("/file", bytes, { fault: "ok" });
    expect(await failure(url)).toMatchObject({ kind: "disk" });
  });
});

describe("a dead server", () => {
  const patience = { ...timing, deadMs: 2000, hastyMs: 400, quietMs: 100 };

  test("costs little where there is another source, and nothing the second time", async () => {
    const url = serve("silent");
    const http = open({ timing: { ...patience, stallMs: 60_000, firstByteMs: 60_000 } });
    const ask = async (): Promise<string> => {
      const request = { url, file, digest: facts(body).digest, hasAlternative: true };
      const error = await http.download(request).catch((thrown: unknown) => thrown as UserError);
      return (error as UserError).message;
    };
    expect(await ask()).toMatch(/the download stalled for 0.4 s|did not respond/);
    const asked = server.hits();
    expect(asked).toBeGreaterThan(0);
    expect(await ask()).toMatch(/did not respond/);
    expect(server.hits()).toBe(asked);
  });

  test("lends its place to others while it is quiet", async () => {
    const http = open({ timing: patience });
    const seen: number[] = [];
    http.onQuiet((transfers) => seen.push(transfers));
    const digest = facts(body).digest;
    const dead = http.download({ url: serve("silent"), file, digest }).catch(() => {});
    await dead;
    expect(seen).toEqual([1, 0]);
  });

  test("a proxy on loopback is a network; one elsewhere is none without interfaces", async () => {
    const loopbackOnly = { lo: [{ address: "127.0.0.1", internal: true }] };
    const interfaces = (() => loopbackOnly) as unknown as NonNullable<HttpOptions["interfaces"]>;
    const ask = (HTTPS_PROXY: string): Promise<UserError> =>
      failure("https://releases.invalid/x", {}, { interfaces, env: { HTTPS_PROXY } });
    expect((await ask("http://127.0.0.1:1")).problem).toBe("E_UNREACHABLE");
    expect((await ask("http://proxy.invalid:3128")).problem).toBe("E_NO_NETWORK");
  });
});

test("a large file that is cut again and again is whole in the end", async () => {
  const large = randomBytes(3_000_000);
  const cuts = [300_000, 900_001, 2_500_000];
  const odd = createServer((request, response) => {
    const start = Number(/bytes=(\d+)/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = { "content-range": `bytes ${start}-${large.length - 1}/${large.length}` };
    const length = { "content-length": String(large.length - start) };
    response.writeHead(start > 0 ? 206 : 200, {
      etag: '"one"',
      ...length,
      ...(start > 0 && range),
    });
    const cut = cuts.find((at) => at > start);
    if (cut === undefined) response.end(large.subarray(start));
    else response.write(large.subarray(start, cut), () => setTimeout(() => response.destroy(), 20));
  });
  others.push(odd);
  await new Promise<void>((resolve) => odd.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(odd.address() as AddressInfo).port}/file`;
  await get(url, { digest: facts(large).digest });
  expect(readFileSync(file).equals(large)).toBe(true);
});

test("pieces of two files that a server takes for one are all asked for again", async () => {
  let requests = 0;
  const odd = createServer((request, response) => {
    requests += 1;
    const start = Number(/bytes=(\d+)/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const file = requests === 1 ? Buffer.alloc(body.length) : body;
    const headers = { etag: '"same"', "content-length": String(body.length - start) };
    if (start > 0) {
      const range = `bytes ${start}-${body.length - 1}/${body.length}`;
      response.writeHead(206, { ...headers, "content-range": range }).end(file.subarray(start));
    } else if (requests === 1) {
      response.writeHead(200, headers).write(file.subarray(0, 1000));
      setTimeout(() => response.destroy(), 20);
    } else response.writeHead(200, headers).end(file);
  });
  others.push(odd);
  await new Promise<void>((resolve) => odd.listen(0, "127.0.0.1", resolve));
  await get(`http://127.0.0.1:${(odd.address() as AddressInfo).port}/file`);
  expectWhole();
  expect(requests).toBe(3);
});

describe("proxies", () => {
  /** A forward proxy for both ways of asking; counts by method. */
  async function proxy(refuse?: number): Promise<{ url: string; seen: string[] }> {
    const seen: string[] = [];
    const proxying = createServer((incoming, outgoing) => {
      seen.push(`${incoming.method} ${incoming.headers["proxy-authorization"] ?? ""}`);
      if (refuse !== undefined) return void outgoing.writeHead(refuse).end();
      const { method, headers } = incoming;
      plainRequest(incoming.url ?? "", { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      }).end();
    });
    proxying.on("connect", (incoming, socket) => {
      seen.push(`CONNECT ${incoming.headers["proxy-authorization"] ?? ""}`);
      if (refuse !== undefined) return void socket.end(`HTTP/1.1 ${refuse} No\r\n\r\n`);
      const [host, port] = (incoming.url ?? "").split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    others.push(proxying);
    await new Promise<void>((resolve) => proxying.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(proxying.address() as AddressInfo).port}`, seen };
  }

  test("http goes through it in absolute form, with its credentials", async () => {
    const { url, seen } = await proxy();
    const env = { HTTP_PROXY: url.replace("//", "//me:pw@") };
    await get(serve("cut once"), {}, { env });
    expectWhole();
    expect(seen[0]).toBe(`GET Basic ${Buffer.from("me:pw").toString("base64")}`);
  });

  test("NO_PROXY and npm's own settings", async () => {
    const { url, seen } = await proxy();
    await get(serve("ok"), {}, { env: { http_proxy: url, no_proxy: "127.0.0.1" } });
    expect(seen).toEqual([]);
    await get(serve("ok"), {}, { settings: async () => ({ proxy: url }) });
    expect(seen).toHaveLength(1);
  });

  test("https goes through SOCKS, to a name and to an address of IPv6", async () => {
    const tls = await tlsServer();
    const to = { host: "127.0.0.1", port: Number(new URL(tls.url).port) };
    const socks = await startSocks({ user: "me", password: "p@ss", to });
    const env = {
      HTTPS_PROXY: `socks5://me:p%40ss@127.0.0.1:${socks.port}`,
      NODE_EXTRA_CA_CERTS: "",
      SSL_CERT_FILE: tls.ca,
    };
    await get(tls.url, {}, { env });
    expectWhole();
    const error = await failure("https://[::1]/x", {}, { env });
    expect(error.message).toMatch(/TLS certificate of \[::1\] was refused/);
    expect((await failure("https://files.invalid/x", {}, { env })).message).toMatch(/refused/);
    await socks.close();
    expect(socks.seen).toEqual([
      `5 me:p@ss 127.0.0.1:${to.port}`,
      "5 me:p@ss 0000:0000:0000:0000:0000:0000:0000:0001:443",
      "5 me:p@ss files.invalid:443",
    ]);
  });

  test("https goes through a tunnel; a proxy that refuses is named", async () => {
    const tls = await tlsServer();
    const { url, seen } = await proxy();
    const env = { https_proxy: url.replace("http://", ""), SSL_CERT_FILE: tls.ca };
    await get(tls.url, {}, { env });
    expectWhole();
    expect(seen).toEqual(["CONNECT "]);
    const bad = await proxy(407);
    const error = await failure(tls.url, {}, { env: { HTTPS_PROXY: bad.url } });
    expect(error.message).toMatch(/the proxy responded with 407/);
    const silent = createNetServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const HTTPS_PROXY = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const hangs = await failure(tls.url, {}, { env: { HTTPS_PROXY } });
    silent.close();
    expect(hangs.message).toMatch(/the download stalled/);
    expect(hangs.hint).toMatch(/A proxy is set/);
    const badHttp = await failure(serve("ok"), {}, { env: { HTTP_PROXY: bad.url } });
    expect(badHttp.message).toMatch(/407/);
  });
});

describe("certificates", () => {
  test("one that nobody knows is refused at once; SSL_CERT_FILE and cafile make it known", async () => {
    const { url, ca } = await tlsServer();
    const error = await failure(url);
    expect(error.message).toMatch(/TLS certificate/);
    expect(error.hint).toMatch(/SSL_CERT_FILE/);
    await get(url, {}, { env: { SSL_CERT_FILE: ca } });
    await get(
      url,
      {},
      { settings: async () => ({ caFiles: [{ name: "npm's cafile", value: ca }] }) },
    );
    await get(url, {}, { ca: [readFileSync(ca, "utf8")] });
    expectWhole();
    const missing = await failure(url, {}, { env: { SSL_CERT_FILE: "/nowhere.pem" } });
    expect(missing.problem).toBe("E_CERTIFICATE_SETTING");
    expect(missing.hint).toContain("SSL_CERT_FILE=/nowhere.pem cannot be used");
  });

  test("one that is out of date points to the clock, and one of another host to what answers there", async () => {
    const cases: [object, RegExp][] = [
      [{ isExpired: true }, /^Check the clock .* its date is 20\d\d-\d\d-\d\d \(UTC\)/],
      [{ name: "DNS:portal.test" }, /^Something else answers for 127\.0\.0\.1:\d+: .* login page/],
    ];
    for (const [how, hint] of cases) {
      const own = mkdtempSync(join(dir, "tls-"));
      const { origin, ca, server } = await startTls(own, (_, response) => response.end(body), how);
      others.push(server);
      const error = await failure(origin, {}, { env: { SSL_CERT_FILE: ca } });
      expect(error.problem).toBe("E_CERTIFICATE");
      expect(error.hint).toMatch(hint);
    }
  });

  test("from https a redirect to http is refused", async () => {
    const { url, ca } = await tlsServer({ location: serve("ok") });
    const error = await failure(url, {}, { env: { SSL_CERT_FILE: ca } });
    expect(error.message).toMatch(/from https:\/\/ to http:\/\//);
  });
});

/** Serves the body over TLS with a certificate of its own; `ca` is its file. */
async function tlsServer(headers?: { location: string }): Promise<{ url: string; ca: string }> {
  const { origin, ca, server } = await startTls(dir, (_request, response) => {
    if (headers) response.writeHead(302, headers).end();
    else response.end(body);
  });
  others.push(server);
  return { url: `${origin}/file`, ca };
}

test("nothing is kept of a failed download, not even an old file", async () => {
  writeFileSync(file, "old");
  await failure(serve("503 always"));
});

/** What a server may answer instead of a file, and what becomes of it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as zlib from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { isNotFound } from "../../src/net/errors.ts";
import { createHttp, type Http } from "../../src/net/http.ts";
import { describe as facts } from "../support/archives.ts";
import { type Listening, startRaw } from "../support/proxies.ts";

const good = Buffer.from("good bytes\n");
const timing = { stallMs: 300, firstByteMs: 300, deadMs: 1500, backoffMs: 2, retryAfterMaxMs: 20 };

let dir: string;
let file: string;
let http: Http;
const listening: Listening[] = [];
const servers: HttpServer[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "answers-"));
  file = join(dir, "download");
  http = createHttp({ env: {}, mirrors: () => [], offline: false, timing });
});
afterEach(async () => {
  await http.close();
  await Promise.all(listening.splice(0).map((each) => each.close()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(dir, { recursive: true, force: true });
});

/** The URL of a server that answers with these bytes, and how often it was asked. */
async function raw(answer: string | Buffer | ((socket: Socket) => void)) {
  let asked = 0;
  const server = await startRaw((socket) => {
    asked += 1;
    if (typeof answer === "function") answer(socket);
    else socket.write(answer);
  });
  listening.push(server);
  return { url: `http://127.0.0.1:${server.port}/file`, asked: () => asked };
}

const get = (url: string) =>
  http.download({ url, file, digest: facts(good).digest, size: good.length });

async function failure(url: string): Promise<UserError> {
  const error = await get(url).then(
    () => expect.fail("it was downloaded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  expect(existsSync(file)).toBe(false);
  return error as UserError;
}

const ok = "HTTP/1.1 200 OK\r\n";
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

describe("an answer that is no HTTP is a failed transfer, tried again", () => {
  test.each<[string, string | Buffer | ((socket: Socket) => void)]>([
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["a TLS alert", Buffer.from("15030300020246", "hex")],
    ["HTTP/2 frames", Buffer.from("000012040000000000", "hex")],
    ["HTTP/0.9", "good bytes\n"],
    ["another version", "HTTP/3.0 200 OK\r\nContent-Length: 11\r\n\r\ngood bytes\n"],
    ["lines that end in LF", "HTTP/1.1 200 OK\nContent-Length: 11\n\ngood bytes\n"],
    ["a header without a colon", `${ok}nonsense\r\nContent-Length: 11\r\n\r\ngood bytes\n`],
    ["a NUL in a header", `${ok}X: a\0b\r\nContent-Length: 11\r\n\r\ngood bytes\n`],
    ["headers without an end", `${ok}X: ${"a".repeat(20_000)}`],
    ["half a status line", (socket) => socket.end("HTTP/1.1 20")],
    ["a status that is no number", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 1000 OK\r\nContent-Length: 0\r\n\r\n"],
    ["a status below 100", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"],
    ["an upgrade that nobody asked for", "HTTP/1.1 101 Switching\r\n\r\n"],
    ["100 Continue, a thousand times", "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)],
    ["a length below zero", `${ok}Content-Length: -5\r\n\r\ngood bytes\n`],
    ["two lengths", `${ok}Content-Length: 5\r\nContent-Length: 11\r\n\r\ngood bytes\n`],
    ["a chunk whose size is no number", `${chunked}zz\r\n`],
    ["a chunk of more than there is", `${chunked}fffffffffffffffffff\r\ngood`],
    ["chunks without the last one", (socket) => socket.end(`${chunked}b\r\ngood bytes\n\r\n`)],
    ["nothing at all", (socket) => socket.end()],
    ["a reset", (socket) => socket.resetAndDestroy()],
  ])("%s", async (_what, answer) => {
    const { url, asked } = await raw(answer);
    const error = await failure(url);
    expect(error.kind).toBe("network");
    expect(error.message).toMatch(/^cannot download http:\/\/127\.0\.0\.1:\d+\/file: /);
    expect(asked()).toBe(4);
  });

  test("the next answer may be right", async () => {
    let asked = 0;
    const { url } = await raw((socket) => {
      asked += 1;
      if (asked === 1) socket.end("SSH-2.0-OpenSSH_9.2\r\n");
      else socket.end(`${ok}Content-Length: 11\r\n\r\n${good}`);
    });
    await get(url);
    expect(readFileSync(file).equals(good)).toBe(true);
  });

  test("plain http where https is asked for is said to be that, without OpenSSL's addresses", async () => {
    const { url } = await raw(`${ok}Content-Length: 0\r\n\r\n`);
    const error = await failure(url.replace("http:", "https:"));
    expect(error.problem).toBe("E_PROTOCOL");
    expect(error.message).toMatch(/did not respond with valid TLS \(wrong version number\)$/);
  });

  test("what has no end is given up", async () => {
    const storm = await raw((socket) => {
      const timer = setInterval(() => socket.write("HTTP/1.1 102 Processing\r\n\r\n"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    expect((await failure(storm.url)).problem).toBe("E_DOWNLOAD_STALLED");
  });

  test("a bug of ours is no failed transfer", async () => {
    const { url } = await raw(`${ok}Content-Length: 11\r\n\r\n${good}`);
    const onProgress = (): void => {
      throw new TypeError("ours");
    };
    const download = http.download({ url, file, digest: facts(good).digest, onProgress });
    await expect(download).rejects.toThrow(TypeError);
  });
});

describe("a status is told as it was sent", () => {
  const inTrouble = /is overloaded or failing; try again later/;
  test.each<[number, RegExp, RegExp, number]>([
    [206, /responded with 206 \(partial content\)/, /does not respond like a file server/, 1],
    [304, /responded with 304 \(not modified\)/, /does not respond like a file server/, 1],
    [400, /responded with 400 \(bad request\)/, /refuses this request, and will again/, 1],
    [401, /responded with 401 \(it requires credentials\)/, /a token/, 1],
    [403, /responded with 403 \(access is denied\)/, /a token/, 1],
    [404, /responded with 404 \(it has no such file\)/, /mirror has this path/, 1],
    [405, /responded with 405 \(method not allowed\)/, /refuses this request/, 1],
    [408, /responded with 408 \(request timeout\)/, /^Try again later\.$/, 4],
    [410, /responded with 410 \(the file was removed for good\)/, /another source/, 1],
    [416, /responded with 416 \(range not satisfiable\)/, /refuses this request/, 1],
    [418, /responded with 418/, /refuses this request/, 1],
    [429, /responded with 429 \(too many requests\)/, inTrouble, 4],
    [451, /responded with 451 \(.*legal reasons\)/, /another source/, 1],
    [500, /responded with 500 \(internal server error\)/, inTrouble, 4],
    [511, /responded with 511 \(network authentication required\)/, /network wants a login/, 1],
    [599, /responded with 599$/, inTrouble, 4],
    [999, /responded with 999$/, /refuses this request/, 1],
  ])("%i", async (status, message, hint, times) => {
    const { url, asked } = await raw(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);
    const error = await failure(url);
    expect(error.kind).toBe("network");
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    expect(asked()).toBe(times);
    expect(isNotFound(error)).toBe(status === 404 || status === 410);
  });

  test.each(["Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\nzz\r\n"])(
    "404 stays 404 where its page is broken (%j)",
    async (rest) => {
      const { url } = await raw(`HTTP/1.1 404 X\r\n${rest}`);
      expect((await failure(url)).message).toMatch(/responded with 404/);
    },
  );

  test("a resumed transfer that is answered with another part starts over", async () => {
    let asked = 0;
    const { url } = await raw((socket) => {
      asked += 1;
      const etag = 'ETag: "x"\r\n';
      if (asked === 1) {
        socket.write(`${ok}${etag}Content-Length: 11\r\n\r\ngood`);
        setTimeout(() => socket.destroy(), 20);
      } else if (asked === 2) {
        const range = "Content-Range: bytes 0-1/11\r\nContent-Length: 2\r\n\r\ngo";
        socket.end(`HTTP/1.1 206 Partial\r\n${etag}${range}`);
      } else socket.end(`${ok}${etag}Content-Length: 11\r\n\r\n${good}`);
    });
    await get(url);
    expect(asked).toBe(3);
    expect(readFileSync(file).equals(good)).toBe(true);
  });

  test.each([
    ["", /redirects to no URL/],
    ["Location: /a\r\nLocation: /b\r\n", /redirects to no URL, or to several/],
    ["Location: http://[::1\r\n", /to an invalid URL/],
    ["Location: javascript:alert(1)\r\n", /which is not allowed/],
    ["Location: http://me:s3cret@127.0.0.1:1/x?sig=s3cret\r\n", /refused the connection/],
  ])("a redirect to nonsense: %j", async (location, message) => {
    const { url } = await raw(`HTTP/1.1 302 X\r\n${location}Content-Length: 0\r\n\r\n`);
    const error = await failure(url);
    expect(error.kind).toBe("network");
    expect(error.message).toMatch(message);
    expect(`${error.message} ${error.hint}`).not.toContain("s3cret");
  });
});

describe("Content-Encoding, though none was asked for", () => {
  const encoders = {
    gzip: zlib.gzipSync,
    "x-gzip": zlib.gzipSync,
    deflate: zlib.deflateSync,
    br: zlib.brotliCompressSync,
    zstd: zlib.zstdCompressSync,
  };
  async function serve(bytes: Buffer, encoding: string, path = "/file"): Promise<string> {
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-encoding": encoding }).end(bytes);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  }

  test.each(Object.entries(encoders))(
    "%s: a document and a file are decoded",
    async (name, encode) => {
      const url = await serve(encode(good), name);
      expect((await http.text(url)).text).toBe(`${good}`);
      const { size } = await get(url);
      expect(size).toBe(good.length);
      expect(readFileSync(file).equals(good)).toBe(true);
      expect(existsSync(`${file}.decoded`)).toBe(false);
    },
  );

  test("deflate without its frame, and one encoding over another", async () => {
    await get(await serve(zlib.deflateRawSync(good), "deflate"));
    const twice = await serve(zlib.brotliCompressSync(zlib.gzipSync(good)), "gzip, br");
    await get(twice);
    expect((await http.text(twice)).text).toBe(`${good}`);
    expect(readFileSync(file).equals(good)).toBe(true);
  });

  test("bytes that are those promised stay as they came: old servers say gzip of every .gz", async () => {
    const packed = zlib.gzipSync(good);
    const url = await serve(packed, "gzip", "/file.tar.gz");
    await http.download({ url, file, digest: facts(packed).digest, size: packed.length });
    expect(readFileSync(file).equals(packed)).toBe(true);
    const { size, sha256 } = await http.hashDownload({ url, file });
    expect([size, sha256.hex]).toEqual([packed.length, facts(packed).sha256]);
  });

  test("what nothing pins is weighed as it is meant", async () => {
    const { size, sha256 } = await http.hashDownload({
      url: await serve(zlib.gzipSync(good), "gzip"),
      file,
    });
    expect([size, sha256.hex]).toEqual([good.length, facts(good).sha256]);
    expect(readFileSync(file).equals(good)).toBe(true);
  });

  test("a name that is no encoding means nothing", async () => {
    expect((await http.text(await serve(good, "utf-8"))).text).toBe(`${good}`);
    await get(await serve(good, "aws-chunked"));
  });

  test("what cannot be decoded is a failed transfer, named", async () => {
    for (const encoding of ["gzip", "br", "zstd", "deflate"]) {
      const error = await failure(await serve(Buffer.from("not packed\n"), encoding));
      expect(error.problem).toBe("E_PROTOCOL");
      expect(error.message).toContain(`Content-Encoding ${encoding}`);
      expect(error.hint).toMatch(/compresses/);
    }
  });

  test("what decodes to other bytes is wrong; a bomb is not unpacked", async () => {
    const other = await failure(await serve(zlib.gzipSync("evil bytes\n"), "gzip"));
    expect(other.problem).toBe("E_DIGEST_MISMATCH");
    const bomb = await failure(await serve(zlib.gzipSync(Buffer.alloc(50_000_000)), "gzip"));
    expect(bomb.problem).toBe("E_PROTOCOL");
    expect(bomb.message).toMatch(/more than 11 bytes/);
    const page = zlib.gzipSync(Buffer.alloc(40_000_000, " "));
    await expect(http.text(await serve(page, "gzip"))).rejects.toMatchObject({ kind: "network" });
  });
});

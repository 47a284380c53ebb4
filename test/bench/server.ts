/**
 * Serves a directory's files on the loopback interface, as a process of its own so that it takes
 * nothing from what is measured. Prints its origin.
 *
 *   node test/bench/server.ts DIR [--mbit N] [--latency MS]
 *
 * With `--mbit`, all connections share one link of so many megabits per second; with `--latency`,
 * each answer comes so much later, and a connection's first one twice that (its handshake).
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  options: { mbit: { type: "string" }, latency: { type: "string" } },
  allowPositionals: true,
});
const dir = positionals[0] ?? ".";
const bytesPerMs = values.mbit === undefined ? undefined : (Number(values.mbit) * 1e6) / 8 / 1000;
const latency = Number(values.latency ?? 0);
/** A link sends packets of all connections in turn; this many bytes stand for one. */
const packet = 16 * 1024;

const files = new Map(
  readdirSync(dir).map((name) => {
    const bytes = readFileSync(join(dir, name));
    const etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;
    return [`/${name}`, { bytes, etag }];
  }),
);
const known = new WeakSet<Socket>();
/** When the link has sent what it was given so far: ms of `performance.now()`. */
let free = 0;

const server = createServer((request, response) => {
  void answer(request, response);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
// Ends with whoever started it, however that ended.
process.stdin.on("end", () => process.exit()).resume();

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const file = files.get(new URL(request.url ?? "/", "http://x").pathname);
  if (latency > 0) await sleep(known.has(request.socket) ? latency : 2 * latency);
  known.add(request.socket);
  if (file === undefined) {
    response.writeHead(404).end();
    return;
  }
  const { bytes, etag } = file;
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const condition = request.headers["if-range"];
  const start = condition === undefined || condition === etag ? from : 0;
  response.writeHead(start > 0 ? 206 : 200, {
    "content-length": bytes.length - start,
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
    etag,
    ...(start > 0 ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
  });
  if (request.method === "HEAD") response.end();
  else if (bytesPerMs === undefined) response.end(bytes.subarray(start));
  else await trickle(bytes.subarray(start), response, bytesPerMs);
}

async function trickle(body: Buffer, response: ServerResponse, rate: number): Promise<void> {
  for (let at = 0; at < body.length && !response.destroyed; at += packet) {
    const piece = body.subarray(at, at + packet);
    free = Math.max(free, performance.now()) + piece.length / rate;
    await sleep(Math.max(0, free - performance.now()));
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once("drain", resolve).once("close", resolve);
  });
}

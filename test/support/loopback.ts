/**
 * A real HTTP server on the loopback interface, with faults per path.
 *
 *   const server = await startLoopback();
 *   const url = server.serve("/gog.tar.gz", bytes, { fault: "cut once" });
 *   server.serve("/moved", bytes, { fault: "redirect", to: url });
 *   server.publish("@scope/name", "1.0.0", tarball);      // npm registry at server.registry
 *   server.hits("/gog.tar.gz");                           // requests so far
 *   server.requests;                                      // path and headers of each, in order
 *   await server.close();
 *
 * Files have a strong ETag and honour Range and If-Range, unless `etag: false`.
 */
import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

export type Fault =
  | "ok"
  /** The status that `status` names, or 404. */
  | "status"
  /** A web page with status 200. */
  | "html"
  | "503 once"
  | "503 always"
  /** 429 with `Retry-After: retryAfter` (seconds), once. */
  | "429 once"
  /** The connection is cut in the middle of the file, in the first answer. */
  | "cut once"
  | "cut always"
  /** Half of the bytes, as if they were all. */
  | "truncated"
  /** More bytes than there are, without a Content-Length. */
  | "longer"
  /** One byte every 20 ms. */
  | "drip"
  /** Headers and the bytes up to the middle of the file, then nothing. */
  | "hang"
  /** Takes the request and never answers. */
  | "silent"
  /** To `to`. */
  | "redirect"
  | "redirect loop";

export interface ServeOptions {
  readonly fault?: Fault;
  readonly status?: number;
  readonly to?: string;
  readonly retryAfter?: number;
  /** False: no ETag and no ranges. `weak`: a weak one, which may not be resumed. */
  readonly etag?: boolean | "weak";
  /** Other headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Loopback {
  /** Such as `http://127.0.0.1:40001`. */
  readonly origin: string;
  /** The npm registry's URL. */
  readonly registry: string;
  readonly requests: readonly SeenRequest[];
  /** Serves bytes at a path, replacing what was there, and gives the URL. */
  serve(path: string, bytes: Buffer | string, options?: ServeOptions): string;
  /**
   * Adds a package's version to the registry. `layout` false: its tarball lies elsewhere. `manifest`:
   * what the registry says of it beside its tarball.
   */
  publish(
    name: string,
    version: string,
    tarball: Buffer,
    options?: ServeOptions & { layout?: boolean; manifest?: object },
  ): void;
  /** Requests for a path so far; for all of them without one. */
  hits(path?: string): number;
  /** From now on there is nothing. */
  empty(): void;
  /** Gives what serves again what is served now, and forgets the requests since. */
  keep(): () => void;
  close(): Promise<void>;
}

interface Served {
  readonly bytes: Buffer;
  readonly options: ServeOptions;
  /** Requests answered. */
  count: number;
}

export async function startLoopback(): Promise<Loopback> {
  const files = new Map<string, Served>();
  const published = new Map<string, Record<string, object>>();
  const requests: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname);
    requests.push({ path, headers: request.headers });
    const served = files.get(path);
    if (served === undefined) {
      response.writeHead(404).end("no such file");
      return;
    }
    served.count += 1;
    answer(served, request, response);
  });
  const origin = await listen(server);
  const registry = `${origin}/registry/`;
  const serve: Loopback["serve"] = (path, bytes, options = {}) => {
    files.set(path, { bytes: Buffer.from(bytes), options, count: 0 });
    return origin + path;
  };
  return {
    origin,
    registry,
    requests,
    serve,
    publish(name, version, tarball, { layout = true, manifest = {}, ...options } = {}) {
      const file = `${name.split("/").pop()}-${version}.tgz`;
      const path = layout ? `/registry/${name}/-/${file}` : `/registry/elsewhere/${file}`;
      const url = serve(path, tarball, options);
      const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      const document = { ...manifest, name, version, dist: { tarball: url, integrity } };
      serve(`/registry/${name}/${version}`, JSON.stringify(document));
      const versions = { ...published.get(name), [version]: document };
      published.set(name, versions);
      const whole = { name, "dist-tags": { latest: version }, versions };
      serve(`/registry/${name}`, JSON.stringify(whole));
    },
    hits: (path) => requests.filter((seen) => path === undefined || seen.path === path).length,
    empty: () => files.clear(),
    keep() {
      const kept = [...files].map(([path, served]) => [path, { ...served }] as const);
      const asked = requests.length;
      return () => {
        files.clear();
        for (const [path, served] of kept) files.set(path, { ...served });
        requests.length = asked;
      };
    },
    close: () => stop(server),
  };
}

function answer(served: Served, request: IncomingMessage, response: ServerResponse): void {
  const { fault = "ok", status = 404, to = "", retryAfter = 0 } = served.options;
  const first = served.count === 1;
  const send = (bytes = served.bytes, cut?: "hang" | "cut always"): void =>
    file({ ...served, bytes }, request, response, cut);
  const refuse = (code: number, headers = {}): void => {
    response.writeHead(code, headers).end("sorry");
  };
  const page = "<!DOCTYPE html><html><body>Please log in</body></html>";
  const faults: Record<Fault, () => void> = {
    ok: () => send(),
    status: () => refuse(status),
    html: () => void response.writeHead(200, { "content-type": "text/html" }).end(page),
    "503 once": () => (first ? refuse(503) : send()),
    "503 always": () => refuse(503),
    "429 once": () => (first ? refuse(429, { "retry-after": String(retryAfter) }) : send()),
    "cut once": () => send(served.bytes, first ? "cut always" : undefined),
    "cut always": () => send(served.bytes, "cut always"),
    truncated: () => send(served.bytes.subarray(0, Math.floor(served.bytes.length / 2))),
    longer: () => void response.writeHead(200).end(Buffer.concat([served.bytes, served.bytes])),
    drip: () => drip(served.bytes, response),
    hang: () => send(served.bytes, "hang"),
    silent: () => {},
    redirect: () => refuse(302, { location: to }),
    "redirect loop": () => refuse(302, { location: request.url }),
  };
  faults[fault]();
}

/** Sends a file or the asked range of it; in a fault's way only half of what it announces. */
function file(
  served: Served,
  request: IncomingMessage,
  response: ServerResponse,
  fault?: "hang" | "cut always",
): void {
  const { etag = true, headers = {} } = served.options;
  const strong = `"${createHash("sha256").update(served.bytes).digest("hex").slice(0, 16)}"`;
  const tag = etag === "weak" ? `W/${strong}` : strong;
  const ranged = etag === true && request.headers["if-range"] === strong;
  const start = ranged ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
  const body = served.bytes.subarray(start);
  const all = served.bytes.length;
  response.writeHead(start > 0 ? 206 : 200, {
    "content-length": String(body.length),
    ...(etag === false ? {} : { etag: tag, "accept-ranges": "bytes" }),
    ...(start > 0 ? { "content-range": `bytes ${start}-${all - 1}/${all}` } : {}),
    ...headers,
  });
  if (fault === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, Math.max(0, Math.floor(all / 2) - start)));
  // Time for the half to arrive: a reset discards what the other side has not read.
  if (fault === "cut always") setTimeout(() => response.destroy(), 20);
}

function drip(bytes: Buffer, response: ServerResponse): void {
  response.writeHead(200, { "content-length": String(bytes.length) });
  let sent = 0;
  const timer = setInterval(() => {
    response.write(bytes.subarray(sent, sent + 1));
    sent += 1;
    if (sent === bytes.length) response.end();
  }, 20);
  response.on("close", () => clearInterval(timer));
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

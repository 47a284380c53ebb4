/** Networks that fail: what the command says, in which time, and what it leaves. */
import { randomBytes } from "node:crypto";
import type { RequestListener } from "node:http";
import type { Fault, ServeOptions } from "../support/loopback.ts";
import type { Workplace } from "../support/workplace.ts";
import type { Case } from "./case.ts";
import {
  type Certificate,
  closedPort,
  type Faulty,
  refusingProxy,
  resetting,
  tlsServer,
} from "./support/faults.ts";
import {
  type Expected,
  type Goods,
  judge,
  type OfferOptions,
  offer,
  type RunOptions,
  repeat,
  runBuilt,
  staleIn,
  type Tried,
} from "./support/trial.ts";

const tries = { bounded: 1, full: 20 };

/** A case whose every try is independent of the others. */
function independent(name: string, once: (place: Workplace, n: number) => Promise<Tried>): Case {
  return { name: `network: ${name}`, tries, run: (count) => repeat(count, 4, once) };
}

/** Offers `zog` with a fault beside `fine` without one, runs, and judges both. */
async function tryFault(
  place: Workplace,
  options: OfferOptions,
  expected: Omit<Expected, "installed" | "absent"> & { readonly comes: boolean },
  run: RunOptions = {},
  check: (zog: Goods) => readonly string[] = () => [],
): Promise<Tried> {
  const zog = offer(place, "zog", options);
  const fine = offer(place, "fine");
  const { comes, ...rest } = expected;
  const whole = comes ? { installed: [fine, zog] } : { installed: [fine], absent: [zog] };
  const ran = await runBuilt(place, run);
  const wrong = judge(ran, { ...rest, ...whole }, place.prefix);
  return { wrong: [...wrong, ...check(zog)], stale: staleIn(place.prefix, [zog, fine]) };
}

function fault(name: Fault, expected: Parameters<typeof tryFault>[2], more: ServeOptions = {}) {
  return independent(name, (place) => tryFault(place, { fault: name, ...more }, expected));
}

const arrives = { status: 0, comes: true };
const fails = { status: 5, comes: false };
const isWrong = { status: 4, comes: false };

/** What the server was asked for the program's archive. */
const requestsFor = (place: Workplace, zog: Goods) =>
  place.server.requests.filter(({ path }) => path === zog.downloads[0]);

const cutCases: readonly Case[] = [
  independent("cut once, resumed where it was cut", (place) =>
    tryFault(place, { fault: "cut once" }, arrives, {}, (zog) => {
      const { headers } = requestsFor(place, zog)[1] ?? {};
      const half = `bytes=${Math.floor(zog.packed.length / 2)}-`;
      if (headers?.range === half && /^"/.test(String(headers["if-range"]))) return [];
      return [`the second request asks for ${headers?.range} if ${headers?.["if-range"]}`];
    }),
  ),
  independent("cut once, with a weak ETag or none: all of it again", (place, n) =>
    tryFault(place, { fault: "cut once", etag: n % 2 ? "weak" : false }, arrives, {}, (zog) => {
      const { headers } = requestsFor(place, zog)[1] ?? {};
      return headers && headers.range === undefined ? [] : ["a range was asked for"];
    }),
  ),
  independent("another file after a cut: nothing of the first is kept", async (place) => {
    const zog = offer(place, "zog");
    const path = zog.downloads[0] ?? "";
    place.server.serve(path, randomBytes(zog.packed.length), { fault: "cut once" });
    const exchange = setInterval(() => {
      if (place.server.hits(path) > 0) place.server.serve(path, zog.packed);
    }, 1);
    const ran = await runBuilt(place).finally(() => clearInterval(exchange));
    const wrong = judge(ran, { status: 0, installed: [zog] }, place.prefix);
    return { wrong, stale: staleIn(place.prefix, [zog]) };
  }),
  fault("cut always", { ...fails, says: /was cut|was reset/ }),
  independent("reset in the middle, always", async (place) => {
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\nhalf";
    const server = await resetting(head);
    const only = [`http://127.0.0.1:${server.port}/zog.tar.gz`];
    const says = /the connection to 127\.0\.0\.1:\d+ was (cut|reset)/;
    const options = { only, size: false };
    return await tryFault(place, options, { ...fails, says }).finally(server.close);
  }),
];

const statusCases: readonly Case[] = [
  fault("503 once", arrives),
  fault("503 always", { ...fails, says: /responded with 503/ }),
  independent("429 with Retry-After", async (place) => {
    const began = Date.now();
    const tried = await tryFault(place, { fault: "429 once", retryAfter: 2 }, arrives);
    const early = Date.now() - began < 2000 ? ["it did not wait"] : [];
    return { ...tried, wrong: [...tried.wrong, ...early] };
  }),
  independent("404 for one of several", (place) =>
    tryFault(place, { fault: "status" }, { ...fails, says: /no such file[\s\S]*1 of 2 installed/ }),
  ),
];

const contentCases: readonly Case[] = [
  fault("truncated", { ...isWrong, says: /zog[\s\S]*expected \d+ bytes, the server has/ }),
  independent("truncated, with no size in the recipe", (place) =>
    tryFault(place, { fault: "truncated", size: false }, { ...isWrong, says: /expected sha256/ }),
  ),
  fault("longer", { ...isWrong, says: /got more/ }),
  fault("html", { ...isWrong, says: /a web page, not an archive/ }),
];

const redirectCases: readonly Case[] = [
  fault("redirect loop", { ...fails, says: /in a loop/ }),
  independent("from https to http", async (place) => {
    const zog = offer(place, "zog");
    const refused = { ...fails, says: /from https:\/\/ to http:\/\/, which is not allowed/ };
    const answer: RequestListener = (_request, response) =>
      void response.writeHead(302, { location: zog.url }).end();
    return await tryTls(place, "good", refused, answer, true);
  }),
];

/** `zog` lies on a TLS server; whether its certificate is known to the run is `trusted`. */
async function tryTls(
  place: Workplace,
  kind: Certificate,
  expected: Parameters<typeof tryFault>[2],
  answer: RequestListener,
  trusted: boolean,
): Promise<Tried> {
  const server = await tlsServer(kind, answer);
  const env = trusted ? { SSL_CERT_FILE: server.ca } : {};
  const only = [`${server.origin}/zog.tar.gz`];
  return await tryFault(place, { only }, expected, { env }).finally(server.close);
}

const never: RequestListener = (_request, response) => void response.end("never seen");
const refusesCertificate = (why: RegExp) => ({ ...fails, within: 5, says: why });

const tlsCases: readonly Case[] = [
  independent("a certificate that nobody knows", (place) =>
    tryTls(place, "good", refusesCertificate(/certificate[\s\S]*SSL_CERT_FILE/), never, false),
  ),
  independent("an expired certificate", (place) =>
    tryTls(place, "expired", refusesCertificate(/certificate[\s\S]*expired/), never, true),
  ),
  independent("another host's certificate", (place) =>
    tryTls(place, "another host's", refusesCertificate(/certificate[\s\S]*altnames/i), never, true),
  ),
];

/** `zog` must be asked of a proxy, `fine` need not. */
async function tryProxy(place: Workplace, port: number, says: RegExp): Promise<Tried> {
  const env = { HTTPS_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "127.0.0.1" };
  const only = ["https://releases.invalid/zog.tar.gz"];
  return await tryFault(place, { only }, { ...fails, within: 8, says }, { env });
}

async function withProxy(server: Faulty, work: () => Promise<Tried>): Promise<Tried> {
  return await work().finally(server.close);
}

const wayCases: readonly Case[] = [
  independent("a proxy that is not there", async (place) => {
    const port = await closedPort();
    return await tryProxy(place, port, /:\d+ refused the connection[\s\S]*A proxy is set/);
  }),
  independent("a proxy that refuses (407, 403, 502)", async (place, n) => {
    const status = [407, 403, 502][n % 3] ?? 407;
    const server = await refusingProxy(status);
    const says = new RegExp(`the proxy responded with ${status}`);
    return await withProxy(server, () => tryProxy(place, server.port, says));
  }),
  independent("a name that DNS does not know", (place) =>
    tryFault(
      place,
      { only: ["https://releases.invalid/zog.tar.gz"] },
      { ...fails, within: 25, says: /releases\.invalid[\s\S]*DNS/ },
    ),
  ),
  independent("a port that nothing listens on", async (place) => {
    const only = [`http://127.0.0.1:${await closedPort()}/zog.tar.gz`];
    return await tryFault(place, { only }, { ...fails, within: 5, says: /refused the connection/ });
  }),
];

export const cases: readonly Case[] = [
  ...cutCases,
  ...statusCases,
  ...contentCases,
  ...redirectCases,
  ...tlsCases,
  ...wayCases,
];

import type { Dispatcher } from "undici";
import { UserError } from "../core/errors.ts";
import type { Agent } from "./agent.ts";
import { shownUrl } from "./errors.ts";

const maxRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);

export interface Question {
  readonly agent: Agent;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Milliseconds without a byte. */
  readonly stallMs: number;
}

/** Asks, and goes where the answers point. */
export async function follow(
  question: Question,
): Promise<{ response: Dispatcher.ResponseData; url: URL }> {
  const seen = new Set<string>();
  let { url, headers } = question;
  for (;;) {
    seen.add(url.href);
    const response = await ask({ ...question, url, headers });
    const location = response.headers.location;
    if (!redirects.has(response.statusCode) || typeof location !== "string") {
      return { response, url };
    }
    await response.body.dump();
    const next = redirected(url, location, seen);
    if (next.origin !== url.origin) headers = withoutSecrets(headers);
    url = next;
  }
}

async function ask(question: Question): Promise<Dispatcher.ResponseData> {
  const { agent, url, headers, signal, stallMs } = question;
  const asking = agent.get(url, {
    headers: {
      "user-agent": "openclaw-install-skill-deps",
      accept: "*/*",
      // The pinned digest is that of the file as it lies on the server.
      "accept-encoding": "identity",
      ...basicAuth(url),
      ...headers,
    },
    signal,
    headersTimeout: stallMs,
    bodyTimeout: stallMs,
  });
  const response = await orAborted(asking, signal);
  // A body that is given up emits an error; nobody else listens once we have turned away.
  response.body.on("error", () => {});
  return response;
}

/** undici heeds a signal only once it is connected, and a proxy may never connect it. */
async function orAborted(
  asking: Promise<Dispatcher.ResponseData>,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const settled = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true, signal: settled.signal });
  });
  try {
    return await Promise.race([asking, aborted]);
  } catch (error) {
    asking.then(
      ({ body }) => body.on("error", () => {}).destroy(),
      () => {},
    );
    throw error;
  } finally {
    settled.abort();
  }
}

function basicAuth(url: URL): Record<string, string> {
  if (url.username === "") return {};
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

function redirected(from: URL, location: string, seen: ReadonlySet<string>): URL {
  const refuse = (why: string): never => {
    throw new UserError("network", `${shownUrl(from)} redirects ${why}`, {
      hint: "Name another source or a mirror of this file.",
    });
  };
  if (!URL.canParse(location, from.href)) return refuse("to what is not a URL");
  const next = new URL(location, from);
  if (next.protocol !== "https:" && next.protocol !== from.protocol) {
    return refuse(`from ${from.protocol}// to ${next.protocol}//, which is refused`);
  }
  if (seen.has(next.href)) return refuse("in a circle");
  if (seen.size > maxRedirects) return refuse(`more than ${maxRedirects} times`);
  return next;
}

/** Tokens are for the server they were meant for, not for where it points. */
function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  const harmless = new Set(["accept", "range", "if-range"]);
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => harmless.has(name.toLowerCase())),
  );
}

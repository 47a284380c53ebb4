import type { Dispatcher } from "undici";
import { UserError } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import type { Agent } from "./agent.ts";
import { TransportError } from "./errors.ts";
import { urlHeaders } from "./netrc.ts";
import type { Setting } from "./setting.ts";
import { statusError } from "./status.ts";

const maxRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);

export interface Question {
  readonly agent: Agent;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly proxy: Setting | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds without a byte, and the same before the first byte. */
  readonly stallMs: number;
  readonly firstByteMs: number;
  /** Called with each URL before its request. */
  readonly onAsk: (url: URL) => void;
  /** Called for each redirect. */
  readonly onDetail: (message: string) => void;
}

/** Sends a request and follows redirects. */
export async function followRedirects(
  question: Question,
): Promise<{ response: Dispatcher.ResponseData; url: URL }> {
  const seen = new Set<string>();
  let { url, headers } = question;
  for (;;) {
    seen.add(url.href);
    question.onAsk(url);
    const response = await ask({ ...question, url, headers });
    if (!redirects.has(response.statusCode)) return { response, url };
    await dump(response);
    const next = redirected(url, response, seen);
    question.onDetail(`redirect: ${shownUrl(url)} -> ${shownUrl(next)} (${response.statusCode})`);
    if (next.origin !== url.origin) headers = withoutSecrets(headers);
    url = next;
  }
}

/** Reads the rest of a small body, so that its connection can be reused; errors are ignored. */
export async function dump({ body }: Dispatcher.ResponseData): Promise<void> {
  await body.dump({ limit: 65_536, signal: AbortSignal.timeout(1000) }).catch(() => {});
}

async function ask(question: Question): Promise<Dispatcher.ResponseData> {
  const { agent, url, signal, proxy, stallMs, firstByteMs } = question;
  const headers = {
    "user-agent": "openclaw-install-skill-deps",
    accept: "*/*",
    // The pinned digest is that of the file without a content encoding.
    "accept-encoding": "identity",
    ...urlHeaders(url),
    ...question.headers,
  };
  refuseCharacters(headers, url);
  const times = { headersTimeout: firstByteMs, bodyTimeout: stallMs };
  const asking = agent.get(url, { headers, signal, proxy, ...times }).catch((cause: unknown) => {
    throw new TransportError(cause);
  });
  const response = await orAborted(asking, signal);
  // An abandoned body emits an error that has no other listener.
  response.body.on("error", () => {});
  return response;
}

/** undici reacts to a signal only after it is connected, which a proxy may never allow. */
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

/** Tokens and names come from files that people edit. */
function refuseCharacters(headers: Readonly<Record<string, string>>, url: URL): void {
  const wrong = Object.entries(headers).find(([, value]) => /[^\t\x20-\x7e\x80-\xff]/.test(value));
  if (!wrong) return;
  const what = `the ${wrong[0]} that is configured for ${url.host} contains a character that HTTP does not allow`;
  throw new UserError("E_URL", what, {
    hint: "Look for a line break or an invisible character in it.",
  });
}

function redirected(
  from: URL,
  { statusCode, headers: { location } }: Dispatcher.ResponseData,
  seen: ReadonlySet<string>,
): URL {
  const refuse = (why: string): never => {
    throw new UserError("E_REDIRECT", `${shownUrl(from)} redirects ${why}`, {
      cause: statusError(statusCode),
    });
  };
  if (typeof location !== "string") return refuse("to no URL, or to several");
  if (!URL.canParse(location, from.href)) return refuse("to an invalid URL");
  const next = new URL(location, from);
  if (next.protocol !== "https:" && next.protocol !== from.protocol) {
    return refuse(`from ${from.protocol}// to ${next.protocol}//, which is not allowed`);
  }
  if (seen.has(next.href)) return refuse("in a loop");
  if (seen.size > maxRedirects) return refuse(`more than ${maxRedirects} times`);
  return next;
}

/** Tokens are only for their own server, not for the target of a redirect, nor for a mirror. */
export function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  const harmless = new Set(["accept", "range", "if-range"]);
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => harmless.has(name.toLowerCase())),
  );
}

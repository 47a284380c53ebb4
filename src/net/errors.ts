import { UserError } from "../core/errors.ts";

/** What an attempt's failure means: what to tell the person, and whether trying again may help. */
export interface NetworkFailure {
  readonly error: UserError;
  readonly retry: "never" | "once" | "again";
  /** Milliseconds that the server asked us to wait. */
  readonly waitMs?: number;
  /** True where it let us wait in vain. */
  readonly timedOut?: boolean;
}

/** The error of an answer whose status is not the one we want. */
export interface StatusError extends Error {
  readonly status: number;
  readonly waitMs?: number;
}

/** The URL for messages and records: signed queries and `user:password@` are secrets. */
export function shownUrl(url: URL | string): string {
  if (!URL.canParse(String(url))) return "(not a URL)";
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === "" ? "" : "?…"}`;
}

export function statusError(status: number, waitMs?: number): StatusError {
  const error = new Error(`answered ${status}`);
  return Object.assign(error, waitMs === undefined ? { status } : { status, waitMs });
}

/** The body ended before its time. */
export function cutError(received: number, expected: number): Error {
  const message = `the connection was cut after ${received} of ${expected} bytes`;
  return Object.assign(new Error(message), { code: "CUT" });
}

/** True where a UserError of `Http` says that the server has no such file. */
export function isNotFound(error: unknown): boolean {
  const cause = error instanceof UserError ? (error.cause as Partial<StatusError>) : undefined;
  return cause?.status === 404;
}

/**
 * Translates whatever an attempt threw. `notes` are full sentences about this machine's network
 * settings; they end up in the hint, because a wrong proxy or CA file looks like a dead server.
 */
export function explain(thrown: unknown, url: URL, notes: readonly string[]): NetworkFailure {
  if (thrown instanceof UserError) return { error: thrown, retry: "never" };
  const status = (thrown as Partial<StatusError>).status;
  if (status !== undefined) return explainStatus(thrown as StatusError, url, notes);
  const { why, retry, hint, timedOut = false } = explainCode(thrown, url);
  const error = new UserError("network", `cannot download ${shownUrl(url)}: ${why}`, {
    hint: [hint, ...notes].join(" "),
    cause: thrown,
  });
  return { error, retry, timedOut };
}

function explainStatus(thrown: StatusError, url: URL, notes: readonly string[]): NetworkFailure {
  const { status, waitMs } = thrown;
  const transient = status >= 500 || status === 408 || status === 429 || status === 416;
  const error = new UserError("network", `${shownUrl(url)} answered ${status}${meaning(status)}`, {
    hint: [statusHint(status, url.host), ...notes].join(" "),
    cause: thrown,
  });
  const retry = transient ? "again" : "never";
  return waitMs === undefined ? { error, retry } : { error, retry, waitMs };
}

function meaning(status: number): string {
  const words: Record<number, string> = {
    401: " (it wants credentials)",
    403: " (it forbids this)",
    404: " (it has no such file)",
    407: " (the proxy wants credentials)",
    429: " (too many requests)",
  };
  return words[status] ?? "";
}

function statusHint(status: number, host: string): string {
  if (status === 401 || status === 403)
    return `Check what ${host} wants to see: a token, an address it knows, a proxy.`;
  if (status === 404)
    return "If a mirror serves it, check that the mirror has this path; else the recipe is out of date.";
  if (status === 407)
    return "Put the credentials into HTTPS_PROXY, as http://user:password@host:port.";
  return `${host} is in trouble; try again later.`;
}

interface Meaning {
  readonly why: string;
  readonly retry: NetworkFailure["retry"];
  readonly hint: string;
  readonly timedOut?: boolean;
}

const tlsCode = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO$)|_CERT$/;

function explainCode(thrown: unknown, url: URL): Meaning {
  const {
    code = "",
    message = String(thrown),
    address,
    port,
  } = thrown as {
    code?: string;
    message?: string;
    address?: string;
    port?: number;
  };
  if (tlsCode.test(code)) {
    return {
      why: `the TLS certificate of ${url.host} was refused (${code}: ${message})`,
      retry: "never",
      hint: "Where a company's proxy signs the traffic, name its CA in NODE_EXTRA_CA_CERTS, SSL_CERT_FILE or npm's cafile.",
    };
  }
  const proxyStatus = /Proxy response \((\d+)\)|Proxy Authentication Required \((407)\)/.exec(
    message,
  );
  if (proxyStatus) {
    const status = proxyStatus[1] ?? proxyStatus[2];
    return {
      why: `the proxy answered ${status} instead of connecting to ${url.host}`,
      retry: status?.startsWith("5") ? "again" : "never",
      hint: "Check HTTPS_PROXY and its credentials, or put the host into NO_PROXY.",
    };
  }
  if (code === "" || code === "UND_ERR_INVALID_ARG") throw thrown; // a bug of ours
  const where = address === undefined ? url.host : `${address}${port ? `:${port}` : ""}`;
  return (
    codes(where, url.hostname)[code] ?? {
      why: `the connection to ${url.host} failed (${code})`,
      retry: "again",
      hint: "Try again; what arrived was not kept.",
    }
  );
}

function codes(where: string, host: string): Record<string, Meaning> {
  const reach = `Check that this place may reach ${host}, directly or through HTTPS_PROXY.`;
  const slow = (why: string): Meaning => ({ why, retry: "again", hint: reach, timedOut: true });
  const cut = (why: string): Meaning => ({
    why,
    retry: "again",
    hint: `${host} or the way to it is unstable; try again later.`,
  });
  const never = (why: string): Meaning => ({ why, retry: "never", hint: reach });
  return {
    ENOTFOUND: never(`the name ${host} is not known (DNS)`),
    // A container without a way out gets this at once; a resolver that wakes up, once.
    EAI_AGAIN: { why: `the name ${host} could not be looked up (DNS)`, retry: "once", hint: reach },
    ECONNREFUSED: never(`${where} refused the connection`),
    EHOSTUNREACH: never(`${where} cannot be reached`),
    ENETUNREACH: never(`${where} cannot be reached: no route`),
    ETIMEDOUT: slow(`${where} did not answer in time`),
    UND_ERR_CONNECT_TIMEOUT: slow(`${host} did not accept the connection in time`),
    UND_ERR_HEADERS_TIMEOUT: slow(`${host} took the request and did not answer`),
    UND_ERR_BODY_TIMEOUT: slow(`${host} stopped sending`),
    ECONNRESET: cut(`the connection to ${host} was reset`),
    EPIPE: cut(`the connection to ${host} was reset`),
    UND_ERR_SOCKET: cut(`the connection to ${host} was cut`),
    CUT: cut(`the connection to ${host} was cut`),
  };
}

import { type ErrorCode, remedyOf, type UserError } from "../core/errors.ts";
import type { NetworkProxy } from "./proxy.ts";
import { isTransient } from "./status.ts";

/** An attempt's failure: the message for the user, and whether a retry may help. */
export interface NetworkFailure {
  readonly error: UserError;
  readonly retry: "never" | "once" | "again";
  /** Milliseconds that the server told us to wait. */
  readonly waitMs?: number;
  /** True if the server did not respond in time. */
  readonly timedOut?: boolean;
}

/** The data of a failed attempt. */
export interface Attempted {
  readonly asked: URL;
  /** The last requested URL, after redirects. */
  readonly url: URL;
  readonly proxy: NetworkProxy | undefined;
  /** What is wrong with the settings that name certificates, a full sentence each. */
  readonly certificateProblems: () => readonly string[];
}

/** The properties of transports' errors. */
interface Facts {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  /** The address of the connection. */
  readonly address?: string;
  readonly port?: number;
  /** The name of the lookup. */
  readonly hostname?: string;
}

/** Reads any thrown value. */
export function factsOf(cause: unknown): Facts {
  const facts = (cause ?? {}) as Partial<Facts>;
  const { code = "", message = String(cause), name = "" } = facts;
  // Some messages contain the URL, which may have a password; OpenSSL's contain its source
  // position.
  const shown = String(message)
    .replace(/\/\/[^\s/]*@/g, "//...@")
    .replace(/^.*:SSL routines:[^:]*:([^:]+):.*$/s, "$1")
    .trim()
    .replace(/\n.*/s, "");
  return { ...facts, name: String(name), code: String(code), message: shown };
}

interface Meaning {
  readonly problem: ErrorCode;
  readonly why: string;
  readonly retry: NetworkFailure["retry"];
  /** Replaces the problem's remedy. */
  readonly hint?: string;
  /** Added after it. */
  readonly advice?: readonly string[];
  readonly timedOut?: boolean;
}

const untrusted =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|ERR_TLS_CERT_|INVALID_CA|PATH_LENGTH_)|_CERT$/;

/** The meaning of a transport's error for the user. */
export function meaningOfError(facts: Facts, attempted: Attempted): Meaning {
  const { url, proxy } = attempted;
  const peer = proxy ? `${url.host} or the proxy` : url.host;
  const said = [facts.code, facts.message].filter(Boolean).join(": ");
  return (
    proxyMeaning(facts, attempted) ??
    tlsMeaning(facts, attempted, peer) ??
    httpMeaning(facts, peer) ??
    connectionMeaning(facts, attempted) ?? {
      problem: "E_CONNECTION",
      why: `the connection to ${peer} failed (${said})`,
      retry: "again",
    }
  );
}

function proxyMeaning({ code, message }: Facts, { url, proxy }: Attempted): Meaning | undefined {
  const [, ...statuses] =
    /Proxy response \((\d+)\)|Proxy Authentication Required \((407)\)/.exec(message) ?? [];
  const status = statuses.find((each) => each !== undefined);
  if (status !== undefined) {
    const why = `the proxy responded with ${status} instead of connecting to ${url.host}`;
    return { problem: "E_PROXY", why, retry: isTransient(Number(status)) ? "again" : "never" };
  }
  if (code !== "SOCKS") return undefined;
  const why = `the SOCKS proxy ${proxy?.url.host} did not connect to ${url.host} (${message})`;
  return { problem: "E_PROXY", why, retry: "once" };
}

function tlsMeaning(facts: Facts, attempted: Attempted, peer: string): Meaning | undefined {
  const { code, message } = facts;
  if (untrusted.test(code)) return refusedCertificate(facts, attempted);
  if (!/^(EPROTO$|ERR_SSL_|ERR_TLS_)/.test(code)) return undefined;
  const why = `${peer} did not respond with valid TLS (${message})`;
  return { problem: "E_PROTOCOL", why, retry: "once" };
}

function httpMeaning(facts: Facts, peer: string): Meaning | undefined {
  const { code, name } = facts;
  const breaksRules = /^(HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_)/.test(code);
  // undici asserts rules that every HTTP server follows.
  if (!breaksRules && name !== "HTTPParserError" && code !== "ERR_ASSERTION") return undefined;
  const why = `${peer} did not respond with valid HTTP (${ruleBroken(facts)})`;
  return { problem: "E_PROTOCOL", why, retry: "again" };
}

function ruleBroken({ code, message }: Facts): string {
  if (code === "ERR_ASSERTION") return "an unexpected response";
  return /^Response does not match the HTTP\/1.1 protocol \((.*)\)$/.exec(message)?.[1] ?? message;
}

function refusedCertificate({ code, message }: Facts, attempted: Attempted): Meaning {
  const problems = attempted.certificateProblems();
  const { url, proxy } = attempted;
  const whose = proxy?.url.protocol === "https:" ? `${url.host} or of ${proxy.url.host}` : url.host;
  return {
    problem: problems.length > 0 ? "E_CERTIFICATE_SETTING" : "E_CERTIFICATE",
    why: `the TLS certificate of ${whose} was refused (${code}: ${message})`,
    retry: "never",
    hint: whatHelps(code, url.host),
    advice: problems,
  };
}

function whatHelps(code: string, host: string): string {
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(code)) {
    const today = new Date().toISOString().slice(0, 10);
    return `Check the clock of this machine: its date is ${today} (UTC). If that is right, the certificate itself must be renewed.`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `Something else answers for ${host}: a proxy, or the login page of a network.`;
  return remedyOf("E_CERTIFICATE");
}

function connectionMeaning(
  { code, message, address, port, hostname }: Facts,
  { url, proxy }: Attempted,
): Meaning | undefined {
  const host = url.hostname;
  const peer = proxy?.url.host ?? url.host;
  const where = address === undefined ? peer : `${address}${port ? `:${port}` : ""}`;
  const reach = `Check that this host can reach ${host}, directly or through HTTPS_PROXY.`;
  const slow = (why: string): Meaning => {
    return { problem: "E_DOWNLOAD_STALLED", why, retry: "again", hint: reach, timedOut: true };
  };
  const cut = (why: string): Meaning => ({ problem: "E_CONNECTION", why, retry: "again" });
  const never = (problem: ErrorCode, why: string): Meaning => ({ problem, why, retry: "never" });
  const meanings: Record<string, Meaning> = {
    ENOTFOUND: never("E_NAME_LOOKUP", `the name ${hostname ?? host} does not exist (DNS)`),
    // In a container without a network this error comes at once; from a resolver that starts up,
    // once.
    EAI_AGAIN: {
      ...never("E_NAME_LOOKUP", `the name ${hostname ?? host} could not be resolved (DNS)`),
      retry: "once",
    },
    ECONNREFUSED: never("E_UNREACHABLE", `${where} refused the connection`),
    EHOSTUNREACH: never("E_UNREACHABLE", `${where} cannot be reached`),
    ENETUNREACH: never("E_UNREACHABLE", `${where} cannot be reached: no route`),
    ETIMEDOUT: slow(`${where} did not respond in time`),
    UND_ERR_CONNECT_TIMEOUT: slow(`${peer} did not accept the connection in time`),
    UND_ERR_HEADERS_TIMEOUT: slow(`${peer} received the request but did not respond`),
    UND_ERR_BODY_TIMEOUT: slow(`${peer} stopped sending`),
    ECONNRESET: cut(`the connection to ${peer} was reset`),
    EPIPE: cut(`the connection to ${peer} was reset`),
    UND_ERR_SOCKET: cut(`the connection to ${peer} was cut (${message})`),
    CUT: cut(message),
    RANGE: cut(message),
  };
  return Object.hasOwn(meanings, code) ? meanings[code] : undefined;
}

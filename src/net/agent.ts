import * as tls from "node:tls";
import type { Dispatcher } from "undici";
import { UserError } from "../core/errors.ts";
import { tryRead } from "../io/input.ts";

/** The network part of an npm configuration; the environment goes before it. */
export interface NetworkSettings {
  /** PEM file with certificates that are trusted beside Node's own. */
  readonly cafile?: string;
  readonly proxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy?: string;
}

export interface AgentOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly settings: NetworkSettings;
  /** PEM texts of certificates that are trusted beside Node's own. */
  readonly ca: readonly string[];
  readonly connectMs: number;
}

type GetOptions = Pick<
  Dispatcher.RequestOptions,
  "headers" | "signal" | "headersTimeout" | "bodyTimeout"
>;

export interface Agent {
  readonly dispatcher: Dispatcher;
  /** Sends a GET; redirects are answers like any other. */
  readonly get: (url: URL, options: GetOptions) => Promise<Dispatcher.ResponseData>;
  /** Full sentences for hints: what of this machine's settings bears on a failure. */
  readonly notes: readonly string[];
}

/** Several small files at once from one registry, without looking like an attack. */
const connectionsPerOrigin = 16;

/**
 * Makes the connection pool: proxies and certificates as the machine's settings have them. Certificates
 * are read when the first connection needs them: parsing 150 takes longer than a small download, and a
 * mirror may be plain http.
 */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const proxies = readProxies(options.env, options.settings);
  const proxy = proxies.httpsProxy || proxies.httpProxy;
  const notes = proxy === "" ? [] : [`A proxy is set: ${new URL(proxy).host}.`];
  const { EnvHttpProxyAgent, buildConnector } = await loadUndici();
  const timeout = options.connectMs;
  let tlsOptions: TlsOptions | undefined;
  const secure = (): TlsOptions => {
    tlsOptions ??= { timeout, ...readCertificates(options, notes) };
    return tlsOptions;
  };
  const plain = buildConnector({ timeout });
  let encrypted: ReturnType<typeof buildConnector> | undefined;
  const dispatcher = new EnvHttpProxyAgent({
    ...proxies,
    connect(target, callback) {
      if (target.protocol !== "https:") return plain(target, callback);
      encrypted ??= buildConnector(secure());
      return encrypted(target, callback);
    },
    ...(proxy !== "" && { requestTls: secure(), proxyTls: secure() }),
    // Proxies often allow CONNECT to port 443 alone, so that plain http is asked in absolute form.
    proxyTunnel: false,
    connections: connectionsPerOrigin,
  });
  const get: Agent["get"] = ({ origin, pathname, search }, rest) =>
    dispatcher.request({ origin, path: pathname + search, method: "GET", ...rest });
  return { dispatcher, get, notes };
}

type Undici = Pick<typeof import("undici"), "EnvHttpProxyAgent" | "buildConnector">;

/** undici's entry point also loads fetch, WebSocket and caches: twice the bundle and the time. */
async function loadUndici(): Promise<Undici> {
  // @ts-expect-error these files of undici have no types of their own
  const agent = await import("undici/lib/dispatcher/env-http-proxy-agent.js");
  // @ts-expect-error as above
  const dispatcher = await import("undici/lib/dispatcher/dispatcher.js");
  // @ts-expect-error as above
  const api = await import("undici/lib/api/index.js");
  // @ts-expect-error as above
  const connect = await import("undici/lib/core/connect.js");
  Object.assign(dispatcher.default.prototype, api.default); // as the entry point does it
  return { EnvHttpProxyAgent: agent.default, buildConnector: connect.default };
}

interface Proxies {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}

/** All three are always strings: undici reads what is undefined from the environment by itself. */
export function readProxies(env: AgentOptions["env"], settings: NetworkSettings): Proxies {
  const read = (name: string): string | undefined => env[name] || env[name.toUpperCase()];
  const all = read("all_proxy");
  const http = read("http_proxy") ?? all;
  const https = read("https_proxy") ?? all;
  const none = http === undefined && https === undefined;
  const httpProxy = none ? settings.proxy : http;
  const httpsProxy = none ? (settings.httpsProxy ?? settings.proxy) : https;
  return {
    httpProxy: proxyUrl(httpProxy),
    httpsProxy: proxyUrl(httpsProxy),
    noProxy: read("no_proxy") ?? settings.noProxy ?? "",
  };
}

function proxyUrl(text: string | undefined): string {
  if (text === undefined || text === "") return "";
  const url = text.includes("://") ? text : `http://${text}`;
  if (URL.canParse(url)) return url;
  throw new UserError("config", "the proxy in the environment or npm's settings is not a URL", {
    hint: "Write it as http://host:port.",
  });
}

interface TlsOptions {
  readonly timeout: number;
  readonly secureContext?: tls.SecureContext;
}

/** One context for all connections. `notes` learns of files that cannot be read. */
function readCertificates(
  { ca, env, settings }: AgentOptions,
  notes: string[],
): Pick<TlsOptions, "secureContext"> {
  const extra = [...ca];
  for (const file of new Set([env.SSL_CERT_FILE, settings.cafile])) {
    if (!file) continue;
    const read = tryRead(file);
    if (read.bytes) extra.push(read.bytes.toString("utf8"));
    else notes.push(`The CA file ${file} is not used: ${read.why}.`);
  }
  if (extra.length === 0) return {};
  // Naming any CA replaces Node's defaults, among them NODE_EXTRA_CA_CERTS, so they are added back.
  return { secureContext: tls.createSecureContext({ ca: [...nodeCertificates(), ...extra] }) };
}

function nodeCertificates(): readonly string[] {
  const all = (tls as { getCACertificates?: (kind: "default") => string[] }).getCACertificates;
  return all === undefined ? tls.rootCertificates : all("default");
}

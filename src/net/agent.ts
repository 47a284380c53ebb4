import { readFile } from "node:fs/promises";
import * as tls from "node:tls";
import type { Dispatcher } from "undici";
import { UserError } from "../core/errors.ts";

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

/** Makes the connection pool: proxies and certificates as the machine's settings have them. */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const proxies = readProxies(options.env, options.settings);
  const { context, notes } = await readCertificates(options);
  const EnvHttpProxyAgent = await loadAgent();
  const connect = {
    timeout: options.connectMs,
    ...(context === undefined ? {} : { secureContext: context }),
  };
  // Proxies often allow CONNECT to port 443 alone, so that plain http is asked in absolute form.
  const settings = { ...proxies, connect, requestTls: connect, proxyTls: connect };
  const dispatcher = new EnvHttpProxyAgent({
    ...settings,
    proxyTunnel: false,
    connections: connectionsPerOrigin,
  });
  const proxy = proxies.httpsProxy || proxies.httpProxy;
  const about = proxy === "" ? [] : [`A proxy is set: ${new URL(proxy).host}.`];
  const get: Agent["get"] = ({ origin, pathname, search }, rest) =>
    dispatcher.request({ origin, path: pathname + search, method: "GET", ...rest });
  return { dispatcher, get, notes: [...about, ...notes] };
}

/** undici's entry point also loads fetch, WebSocket and caches: twice the bundle and the time. */
async function loadAgent(): Promise<typeof import("undici").EnvHttpProxyAgent> {
  // @ts-expect-error these files of undici have no types of their own
  const agent = await import("undici/lib/dispatcher/env-http-proxy-agent.js");
  // @ts-expect-error as above
  const dispatcher = await import("undici/lib/dispatcher/dispatcher.js");
  // @ts-expect-error as above
  const api = await import("undici/lib/api/index.js");
  Object.assign(dispatcher.default.prototype, api.default); // as the entry point does it
  return agent.default;
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

/** One context for all connections: parsing 150 certificates for each of them is slow. */
async function readCertificates(options: AgentOptions): Promise<{
  context: tls.SecureContext | undefined;
  notes: string[];
}> {
  const notes: string[] = [];
  const extra = [...options.ca];
  const files = new Set([options.env.SSL_CERT_FILE, options.settings.cafile]);
  for (const file of files) {
    if (!file) continue;
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined) notes.push(`The CA file ${file} cannot be read.`);
    else extra.push(text);
  }
  if (extra.length === 0) return { context: undefined, notes };
  // Naming any CA replaces Node's defaults, among them NODE_EXTRA_CA_CERTS, so they are added back.
  return { context: tls.createSecureContext({ ca: [...nodeCertificates(), ...extra] }), notes };
}

function nodeCertificates(): readonly string[] {
  const all = (tls as { getCACertificates?: (kind: "default") => string[] }).getCACertificates;
  return all === undefined ? tls.rootCertificates : all("default");
}

import { setFlagsFromString } from "node:v8";
import type { Dispatcher } from "undici";
import { once, onceFor } from "../core/once.ts";
import type { Env } from "../core/platform.ts";
import { type Certificates, readCertificates } from "./certificates.ts";
import { basicHeader } from "./netrc.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { type NetworkProxy, proxyFor } from "./proxy.ts";
import type { Setting } from "./setting.ts";
import { type Connector, throughSocks } from "./socks.ts";

export interface AgentOptions {
  readonly env: Env;
  readonly settings: NetworkSettings;
  /** PEM texts of certificates that are trusted besides Node's own. */
  readonly ca: readonly string[];
  readonly connectMs: number;
}

interface GetOptions
  extends Pick<Dispatcher.RequestOptions, "headers" | "signal" | "headersTimeout" | "bodyTimeout"> {
  /** A proxy that replaces the environment's and npm's; the value `DIRECT` means none. */
  readonly proxy?: Setting | undefined;
}

export interface Agent {
  /**
   * Sends a GET; redirects are responses like any other. Throws a UserError (`config`) if a setting
   * that it needs is wrong, otherwise what the transport throws.
   */
  get(url: URL, options: GetOptions): Promise<Dispatcher.ResponseData>;
  /** The proxy that `get` uses for a URL. */
  proxyFor(url: URL, own?: Setting): NetworkProxy | undefined;
  /** What is wrong with the settings that name certificates, a full sentence each. */
  certificateProblems(): readonly string[];
  destroy(): Promise<void>;
}

/** For several small files from one registry at once, without looking like an attack. */
const connections = 16;

/**
 * Creates the connection pools, one per proxy. Certificates are read when the first connection
 * needs them: parsing 150 takes longer than a small download, and a mirror may be plain http.
 */
export async function createAgent({ env, settings, ca, connectMs }: AgentOptions): Promise<Agent> {
  const module = await import("undici");
  const undici: Undici = module.default ?? module;
  const { caFiles = [], caTexts = [] } = settings;
  const own = env.SSL_CERT_FILE ? [{ name: "SSL_CERT_FILE", value: env.SSL_CERT_FILE }] : [];
  const certificates = once(() =>
    readCertificates({ env, files: [...own, ...caFiles], texts: [...ca, ...caTexts] }),
  );
  const tls = once((): TlsOptions => {
    const { secureContext } = certificates();
    return { timeout: connectMs, ...(secureContext && { secureContext }) };
  });
  const connect = connector(undici, connectMs, tls);
  const open = (proxy: NetworkProxy | undefined): Dispatcher => {
    if (proxy === undefined) return new undici.Agent({ connect, connections });
    if (proxy.kind !== "http") {
      return new undici.Agent({ connect: throughSocks(proxy, connect, connectMs), connections });
    }
    return new undici.ProxyAgent({
      uri: proxy.url.href,
      ...authorization(proxy),
      requestTls: tls(),
      proxyTls: tls(),
      // Proxies often allow CONNECT only to port 443, so plain http requests use the absolute form.
      proxyTunnel: false,
      connections,
    });
  };
  const dispatchers = new Map<string, Dispatcher>();
  const choose = (url: URL, own?: Setting): NetworkProxy | undefined =>
    proxyFor(url, { env, settings, own });
  return {
    async get(url, { proxy: own, ...rest }) {
      const proxy = choose(url, own);
      const dispatcher = onceFor(dispatchers, JSON.stringify(proxy ?? "none"), () => open(proxy));
      const { origin, pathname, search } = url;
      return await dispatcher.request({ origin, path: pathname + search, method: "GET", ...rest });
    },
    proxyFor: choose,
    certificateProblems: () => certificates().problems(),
    async destroy() {
      await Promise.all([...dispatchers.values()].map((each) => each.destroy()));
    },
  };
}

/** Opens connections; the first one is followed by the compilation of undici's parser. */
function connector(undici: Undici, timeout: number, tls: () => TlsOptions): Connector {
  const plain = undici.buildConnector({ timeout });
  const encrypted = once(() => undici.buildConnector(tls()));
  const spare = once(spareOptimising);
  return (target, callback) => {
    const connected: typeof callback = (...result) => {
      if (result[0] === null) spare();
      callback(...result);
    };
    try {
      return (target.protocol === "https:" ? encrypted() : plain)(target, connected);
    } catch (error) {
      return callback(error as Error, null);
    }
  };
}

/**
 * undici's parser is one large WebAssembly function, which undici compiles when its first connection is open, in
 * this turn of the event loop. Optimising it would take 16 MB and 60 ms of CPU time, more than any download gains.
 * V8 rejects a code cache that was made with other flags, Node's own of its modules, too: so they change briefly, and
 * nothing is left to be compiled at its first call, which comes later.
 */
function spareOptimising(): void {
  setFlagsFromString("--no-wasm-dynamic-tiering");
  setFlagsFromString("--no-wasm-tier-up");
  setFlagsFromString("--no-wasm-lazy-compilation");
  setImmediate(() => {
    setFlagsFromString("--wasm-lazy-compilation");
    setFlagsFromString("--wasm-dynamic-tiering");
    setFlagsFromString("--wasm-tier-up");
  });
}

function authorization({ user, password }: NetworkProxy): { token?: string } {
  if (user === "" && password === "") return {};
  return { token: basicHeader(user, password).authorization };
}

type Undici = Pick<typeof import("undici"), "Agent" | "ProxyAgent" | "buildConnector">;
type TlsOptions = { readonly timeout: number } & Pick<Certificates, "secureContext">;

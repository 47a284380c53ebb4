import type { Env } from "../core/platform.ts";
import { isDirect } from "./no-proxy.ts";
import { decoded, named, type Setting, unquoted, wrongSetting } from "./setting.ts";

/** A supported proxy. */
export interface NetworkProxy {
  readonly kind: "http" | "socks4" | "socks5";
  /** Without credentials. */
  readonly url: URL;
  readonly user: string;
  readonly password: string;
  /** The name of the setting. */
  readonly setting: string;
}

/** npm's proxy settings; the environment overrides them. */
export interface ProxySettings {
  readonly proxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy?: string;
}

interface Question {
  readonly env: Env;
  readonly settings: ProxySettings;
  /** Overrides all others: apt's and pip's own proxies. The value `DIRECT` means none. */
  readonly own?: Setting | undefined;
}

/**
 * The proxy for a URL; undefined: no proxy. A setting is parsed only if it is needed. Throws a
 * UserError (`config`) if it is not a supported proxy.
 */
export function proxyFor(url: URL, { env, settings, own }: Question): NetworkProxy | undefined {
  if (own) return /^direct$/i.test(own.value.trim()) ? undefined : parseProxy(own);
  const setting = settingFor(url, env, settings);
  if (!setting || isDirect(url, unquoted(read(env, "no_proxy")?.value ?? settings.noProxy ?? ""))) {
    return undefined;
  }
  return parseProxy(setting);
}

function settingFor(url: URL, env: Env, settings: ProxySettings): Setting | undefined {
  const all = read(env, "all_proxy");
  const http = read(env, "http_proxy") ?? all;
  const https = read(env, "https_proxy") ?? all;
  const isHttps = url.protocol === "https:";
  if (http || https) return isHttps ? (https ?? http) : http;
  const proxy = named("npm's proxy", settings.proxy);
  const own = isHttps ? named("npm's https-proxy", settings.httpsProxy) : [];
  return [...own, ...proxy][0];
}

function read(env: Env, name: string): Setting | undefined {
  const upper = name.toUpperCase();
  return [...named(name, env[name]), ...named(upper, env[upper])][0];
}

const schemes: Readonly<Record<string, NetworkProxy["kind"]>> = {
  "http:": "http",
  "https:": "http",
  "socks:": "socks5",
  "socks5:": "socks5",
  "socks5h:": "socks5",
  "socks4:": "socks4",
  "socks4a:": "socks4",
};

/** As in curl and npm: the default scheme is http, and the path is ignored. */
function parseProxy(setting: Setting): NetworkProxy {
  const text = unquoted(setting.value);
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? text
    : `http://${text.replace(/^(https?:)?\/*/i, "")}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const right = "Write it as http://host:port, https://host:port or socks5://host:port.";
  if (/^pac\b/i.test(text) || /\.(pac|dat)$/i.test(url?.pathname ?? "")) {
    const what = "is a script that chooses a proxy (PAC), and such scripts are not run";
    throw wrongSetting(setting, what, `Set the proxy itself. ${right}`);
  }
  const kind = url && schemes[url.protocol];
  if (url === undefined) {
    const hint = `${right} In a user name or password, write @ as %40, / as %2F, # as %23, ? as %3F.`;
    throw wrongSetting(setting, "is not a proxy's URL", hint);
  }
  if (kind === undefined || url.hostname === "") {
    throw wrongSetting(setting, "is not a supported proxy", right);
  }
  const [user, password] = [decoded(url.username), decoded(url.password)];
  return { kind, url: withoutUser(url), user, password, setting: setting.name };
}

function withoutUser(url: URL): URL {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  return plain;
}

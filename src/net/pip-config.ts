import { join } from "node:path";
import { readSettingsFile } from "../io/input.ts";
import { netrcHeaders, parseNetrc, urlHeaders } from "./netrc.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { type Setting, unquoted, wrongSetting } from "./setting.ts";

/** What this machine's pip and uv are configured to do, as far as fetching wheels goes. */
export interface PipConfig {
  /** The indexes in the order in which they are asked, each ends with `/`; empty: none is named. */
  readonly indexes: readonly string[];
  /** The credentials for a URL: those of an index at the same origin, else the netrc's. */
  headersFor(url: string): Record<string, string>;
  /** pip's own proxy, where it has one; for requests to an index. */
  readonly through: { readonly proxy?: Setting };
  /** Its proxy, certificates and waiting, for a pip that is run without its files. */
  readonly environment: Readonly<Record<string, string>>;
}

type Env = Readonly<Record<string, string | undefined>>;
type Settings = Readonly<Record<string, string>>;

/**
 * Reads what pip and uv would: pip.conf of the machine, of the user, of an active environment, and
 * the one that PIP_CONFIG_FILE names, each over those before it; then the environment, in which uv's
 * names count where pip's do not stand. A file of the working directory is never read.
 *
 * @param home the user's home directory, absolute
 */
export async function readPipConfig(env: Env, home: string): Promise<PipConfig> {
  const settings = readFiles(env, home);
  const first = firstOf([
    named("PIP_INDEX_URL", env.PIP_INDEX_URL),
    named("UV_DEFAULT_INDEX", env.UV_DEFAULT_INDEX),
    named("UV_INDEX_URL", env.UV_INDEX_URL),
    named("pip's index-url", settings["index-url"]),
  ]);
  const more = [
    env.PIP_EXTRA_INDEX_URL === undefined
      ? named("pip's extra-index-url", settings["extra-index-url"])
      : named("PIP_EXTRA_INDEX_URL", env.PIP_EXTRA_INDEX_URL),
    named("UV_INDEX", env.UV_INDEX),
    named("UV_EXTRA_INDEX_URL", env.UV_EXTRA_INDEX_URL),
  ].flat();
  const noIndex = /^(1|true|yes|on)$/i.test(env.PIP_NO_INDEX ?? settings["no-index"] ?? "");
  const indexes = noIndex ? [] : [...new Set([...first, ...more].flatMap(asIndexes))];
  const netrc = parseNetrc(readSettingsFile(env.NETRC || join(home, ".netrc")));
  const {
    caFiles: [cert],
    waits: [wait],
  } = readPipSettings(env, home);
  const [proxy] = firstOf([
    named("PIP_PROXY", env.PIP_PROXY),
    named("pip's proxy", settings.proxy),
  ]);
  return {
    indexes,
    headersFor(text) {
      const url = new URL(text);
      const index = indexes
        .map((each) => new URL(each))
        .find(({ origin }) => origin === url.origin);
      const own = index ? urlHeaders(index) : {};
      return own.authorization === undefined ? netrcHeaders(netrc, url.hostname) : own;
    },
    through: proxy ? { proxy } : {},
    environment: {
      ...(proxy && { PIP_PROXY: proxy.value }),
      ...(cert && { PIP_CERT: cert.value }),
      ...(wait && { PIP_TIMEOUT: wait.value }),
    },
  };
}

/** What pip's files and variables say of certificates and of how long it waits. */
export function readPipSettings(
  env: Env,
  home: string,
): Required<Pick<NetworkSettings, "caFiles" | "waits">> {
  const settings = readFiles(env, home);
  const [wait] = firstOf([
    named("PIP_TIMEOUT", env.PIP_TIMEOUT),
    named("PIP_DEFAULT_TIMEOUT", env.PIP_DEFAULT_TIMEOUT),
    named("pip's timeout", settings.timeout ?? settings["default-timeout"]),
  ]);
  return {
    // The last two are what pip reads where it has no setting of its own.
    caFiles: firstOf([
      named("PIP_CERT", env.PIP_CERT),
      named("pip's cert", settings.cert),
      named("REQUESTS_CA_BUNDLE", env.REQUESTS_CA_BUNDLE),
      named("CURL_CA_BUNDLE", env.CURL_CA_BUNDLE),
    ]),
    waits: wait ? [{ ...wait, unit: 1000 }] : [],
  };
}

function readFiles(env: Env, home: string): Settings {
  // A file that is absent or another user's is no configuration of ours; pip goes on without, too.
  const read = pipFiles(env, home).map((file) => parsePipConf(readSettingsFile(file)));
  return Object.assign({}, ...read) as Settings;
}

function named(name: string, value: string | undefined): Setting[] {
  return value === undefined || unquoted(value) === "" ? [] : [{ name, value }];
}

function firstOf(settings: readonly Setting[][]): Setting[] {
  return settings.flat().slice(0, 1);
}

/** Reads pip.conf: sections `global`, then `install`; a value may go on in indented lines. */
export function parsePipConf(text: string): Settings {
  const sections: Record<string, Record<string, string>> = { global: {}, install: {} };
  let section: Record<string, string> | undefined;
  let key = "";
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const heading = /^\[([^\]]+)\]/.exec(line);
    const pair = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (heading) section = sections[heading[1] ?? ""];
    else if (/^\s/.test(line)) {
      if (section && key !== "") section[key] = `${section[key]} ${line.trim()}`.trim();
      continue;
    } else if (section && pair)
      section[pair[1]?.toLowerCase().replaceAll("_", "-") ?? ""] = pair[2] ?? "";
    key = heading ? "" : (pair?.[1]?.toLowerCase().replaceAll("_", "-") ?? "");
  }
  return { ...sections.global, ...sections.install };
}

/** pip's order, the last one speaks. Where PIP_CONFIG_FILE names a file, the user's is left out. */
function pipFiles(env: Env, home: string): string[] {
  const named = env.PIP_CONFIG_FILE;
  if (named === "/dev/null") return [];
  const dirs = (env.XDG_CONFIG_DIRS || "/etc/xdg").split(":").reverse();
  const machine = [...dirs.map((dir) => join(dir, "pip", "pip.conf")), "/etc/pip.conf"];
  const config = env.XDG_CONFIG_HOME || join(home, ".config");
  const user = named ? [] : [join(home, ".pip", "pip.conf"), join(config, "pip", "pip.conf")];
  const active = env.VIRTUAL_ENV ? [join(env.VIRTUAL_ENV, "pip.conf")] : [];
  return [...machine, ...user, ...active, ...(named ? [named] : [])];
}

/** Addresses between blank space; uv lets an index have a name: `internal=https://…`. */
function asIndexes({ name, value }: Setting): string[] {
  const words = unquoted(value).split(/\s+/);
  return words.map((word) => {
    const address = word.replace(/^[A-Za-z0-9_-]+=(?=https?:)/, "");
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url?.protocol === "https:" || url?.protocol === "http:") {
      return url.href.endsWith("/") ? url.href : `${url.href}/`;
    }
    throw wrongSetting(
      { name, value: word },
      "is not an http or https URL",
      "See `pip config list`, PIP_INDEX_URL, UV_DEFAULT_INDEX and UV_INDEX_URL; it looks like https://host/simple/.",
    );
  });
}

import { join } from "node:path";
import { parseLogins } from "../core/logins.ts";
import type { Env } from "../core/platform.ts";
import { isThere, orNothing } from "../io/files.ts";
import { readSettingsFile } from "../io/input.ts";
import { netrcHeaders, urlHeaders } from "./netrc.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { nearestTo, type PipIndexes, readPipIndexes } from "./pip-indexes.ts";
import { firstOf, named, type Setting } from "./setting.ts";

/** The pip and uv configuration of this machine, as far as it matters for downloading wheels. */
export interface PipConfig extends PipIndexes {
  /** The credentials for a URL: those of the nearest index, else the netrc's. */
  headersFor(url: string): Record<string, string>;
  /** pip's own proxy, if it has one; for requests to an index. */
  readonly through: { readonly proxy?: Setting };
  /**
   * Its indexes, proxy, certificates and timeouts, for a pip process that does not read its files.
   */
  readonly environment: Readonly<Record<string, string>>;
}

type Settings = Readonly<Record<string, string>>;

/**
 * Reads the configuration of pip and uv: pip.conf of the machine, of the user, of an active
 * environment, and the one that PIP_CONFIG_FILE names; each overrides those before it. Then the
 * environment, in which uv's names are used if pip's are not set. A file in the working directory
 * is never read.
 * @param home the user's home directory, absolute
 */
export async function readPipConfig(env: Env, home: string): Promise<PipConfig> {
  const settings = readFiles(env, home);
  const places = readPipIndexes(env, settings, home);
  const netrcFile = env.NETRC || join(home, ".netrc");
  const netrc = parseLogins(readSettingsFile(netrcFile));
  const {
    caFiles: [cert],
    waits: [wait],
  } = readPipSettings(env, home);
  const [proxy] = firstOf([
    named("PIP_PROXY", env.PIP_PROXY),
    named("pip's proxy", settings.proxy),
  ]);
  return {
    ...places,
    headersFor(text) {
      const url = new URL(text);
      const index = nearestTo(url, [...places.indexes, ...places.findLinks]);
      const own = index ? urlHeaders(index) : {};
      return own.authorization === undefined ? netrcHeaders(netrc, url.hostname) : own;
    },
    through: proxy ? { proxy } : {},
    environment: {
      ...indexVariables(places),
      NETRC: netrcFile,
      ...(proxy && { PIP_PROXY: proxy.value }),
      ...(cert && { PIP_CERT: cert.value }),
      ...(wait && { PIP_TIMEOUT: wait.value }),
    },
  };
}

/** pip's certificates and timeout, from its files and variables. */
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
    // pip reads the last two if it has no setting of its own.
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
  // An absent or unreadable file counts as empty; pip ignores it, too.
  const texts = pipFiles(env, home).map((file) => `[-]\n${readSettingsFile(file)}\n`);
  return parsePipConf(texts.join("")); // in any file, `install` overrides `global`
}

function indexVariables({ indexes, findLinks, isDefaultReplaced }: PipIndexes) {
  const [first, ...more] = isDefaultReplaced ? indexes : [undefined, ...indexes];
  return {
    ...(first === undefined ? {} : { PIP_INDEX_URL: first }),
    ...(more.length > 0 && { PIP_EXTRA_INDEX_URL: more.join(" ") }),
    ...(findLinks.length > 0 && { PIP_FIND_LINKS: findLinks.join(" ") }),
    ...(isDefaultReplaced && indexes.length === 0 && { PIP_NO_INDEX: "1" }),
  };
}

/**
 * Parses pip.conf: sections `global`, then `install`; indented lines continue a value; empty values
 * are ignored.
 */
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
    } else if (section && pair) section[keyOf(pair[1])] = pair[2] ?? "";
    key = heading ? "" : keyOf(pair?.[1]);
  }
  const entries = [sections.global, sections.install].flatMap((each) => Object.entries(each ?? {}));
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

function keyOf(text = ""): string {
  return text.toLowerCase().replaceAll("_", "-").replace(/^--/, "");
}

/** pip's order, the last one wins. If PIP_CONFIG_FILE names a file, the user's is left out. */
function pipFiles(env: Env, home: string): string[] {
  const file = env.PIP_CONFIG_FILE;
  const named = file && orNothing(() => isThere(file)) ? file : undefined;
  if (file === "/dev/null") return [];
  const dirs = (env.XDG_CONFIG_DIRS || "/etc/xdg").split(":").reverse();
  const machine = [...dirs.map((dir) => join(dir, "pip", "pip.conf")), "/etc/pip.conf"];
  const config = env.XDG_CONFIG_HOME || join(home, ".config");
  const user = named ? [] : [join(home, ".pip", "pip.conf"), join(config, "pip", "pip.conf")];
  const active = env.VIRTUAL_ENV ? [join(env.VIRTUAL_ENV, "pip.conf")] : [];
  return [...machine, ...user, ...active, ...(named ? [named] : [])];
}

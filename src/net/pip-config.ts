import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { readSettingsFile } from "../io/input.ts";
import { netrcHeaders, parseNetrc, urlHeaders } from "./netrc.ts";

/** What this machine's pip and uv are configured to do, as far as fetching wheels goes. */
export interface PipConfig {
  /** The indexes in the order in which they are asked, each ends with `/`; empty: none is named. */
  readonly indexes: readonly string[];
  /** The credentials for a URL: those of an index at the same origin, else the netrc's. */
  headersFor(url: string): Record<string, string>;
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
  let settings: Settings = {};
  for (const file of pipFiles(env, home)) {
    settings = { ...settings, ...parsePipConf(await readText(file)) };
  }
  const first =
    env.PIP_INDEX_URL || env.UV_DEFAULT_INDEX || env.UV_INDEX_URL || settings["index-url"];
  const more = [
    env.PIP_EXTRA_INDEX_URL ?? settings["extra-index-url"],
    env.UV_INDEX,
    env.UV_EXTRA_INDEX_URL,
  ].flatMap((text) => (text ?? "").split(/\s+/));
  const noIndex = /^(1|true|yes|on)$/i.test(env.PIP_NO_INDEX ?? settings["no-index"] ?? "");
  const named = noIndex ? [] : [first ?? "", ...more].filter((text) => text !== "");
  const indexes = [...new Set(named.map(asIndex))];
  const netrc = parseNetrc(await readText(env.NETRC || join(home, ".netrc")));
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
  };
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

/** uv lets an index have a name: `internal=https://…`. */
function asIndex(text: string): string {
  const address = text.replace(/^[A-Za-z0-9_-]+=(?=https?:)/, "");
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") {
    return url.href.endsWith("/") ? url.href : `${url.href}/`;
  }
  throw new UserError("config", "a Python index that is configured is not an http or https URL", {
    hint: "See `pip config list`, PIP_INDEX_URL, UV_DEFAULT_INDEX and UV_INDEX_URL.",
  });
}

async function readText(file: string): Promise<string> {
  // A file that is absent or another user's is no configuration of ours; pip goes on without, too.
  return readSettingsFile(file);
}

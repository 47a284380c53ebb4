import { join, resolve } from "node:path";
import { parseLogins } from "../core/logins.ts";
import type { Env } from "../core/platform.ts";
import { realpath } from "../io/disk.ts";
import { tolerate } from "../io/files.ts";
import { readSettingsFile } from "../io/input.ts";
import { netrcHeaders, urlHeaders } from "./netrc.ts";
import { unquoted, wrongSetting } from "./setting.ts";

/** The go configuration of this machine, as far as it matters for downloading modules. */
export interface GoConfig {
  /** Settings for a go process: only those that are set. */
  readonly settings: Readonly<Record<string, string>>;
  /**
   * The module proxies in order; empty if none is named. Throws a UserError (`config`) if GOPROXY
   * names some and none of them can be used.
   */
  readonly proxies: readonly GoProxy[];
  /** The credentials for a URL: its own, else the netrc's. */
  headersFor(url: string): Record<string, string>;
  /** The path of the netrc, for a go process with another home. */
  readonly netrc: string;
}

interface GoProxy {
  /** Ends with `/`. */
  readonly url: string;
  /** Whether the next proxy is tried after any failure (`|`), or only after a 404 or 410. */
  readonly fallsThrough: boolean;
}

const names = ["GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GONOPROXY", "GOINSECURE"] as const;

/**
 * Reads go's configuration as `go env` does: the toolchain's own go.env, the user's (GOENV), the
 * environment; each overrides those before it.
 * @param home the user's home directory, absolute
 * @param go the machine's go, absolute; undefined if it has none
 */
export async function readGoConfig(
  env: Env,
  home: string,
  go: string | undefined,
): Promise<GoConfig> {
  const root = go && resolve((await tolerate(realpath(go))) ?? go, "../..");
  const shipped = root ? parseGoEnv(readSettingsFile(join(root, "go.env"))) : {};
  const file = env.GOENV || join(env.XDG_CONFIG_HOME || join(home, ".config"), "go", "env");
  const own = file === "off" ? {} : parseGoEnv(readSettingsFile(file));
  const all: Env = { ...shipped, ...own, ...withoutEmpty(env) };
  const settings = Object.fromEntries(
    names.flatMap((name) => (all[name] ? [[name, all[name]]] : [])),
  );
  const netrc = env.NETRC || join(home, ".netrc");
  const logins = parseLogins(readSettingsFile(netrc));
  return {
    settings,
    get proxies() {
      return proxiesOf(settings.GOPROXY ?? "");
    },
    netrc,
    headersFor(text) {
      const url = new URL(text);
      const proper = urlHeaders(url);
      return proper.authorization === undefined ? netrcHeaders(logins, url.hostname) : proper;
    },
  };
}

/** `NAME=value` lines and `#` comments. */
function parseGoEnv(text: string): Record<string, string> {
  const found = [...text.matchAll(/^\s*(GO[A-Z0-9_]*)\s*=\s*(.*?)\s*$/gm)];
  return Object.fromEntries(found.map(([, name = "", value = ""]) => [name, value]));
}

/**
 * `direct` and `off` name no proxy; without one, modules would come from version control. After
 * `off` go tries no other.
 */
function proxiesOf(goproxy: string): GoProxy[] {
  const all = [...unquoted(goproxy).matchAll(/([^,|]+)([,|]?)/g)];
  const end = all.findIndex(([, text]) => text?.trim() === "off");
  const parts = end === -1 ? all : all.slice(0, end + 1);
  const proxies = parts.flatMap(([, text = "", mark]) => {
    const url = text.trim().replace(/\/*$/, "/");
    const isWeb = /^https?:\/\//.test(url) && URL.canParse(url);
    return isWeb ? [{ url, fallsThrough: mark === "|" }] : [];
  });
  if (parts.length === 0 || proxies.length > 0) return proxies;
  throw wrongSetting(
    { name: "GOPROXY", value: goproxy },
    "has no http or https module proxy, and modules are fetched only from one",
    "Set GOPROXY to a proxy's URL, such as https://host/path.",
  );
}

function withoutEmpty(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
}

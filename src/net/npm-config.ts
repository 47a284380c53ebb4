import { constants } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Env } from "../core/platform.ts";
import { access, realpath } from "../io/disk.ts";
import { readSettingsFile } from "../io/input.ts";
import { urlHeaders } from "./netrc.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { parseNpmrc, type Settings, settingsOfEnv } from "./npmrc.ts";
import { unquoted, withSlash, wrongSetting } from "./setting.ts";

/** The npm configuration of this machine, as far as it matters for downloading packages. */
export interface NpmConfig {
  /** The registry of a package, by its scope; ends with `/`. */
  registryFor(packageName: string): string;
  /**
   * The credentials that npm would send to exactly this URL. `registry`: the one that named the
   * URL; its credentials also apply to other paths of the same host.
   */
  headersFor(url: string, registry?: string): Record<string, string>;
  /** True if this host in a registry's document means the registry itself. */
  isReplacedHost(url: URL): boolean;
  /** npm's default registry; ends with `/`. */
  readonly defaultRegistry: string;
  /** Proxies, certificates and timeouts. */
  readonly network: NetworkSettings;
}

/**
 * Reads npm's configuration: defaults, global, user, environment; each overrides those before it. A
 * project's .npmrc is never read: the working directory belongs to an agent, and its file could
 * redirect our requests, with the operator's tokens.
 *
 * The files are not read with @pnpm/npm-conf, which ignores a whole file, with its registry, if a
 * `${NAME}` in it is not set; npm keeps the rest.
 *
 * @param home the user's home directory, absolute
 */
export async function readNpmConfig(env: Env, home: string): Promise<NpmConfig> {
  const defaults = await npmDefaults();
  const settings = await readAll(env, home, defaults.globalconfig);
  const authToken = (await import("registry-auth-token")).default;
  const defaultRegistry = asRegistry("registry", defaults.registry);
  const scoped = onlyScopedCredentials(settings);
  return {
    defaultRegistry,
    registryFor(packageName) {
      const scoped = `${packageName.split("/")[0]}:registry`;
      const key = packageName.startsWith("@") && settings[scoped] ? scoped : "registry";
      return asRegistry(key, settings[key] || defaultRegistry);
    },
    headersFor(url, registry) {
      for (const place of placesOf(url, registry)) {
        const found = authToken(place, { recursive: true, npmrc: scoped });
        if (found) return { authorization: `${found.type} ${found.token}` };
        const own = urlHeaders(new URL(place));
        if (own.authorization !== undefined) return own;
      }
      return {};
    },
    isReplacedHost({ host, hostname }) {
      const setting = settings["replace-registry-host"] || "npmjs";
      if (setting === "never" || setting === "always") return setting === "always";
      const replaced = setting === "npmjs" ? new URL(defaultRegistry).host : setting;
      return replaced === host || replaced === hostname;
    },
    network: networkSettings(settings, home),
  };
}

async function npmDefaults(): Promise<{ registry: string; globalconfig: string }> {
  // @ts-expect-error the package has no types
  const npmConf = await import("@pnpm/npm-conf");
  return npmConf.default.defaults;
}

async function readAll(env: Env, home: string, defaultGlobal: string): Promise<Settings> {
  const fromEnv = settingsOfEnv(env);
  const user = readSettings(fromEnv.userconfig ?? join(home, ".npmrc"), env);
  const npm = await findNpm(env);
  const builtin = npm === undefined ? {} : readSettings(npm.builtin, env);
  const before = { ...builtin, ...user, ...fromEnv };
  const prefix = before.prefix ?? npm?.prefix;
  const global =
    before.globalconfig ?? (prefix === undefined ? defaultGlobal : resolve(prefix, "etc/npmrc"));
  return { ...builtin, ...readSettings(global, env), ...user, ...fromEnv };
}

function readSettings(file: string, env: Env): Settings {
  // An absent or unreadable file counts as empty; npm ignores it, too.
  return parseNpmrc(readSettingsFile(file), env);
}

/** npm's own files are beside it; the Node that runs this may be one of the volume. */
async function findNpm(env: Env): Promise<{ builtin: string; prefix: string } | undefined> {
  for (const directory of (env.PATH ?? "").split(":")) {
    const npm = join(directory, "npm");
    if (!directory.startsWith("/") || !(await isProgram(npm))) continue;
    const program = await realpath(npm); // npm/bin/npm-cli.js
    return { builtin: resolve(program, "../../npmrc"), prefix: resolve(directory, "..") };
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** A token without a host (`_auth=…`) would be sent to every server; current npm rejects it. */
function onlyScopedCredentials(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => key.startsWith("//")));
}

/** The places whose credentials a URL gets; none of an https registry if the URL is plain http. */
function placesOf(url: string, registry = url): string[] {
  const [asked, named] = [new URL(url), new URL(registry)];
  if (asked.hostname !== named.hostname) return [url];
  if (asked.protocol === "http:" && named.protocol === "https:") return [];
  return asked.host === named.host ? [url, registry] : [url];
}

function asRegistry(key: string, value: string): string {
  const text = unquoted(value);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") {
    return withSlash(url);
  }
  throw wrongSetting(
    { name: `npm's ${key}`, value },
    "is not an http or https URL",
    `See \`npm config get ${key}\`, npm_config_registry and ~/.npmrc; it looks like https://host/path/.`,
  );
}

function networkSettings(settings: Settings, home: string): NetworkSettings {
  const { cafile, ca, proxy, "https-proxy": httpsProxy, noproxy: noProxy } = settings;
  const { "fetch-timeout": wait, "fetch-retries": retries } = settings;
  const file = isSet(cafile) ? resolve(home, cafile.replace(/^~\//, "")) : undefined;
  return {
    ...(file === undefined ? {} : { caFiles: [{ name: "npm's cafile", value: file }] }),
    // An .npmrc has it in one line, in which \
    // means a line break.
    ...(isSet(ca) ? { caTexts: [ca.replaceAll("\\n", "\n")] } : {}),
    ...(isSet(wait) ? { waits: [{ name: "npm's fetch-timeout", value: wait, unit: 1 }] } : {}),
    ...(isSet(retries) ? { retries } : {}),
    ...(isSet(proxy) ? { proxy } : {}),
    ...(isSet(httpsProxy) ? { httpsProxy } : {}),
    ...(isSet(noProxy) ? { noProxy } : {}),
  };
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && !/^(|null|false|undefined)$/.test(text);
}

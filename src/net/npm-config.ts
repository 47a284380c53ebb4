import { access, constants, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { readSettingsFile } from "../io/input.ts";
import type { NetworkSettings } from "./agent.ts";
import { parseNpmrc, type Settings, settingsOfEnv } from "./npmrc.ts";

/** What this machine's npm is configured to do, as far as fetching packages goes. */
export interface NpmConfig extends NetworkSettings {
  /** The registry of a package, by its scope; ends with `/`. */
  registryFor(packageName: string): string;
  /** The credentials that npm would send to this URL, and to no other. */
  headersFor(url: string): Record<string, string>;
  /** The registry of an npm that nobody configured; ends with `/`. */
  readonly defaultRegistry: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads npm's configuration: defaults, global, user, environment, each over those before it. A
 * project's .npmrc is never read: the working directory belongs to an agent, and its file could send
 * our requests, with the operator's tokens, anywhere.
 *
 * The files are read here and not by @pnpm/npm-conf, which drops a whole file, its
 * registry too, where a `${NAME}` in it is not set; npm keeps the rest.
 *
 * @param home the user's home directory, absolute
 */
export async function readNpmConfig(env: Env, home: string): Promise<NpmConfig> {
  const defaults = await npmDefaults();
  const settings = await readAll(env, home, defaults.globalconfig);
  const authToken = (await import("registry-auth-token")).default;
  const defaultRegistry = asRegistry(defaults.registry);
  const scoped = onlyScopedCredentials(settings);
  return {
    defaultRegistry,
    registryFor(packageName) {
      const scope = packageName.startsWith("@") ? packageName.split("/")[0] : undefined;
      const own = scope === undefined ? undefined : settings[`${scope}:registry`];
      return asRegistry(own ?? settings.registry ?? defaultRegistry);
    },
    headersFor(url) {
      const found = authToken(url, { recursive: true, npmrc: scoped });
      return found === undefined ? {} : { authorization: `${found.type} ${found.token}` };
    },
    ...networkSettings(settings, home),
  };
}

async function npmDefaults(): Promise<{ registry: string; globalconfig: string }> {
  // @ts-expect-error the package has no types
  const npmConf = await import("@pnpm/npm-conf");
  return npmConf.default.defaults;
}

async function readAll(env: Env, home: string, defaultGlobal: string): Promise<Settings> {
  const fromEnv = settingsOfEnv(env);
  const user = await readSettings(fromEnv.userconfig ?? join(home, ".npmrc"), env);
  const npm = await findNpm(env);
  const builtin = npm === undefined ? {} : await readSettings(npm.builtin, env);
  const before = { ...builtin, ...user, ...fromEnv };
  const prefix = before.prefix ?? npm?.prefix;
  const global =
    before.globalconfig ?? (prefix === undefined ? defaultGlobal : resolve(prefix, "etc/npmrc"));
  return { ...builtin, ...(await readSettings(global, env)), ...user, ...fromEnv };
}

async function readSettings(file: string, env: Env): Promise<Settings> {
  // A file that is absent or another user's is no configuration of ours; npm goes on without, too.
  const text = readSettingsFile(file);
  return parseNpmrc(text, env);
}

/** npm's own files lie beside it; the Node that runs this may be one of ours, far from them. */
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

/** A token without a host (`_auth=…`) would go to every server; npm itself refuses it today. */
function onlyScopedCredentials(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => key.startsWith("//")));
}

function asRegistry(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") {
    return url.href.endsWith("/") ? url.href : `${url.href}/`;
  }
  throw new UserError("config", "the npm registry that is configured is not an http or https URL", {
    hint: "See `npm config get registry`, NPM_CONFIG_REGISTRY and ~/.npmrc.",
  });
}

function networkSettings(settings: Settings, home: string): NetworkSettings {
  const { cafile, proxy, "https-proxy": httpsProxy, noproxy: noProxy } = settings;
  return {
    ...(isSet(cafile) ? { cafile: resolve(home, cafile.replace(/^~\//, "")) } : {}),
    ...(isSet(proxy) ? { proxy } : {}),
    ...(isSet(httpsProxy) ? { httpsProxy } : {}),
    ...(isSet(noProxy) ? { noProxy } : {}),
  };
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "" && text !== "null" && text !== "false";
}

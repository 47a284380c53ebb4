import { join } from "node:path";
import { parseLogins } from "../core/logins.ts";
import { once } from "../core/once.ts";
import type { Env } from "../core/platform.ts";
import { readSettingsFile } from "../io/input.ts";
import { type CredentialsFor, createHttp, type Http, type HttpOptions } from "./http.ts";
import { netrcHeaders } from "./netrc.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { type NpmConfig, readNpmConfig } from "./npm-config.ts";
import { readPipSettings } from "./pip-config.ts";

/** The network with the machine's own proxies, certificates, credentials and registries. */
export interface MachineHttp {
  readonly http: Http;
  readonly npm: () => Promise<NpmConfig>;
}

/** Reads settings at the first request. The caller closes `http`. */
export function machineHttp(
  { env, home }: Pick<HttpOptions, "env"> & { readonly home: string },
  { mirrors, offline, onDetail }: Pick<HttpOptions, "mirrors" | "offline" | "onDetail">,
): MachineHttp {
  const npm = once(() => readNpmConfig(env, home));
  const http = createHttp({
    env,
    mirrors,
    offline,
    settings: () => readNetworkSettings(env, home, npm),
    credentials: readCredentials(env, home, npm),
    ...(onDetail && { onDetail }),
  });
  return { http, npm };
}

/** The settings of npm and pip; absent or unreadable files count as empty. */
async function readNetworkSettings(
  env: Env,
  home: string,
  npm: () => Promise<NpmConfig>,
): Promise<NetworkSettings> {
  const { network } = await npm();
  const pip = readPipSettings(env, home);
  return {
    ...network,
    caFiles: [...(network.caFiles ?? []), ...pip.caFiles],
    waits: [...(network.waits ?? []), ...pip.waits],
  };
}

/**
 * The credentials of this machine for single files: netrc's login for the host, else those that npm
 * would send to this URL. netrc's `default` does not count, because recipes name any host.
 *
 * @param home the user's home directory, absolute
 */
function readCredentials(env: Env, home: string, npm: () => Promise<NpmConfig>): CredentialsFor {
  const netrc = once(() => {
    const logins = parseLogins(readSettingsFile(env.NETRC || join(home, ".netrc")));
    return logins.filter(({ machine }) => machine !== "*");
  });
  return async (url) => {
    const found = netrcHeaders(netrc(), url.hostname);
    return found.authorization === undefined ? (await npm()).headersFor(url.href) : found;
  };
}

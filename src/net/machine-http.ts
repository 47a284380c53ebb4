import { once } from "../core/once.ts";
import { readCredentials } from "./credentials.ts";
import { createHttp, type Http, type HttpOptions } from "./http.ts";
import { readNetworkSettings } from "./network-settings.ts";
import { type NpmConfig, readNpmConfig } from "./npm-config.ts";

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

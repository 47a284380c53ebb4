import { join } from "node:path";
import { parseLogins } from "../core/logins.ts";
import { once } from "../core/once.ts";
import { readSettingsFile } from "../io/input.ts";
import { netrcHeaders } from "./netrc.ts";
import type { NpmConfig } from "./npm-config.ts";

/** The header for a single file; empty if there are no credentials for it. */
export type CredentialsFor = (url: URL) => Promise<Record<string, string>>;

/**
 * The credentials of this machine for single files: netrc's login for the host, else those that npm
 * would send to this URL. netrc's `default` does not count, because recipes name any host.
 *
 * @param home the user's home directory, absolute
 */
export function readCredentials(
  env: Readonly<Record<string, string | undefined>>,
  home: string,
  npm: () => Promise<NpmConfig>,
): CredentialsFor {
  const netrc = once(() => {
    const logins = parseLogins(readSettingsFile(env.NETRC || join(home, ".netrc")));
    return logins.filter(({ machine }) => machine !== "*");
  });
  return async (url) => {
    const found = netrcHeaders(netrc(), url.hostname);
    return found.authorization === undefined ? (await npm()).headersFor(url.href) : found;
  };
}

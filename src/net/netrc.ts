import type { Login } from "../core/logins.ts";
import { decoded } from "./setting.ts";

/** The header for a host from a netrc; empty if it has no password for the host. */
export function netrcHeaders(logins: readonly Login[], host: string): Record<string, string> {
  const usable = logins.filter(({ password }) => password !== undefined);
  const found =
    usable.find(({ machine }) => machine.toLowerCase() === host.toLowerCase()) ??
    usable.find(({ machine }) => machine === "*");
  return found ? basicHeader(found.login, found.password ?? "") : {};
}

/** The header for the name and password in a URL. */
export function urlHeaders(url: URL): Record<string, string> {
  if (url.username === "") return {};
  return basicHeader(decoded(url.username), decoded(url.password));
}

/** For HTTP's Basic authentication. */
export function basicHeader(login: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${login}:${password}`).toString("base64")}` };
}

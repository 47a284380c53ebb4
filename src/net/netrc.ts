import { decoded } from "./setting.ts";

/** A login for a host in a netrc file. */
interface Login {
  readonly login: string;
  readonly password: string;
}

/**
 * Parses a netrc: `machine HOST login NAME password SECRET`, in any layout, and `default`. Macros
 * and incomplete entries are skipped. The host `*` means `default`.
 */
export function parseNetrc(text: string): ReadonlyMap<string, Login> {
  const words = text
    .replace(/^\s*macdef\b[\s\S]*?(\n\s*\n|$(?![\s\S]))/gm, "\n")
    .replace(/(^|\s)#.*$/gm, " ")
    .split(/\s+/);
  const logins = new Map<string, Login>();
  let host: string | undefined;
  let login: string | undefined;
  for (let i = 0; i < words.length; i += 1) {
    const next = words[i + 1] ?? "";
    if (words[i] === "machine" || words[i] === "default") {
      host = words[i] === "default" ? "*" : next.toLowerCase();
      login = undefined;
    } else if (words[i] === "login") login = next;
    else if (words[i] === "password" && host !== undefined && !logins.has(host)) {
      logins.set(host, { login: login ?? "", password: next });
    } else continue;
    if (words[i] !== "default") i += 1;
  }
  return logins;
}

/** The header for a host from a netrc; empty if it has no login for the host. */
export function netrcHeaders(
  logins: ReadonlyMap<string, Login>,
  host: string,
): Record<string, string> {
  const found = logins.get(host.toLowerCase()) ?? logins.get("*");
  return found ? basicHeader(found.login, found.password) : {};
}

/** The header for the name and password in a URL. */
export function urlHeaders(url: URL): Record<string, string> {
  if (url.username === "") return {};
  return basicHeader(decoded(url.username), decoded(url.password));
}

export function basicHeader(login: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${login}:${password}`).toString("base64")}` };
}

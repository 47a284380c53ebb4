/** A login of a netrc or of apt's auth.conf. */
export interface Login {
  /** As written: a host, for apt `[SCHEME://]HOST[:PORT][/PATH]`; `*` for `default`. */
  readonly machine: string;
  readonly login: string;
  /** Undefined if the entry has none. */
  readonly password: string | undefined;
}

/**
 * Parses a netrc or an auth.conf: `machine WHERE login NAME password SECRET` in any layout,
 * `default`, and `#` comments. Macros are skipped.
 */
export function parseLogins(text: string): Login[] {
  const words = text
    .replace(/^\s*macdef\b[\s\S]*?(\n\s*\n|$(?![\s\S]))/gm, "\n")
    .replace(/(^|\s)#.*$/gm, " ")
    .split(/\s+/)
    .filter(Boolean);
  const logins: { machine: string; login: string; password: string | undefined }[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const [word, next = ""] = [words[i], words[i + 1]];
    const last = logins.at(-1);
    if (word === "default") {
      logins.push({ machine: "*", login: "", password: undefined });
      continue;
    }
    if (word === "machine") logins.push({ machine: next, login: "", password: undefined });
    else if ((word === "login" || word === "password") && last) last[word] = next;
    else continue;
    i += 1;
  }
  return logins;
}

/**
 * The first login for a URL, by apt's rules: without a scheme only https matches, so that no
 * password is sent in clear text; without a port any port matches; a path is a prefix.
 */
export function aptLoginFor(url: URL, logins: readonly Login[]): Login | undefined {
  return logins.find(({ machine }) => {
    const [, scheme = "https", where = ""] = /^(?:([a-z0-9+.-]+):\/\/)?(.*)$/i.exec(machine) ?? [];
    if (`${scheme.toLowerCase()}:` !== url.protocol) return false;
    const slash = where.includes("/") ? where.indexOf("/") : where.length;
    const [host, path] = [where.slice(0, slash).toLowerCase(), where.slice(slash)];
    // URL drops the default port of its scheme.
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    const isHost = host === url.host || host === `${url.hostname}:${port}`;
    const isAnyPort = path === "" && host === url.hostname;
    return (isHost || isAnyPort) && url.pathname.startsWith(path);
  });
}

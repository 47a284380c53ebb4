/** A source that apt gets packages from. */
export interface AptSource {
  /** Without a trailing slash. */
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Absolute paths of the keyrings that the source names. */
  readonly signedBy: readonly string[];
}

/** Reads a one-line-style file (`*.list`). Comments and unknown lines are skipped. */
export function parseSourcesList(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) return [];
    const [, options = "", uri = "", suite = "", components = ""] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1]?.split(",") ?? [];
    return [toSource(uri, suite, words(components), signedBy)];
  });
}

/** Reads a deb822-style file (`*.sources`). Disabled stanzas are skipped. */
export function parseSourcesStanzas(text: string): AptSource[] {
  return parseStanzas(text).flatMap((stanza) => {
    const field = (name: string): string[] => words(stanza.get(name) ?? "");
    if (!field("types").includes("deb") || /^(no|false)$/i.test(field("enabled")[0] ?? "")) {
      return [];
    }
    return field("uris").flatMap((uri) =>
      field("suites").map((suite) => toSource(uri, suite, field("components"), field("signed-by"))),
    );
  });
}

/**
 * Reads stanzas of `Name: value` lines, the format of Debian's sources, indexes and releases. Names
 * become lower case; a line that begins with a blank continues the value before it.
 */
export function parseStanzas(text: string): ReadonlyMap<string, string>[] {
  const stanzas: Map<string, string>[] = [];
  for (const block of text.split(/\n[ \t]*\n/)) {
    const stanza = new Map<string, string>();
    let name = "";
    for (const line of block.split("\n")) {
      if (line.startsWith("#")) continue;
      if (/^[ \t]/.test(line)) {
        stanza.set(name, `${stanza.get(name) ?? ""}\n${line.trim()}`);
        continue;
      }
      const colon = line.indexOf(":");
      if (colon <= 0) continue;
      name = line.slice(0, colon).toLowerCase();
      stanza.set(name, line.slice(colon + 1).trim());
    }
    stanza.delete("");
    if (stanza.size > 0) stanzas.push(stanza);
  }
  return stanzas;
}

/** apt's settings by their lower-case names (`acquire::http::proxy`); a later one overrides. */
export type AptSettings = ReadonlyMap<string, string>;

/** Reads a configuration file of apt: `A::B "c";` and `A { B "c"; };`, with comments. */
export function parseAptSettings(text: string): AptSettings {
  const settings = new Map<string, string>();
  const scopes: string[] = [];
  let name = "";
  const tokens = /\/\/[^\n]*|#(?!clear)[^\n]*|\/\*[\s\S]*?\*\/|"([^"\n]*)"|([{};])|([^\s"{};]+)/g;
  for (const [, quoted, mark, word] of text.matchAll(tokens)) {
    const path = [...scopes, name].filter(Boolean).join("::").toLowerCase();
    if (quoted !== undefined && path !== "") settings.set(path, quoted);
    else if (mark === "{") scopes.push(name);
    else if (mark === "}") scopes.pop();
    else if (word !== undefined && name !== "") settings.set(path, word);
    if (mark !== undefined) name = "";
    else if (word !== undefined && name === "") name = word;
  }
  return settings;
}

/**
 * The proxy that apt would use for a URL, with the name of the setting; the value `DIRECT` means no
 * proxy. Undefined if apt has no setting for it.
 */
export function aptProxyFor(
  url: URL,
  settings: AptSettings,
): { name: string; value: string } | undefined {
  const scheme = url.protocol.slice(0, -1);
  const schemes = scheme === "https" ? ["https", "http"] : [scheme];
  const names = schemes.flatMap((each) => [
    `Acquire::${each}::Proxy::${url.hostname}`,
    `Acquire::${each}::Proxy`,
  ]);
  for (const name of names) {
    const value = settings.get(name.toLowerCase());
    if (value) return { name: `apt's ${name}`, value };
  }
  return undefined;
}

function toSource(
  uri: string,
  suite: string,
  components: readonly string[],
  signedBy: readonly string[],
): AptSource {
  const keyrings = signedBy.filter((path) => path.startsWith("/"));
  return { uri: uri.replace(/\/+$/, ""), suite, components, signedBy: keyrings };
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}

import type { Env } from "../core/platform.ts";

/** npm's settings by name, as text. */
export type Settings = Readonly<Record<string, string>>;

/**
 * Parses an .npmrc: `name = value` lines, `;` and `#` comments, quoted values, and `${NAME}` from
 * the environment (`${NAME?}`: empty if it is not set). A value with an unset variable is dropped,
 * because a literal `${NAME}` would be a wrong token. The values of a list (`ca[] = …`) are joined,
 * one per line. Sections are ignored.
 */
export function parseNpmrc(text: string, env: Env): Settings {
  const settings: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*([^;#=\s[][^=]*?)\s*=\s*(.*?)\s*$/.exec(line);
    if (!match?.[1]) continue;
    const key = expand(match[1], env);
    const value = expand(unquote(match[2] ?? ""), env);
    if (key === undefined || value === undefined) continue;
    const list = key.endsWith("[]") ? key.slice(0, -2) : undefined;
    if (list === undefined) settings[key] = value;
    else settings[list] = settings[list] === undefined ? value : `${settings[list]}\n${value}`;
  }
  return settings;
}

/**
 * Reads `npm_config_*` from an environment, in any case. As in npm, `_` means `-`, except the first
 * one and in names that begin with `//`.
 */
export function settingsOfEnv(env: Env): Settings {
  const settings: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (!/^npm_config_/i.test(name) || !value) continue;
    const key = name.slice("npm_config_".length);
    settings[key.startsWith("//") ? key : key.replace(/(?!^)_/g, "-").toLowerCase()] = value;
  }
  return settings;
}

function unquote(text: string): string {
  const quoted = /^"(.*)"$|^'(.*)'$/.exec(text);
  if (quoted) return quoted[1] ?? quoted[2] ?? "";
  return text
    .replace(/(?<!\\)[;#].*$/, "")
    .replace(/\\([;#])/g, "$1")
    .trim();
}

function expand(text: string, env: Env): string | undefined {
  let complete = true;
  const expanded = text.replace(
    /\$\{([^}?]+)(\?)?\}/g,
    (_whole, name: string, optional?: string) => {
      const value = env[name];
      if (value === undefined && optional === undefined) complete = false;
      return value ?? "";
    },
  );
  return complete ? expanded : undefined;
}

/** npm's settings by name, as text. */
export type Settings = Readonly<Record<string, string>>;

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the text of an .npmrc: `name = value` lines, `;` and `#` comments, values in quotes, and
 * `${NAME}` of the environment (`${NAME?}`: empty where it is not set). A value whose name is not set
 * is dropped, alone: sent as it stands, it would be a wrong token. The values of a list (`ca[] = …`) are
 * put together, a line each. Sections are not ours.
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
 * Reads `npm_config_*` of an environment, in any case. npm's own rule for names: `_` stands for `-`,
 * but for the first one and in names that begin with `//`.
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

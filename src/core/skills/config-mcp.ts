import type { Fields } from "../values.ts";
import type { Reader } from "./config-reader.ts";
import type { McpDeclaration } from "./mcp.ts";
import type { PluginsConfig } from "./plugins.ts";

/** `mcp.servers` of openclaw.json, by name. */
export function readServers(read: Reader, mcp: Fields): Map<string, McpDeclaration> {
  const found = new Map<string, McpDeclaration>();
  const servers = read.fields(mcp.servers, "mcp.servers");
  for (const name of Object.keys(servers)) {
    const key = `mcp.servers.${name}`;
    const { command, enabled } = read.fields(servers[name], key);
    const isDisabled = read.flag(enabled, `${key}.enabled`) === false;
    const text = command === undefined ? "" : read.text(command, `${key}.command`);
    found.set(name, { ...(text?.trim() && { command: text }), isDisabled });
  }
  return found;
}

/** `plugins` of openclaw.json. */
export function readPlugins(read: Reader, plugins: Fields): PluginsConfig {
  const load = read.fields(plugins.load, "plugins.load");
  const entries = read.fields(plugins.entries, "plugins.entries");
  const ids = (key: "allow" | "deny") =>
    (read.texts(plugins[key], `plugins.${key}`) ?? []).map((id) => id.toLowerCase());
  const found = new Map<string, boolean>();
  for (const id of Object.keys(entries)) {
    const key = `plugins.entries.${id}`;
    const enabled = read.flag(read.fields(entries[id], key).enabled, `${key}.enabled`);
    if (enabled !== undefined) found.set(id.trim().toLowerCase(), enabled);
  }
  return {
    enabled: read.flag(plugins.enabled, "plugins.enabled") ?? true,
    allow: ids("allow"),
    deny: ids("deny"),
    paths: read.texts(load.paths, "plugins.load.paths") ?? [],
    entries: found,
  };
}

import { basename } from "node:path";
import { plainFields, trimmed } from "../values.ts";
import { declaredServers, type McpDeclaration } from "./mcp.ts";

/** `plugins` of openclaw.json, as far as it decides which plugins' MCP servers are started. */
export interface PluginsConfig {
  readonly enabled: boolean;
  /** Ids, in lower case; empty: all. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** As written; `~` is not expanded. */
  readonly paths: readonly string[];
  /** `plugins.entries.<id>.enabled`, if set; ids in lower case. */
  readonly entries: ReadonlyMap<string, boolean>;
}

/** Where a plugin was found: one in a workspace must be enabled by name. */
export type PluginOrigin = "config" | "workspace" | "global";

/** A file of a plugin's directory that declares MCP servers, or says where they are declared. */
export interface PluginFiles {
  /** Undefined if there is no such file, or it is not JSON5. */
  read(name: string): unknown;
  has(name: string): boolean;
}

/** A plugin's id and its MCP servers. */
export interface FoundPlugin {
  readonly id: string;
  readonly servers: readonly {
    readonly file: string;
    readonly servers: ReadonlyMap<string, McpDeclaration>;
  }[];
}

const native = "openclaw.plugin.json";
const agentSchema = "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json";
/** The bundle formats of other agents, in the order in which OpenClaw 2026.9.6 tries them. */
const bundles = [
  ".codex-plugin/plugin.json",
  ".cursor-plugin/plugin.json",
  ".claude-plugin/plugin.json",
];
const entries = ["index.ts", "index.js", "index.mjs", "index.cjs"];
/** A Claude bundle may do without a manifest. */
const claudeParts = [
  "skills",
  "commands",
  "agents",
  "hooks/hooks.json",
  ".mcp.json",
  ".lsp.json",
  "settings.json",
];

/** The plugin in a directory; undefined if OpenClaw finds none there. */
export function readPlugin(dir: string, files: PluginFiles): FoundPlugin | undefined {
  const { openclaw, name } = plainFields(files.read("package.json")) ?? {};
  const extensions = plainFields(openclaw)?.extensions;
  const isPackage = Array.isArray(extensions) && extensions.length > 0;
  const named = bundles.find((file) => files.has(file));
  if (isPackage || (!named && files.has(native))) {
    const hasEntry = isPackage || entries.some((file) => files.has(file));
    return hasEntry ? readNative(dir, files, name) : undefined;
  }
  if (named) return readBundle(dir, named, files);
  const agent = plainFields(files.read("plugin.json"));
  if (agent?.$schema === agentSchema) {
    const id = idOf(agent.name, dir);
    return {
      id,
      servers: [{ file: "mcp.json", servers: declaredServers(mcpOf(files, "mcp.json")) }],
    };
  }
  if (entries.some((file) => files.has(file))) return undefined; // a plugin without a manifest
  return claudeParts.some((part) => files.has(part))
    ? readBundle(dir, undefined, files)
    : undefined;
}

function readNative(dir: string, files: PluginFiles, packageName: unknown): FoundPlugin {
  const { id, mcpServers } = plainFields(files.read(native)) ?? {};
  const servers = declaredServers(plainFields(mcpServers) ?? {});
  const fallback = trimmed(packageName)?.split("/").at(-1) ?? basename(dir);
  return { id: trimmed(id) ?? fallback, servers: [{ file: native, servers }] };
}

/** `.mcp.json`, the files that the manifest names, and servers in the manifest itself. */
function readBundle(dir: string, manifest: string | undefined, files: PluginFiles): FoundPlugin {
  const fields = manifest === undefined ? {} : (plainFields(files.read(manifest)) ?? {});
  const { mcpServers } = fields;
  const named =
    typeof mcpServers === "string" ? [mcpServers] : Array.isArray(mcpServers) ? mcpServers : [];
  const paths = [".mcp.json", ...named.filter((path) => typeof path === "string")];
  const sources = [...new Set(paths)].map((file) => ({
    file,
    servers: declaredServers(mcpOf(files, file)),
  }));
  const inline = { file: manifest ?? "", servers: declaredServers(plainFields(mcpServers) ?? {}) };
  return { id: idOf(fields.name, dir), servers: [...sources, inline] };
}

function mcpOf(files: PluginFiles, file: string): unknown {
  return plainFields(files.read(file)) ?? {};
}

/** As OpenClaw makes the id of a bundle from its name. */
function idOf(name: unknown, dir: string): string {
  const raw = (trimmed(name) ?? basename(dir)).toLowerCase();
  return raw.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "bundle-plugin";
}

/** True if OpenClaw starts a plugin's MCP servers. */
export function isActive(id: string, origin: PluginOrigin, config: PluginsConfig): boolean {
  const key = id.trim().toLowerCase();
  const isAllowed = config.allow.includes(key);
  const entry = config.entries.get(key);
  if (!config.enabled || config.deny.includes(key) || entry === false) return false;
  if (origin === "workspace" && !isAllowed && entry !== true) return false;
  return config.allow.length === 0 || isAllowed;
}

/** Directories in which OpenClaw does not search for plugins. */
export function isIgnoredDirectory(name: string): boolean {
  const small = name.toLowerCase();
  const ignored = ".git .hg .svn .turbo .yarn .yarn-cache build coverage dist node_modules".split(
    " ",
  );
  return ignored.includes(small) || /\.bak$|\.backup-|\.disabled/.test(small);
}

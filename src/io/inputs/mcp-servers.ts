import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Env } from "../../core/platform.ts";
import { type OpenClawConfig, parseJson5, stateDir, userPath } from "../../core/skills/config.ts";
import { type McpServer, type McpSource, mergeServers } from "../../core/skills/mcp.ts";
import {
  isActive,
  isIgnoredDirectory,
  type PluginFiles,
  type PluginOrigin,
  readPlugin,
} from "../../core/skills/plugins.ts";
import { isThere, listNames, orNothing } from "../files.ts";
import type { ReadFile } from "../input.ts";
import { isInside, real } from "./discover.ts";
import { type ReadingLog, readingLog } from "./reading-log.ts";
import { workspaceDirs } from "./skills.ts";

/** Plugins that are read in one directory. */
const maxPlugins = 300;
/** Far more than a manifest (bytes). */
const maxManifest = 1024 * 1024;

/** The MCP servers that a gateway on this host starts, and what they depend on. */
export interface McpServersInView {
  readonly servers: readonly McpServer[];
  readonly files: readonly ReadFile[];
  /** Directories that would be searched if they existed. */
  readonly absent: readonly string[];
  /** Directories in which another file or directory might change the result. */
  readonly directories: readonly string[];
}

interface McpContext {
  readonly env: Env;
  readonly home: string;
  readonly config: OpenClawConfig;
  /** The path of openclaw.json. */
  readonly file: string;
}

/** A search for plugins, and what it has found and seen so far. */
interface Search {
  readonly config: OpenClawConfig;
  readonly log: ReadingLog;
  readonly sources: McpSource[];
  readonly absent: Set<string>;
  readonly directories: Set<string>;
}

/**
 * The MCP servers of openclaw.json and of the plugins in its directories. Plugins that OpenClaw installed
 * elsewhere (it keeps a list of them in a database) are not found. Never throws.
 */
export function findMcpServers(context: McpContext): McpServersInView {
  const { config, file } = context;
  const seen = { absent: new Set<string>(), directories: new Set<string>() };
  const search: Search = { config, log: readingLog(), sources: [], ...seen };
  const places = config.plugins.enabled ? pluginPlaces(context) : [];
  for (const [origin, dir] of places) searchPlugins(dir, origin, search);
  return {
    servers: mergeServers(search.sources, { file, servers: config.mcpServers }),
    files: search.log.files(),
    // What cannot be looked at is not known to be absent.
    absent: [...search.absent].filter((path) => orNothing(() => !isThere(path))),
    directories: [...search.directories],
  };
}

/** Where OpenClaw looks for plugins, in its order. */
function pluginPlaces({ env, home, config }: McpContext): [PluginOrigin, string][] {
  const state = stateDir(env, home);
  return [
    ...config.plugins.paths.map((path): [PluginOrigin, string] => {
      return ["config", userPath(path, env, home)];
    }),
    ...workspaceDirs({ env, home, config }, state).map((dir): [PluginOrigin, string] => {
      return ["workspace", join(dir, ".openclaw/extensions")];
    }),
    ["global", join(state, "extensions")],
  ];
}

/** A directory of plugins; one that the configuration names may be a plugin itself. */
function searchPlugins(dir: string, origin: PluginOrigin, search: Search): void {
  if (!isDirectory(dir)) {
    search.absent.add(dir);
    return;
  }
  if (origin === "config" && addPlugin(dir, origin, search)) return;
  search.directories.add(dir);
  const names = orNothing(() => listNames(dir)) ?? [];
  const plugins = names.filter((name) => !isIgnoredDirectory(name)).sort();
  for (const path of plugins.slice(0, maxPlugins).map((name) => join(dir, name))) {
    if (isDirectory(path)) addPlugin(path, origin, search);
  }
}

/** False if the directory is no plugin. */
function addPlugin(dir: string, origin: PluginOrigin, search: Search): boolean {
  const { config, log, sources, directories } = search;
  directories.add(dir);
  const plugin = readPlugin(dir, filesOf(dir, log.read));
  if (plugin && isActive(plugin.id, origin, config.plugins)) {
    for (const { file, servers } of plugin.servers)
      sources.push({ file: join(dir, file), plugin: plugin.id, servers });
  }
  return plugin !== undefined;
}

function isDirectory(path: string): boolean {
  return orNothing(() => statSync(path))?.isDirectory() === true;
}

/** The files of a plugin's directory; links out of it are not followed. */
function filesOf(dir: string, read: ReadingLog["read"]): PluginFiles {
  const base = real(dir) ?? dir;
  const pathOf = (name: string): string | undefined => {
    const path = resolve(dir, name);
    const target = real(path);
    return target !== undefined && isInside(base, target) ? path : undefined;
  };
  return {
    has: (name) => pathOf(name) !== undefined,
    read(name) {
      const path = pathOf(name);
      const text = path && read(path, { maxBytes: maxManifest }).text;
      const parsed = text ? parseJson5(text) : undefined;
      return parsed && "document" in parsed ? parsed.document : undefined;
    },
  };
}

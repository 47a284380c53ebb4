import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type Env,
  type OpenClawConfig,
  parseJson5,
  stateDir,
  userPath,
} from "../../core/skills/config.ts";
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
import { readingLog } from "./reading-log.ts";
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

/**
 * The MCP servers of openclaw.json and of the plugins in its directories. Plugins that OpenClaw installed
 * elsewhere (it keeps a list of them in a database) are not found. Never throws.
 */
export function findMcpServers(place: {
  readonly env: Env;
  readonly home: string;
  readonly config: OpenClawConfig;
  /** The path of openclaw.json. */
  readonly file: string;
}): McpServersInView {
  const { env, home, config, file } = place;
  const log = readingLog();
  const seen = { absent: new Set<string>(), directories: new Set<string>() };
  const sources: McpSource[] = [];
  const visit = (dir: string, origin: PluginOrigin): boolean => {
    seen.directories.add(dir);
    const plugin = readPlugin(dir, filesOf(dir, log.read));
    if (plugin && isActive(plugin.id, origin, config.plugins))
      sources.push(
        ...plugin.servers.map((it) => ({
          file: join(dir, it.file),
          plugin: plugin.id,
          servers: it.servers,
        })),
      );
    return plugin !== undefined;
  };
  const search = (dir: string, origin: PluginOrigin): void => {
    if (!isDirectory(dir)) return void seen.absent.add(dir);
    if (origin === "config" && visit(dir, origin)) return;
    seen.directories.add(dir);
    const names = orNothing(() => listNames(dir)) ?? [];
    const plugins = names.filter((name) => !isIgnoredDirectory(name)).sort();
    for (const name of plugins.slice(0, maxPlugins)) {
      if (isDirectory(join(dir, name))) visit(join(dir, name), origin);
    }
  };
  if (config.plugins.enabled) {
    const state = stateDir(env, home);
    for (const path of config.plugins.paths) search(userPath(path, env, home), "config");
    for (const workspace of workspaceDirs({ env, home, config }, state))
      search(join(workspace, ".openclaw/extensions"), "workspace");
    search(join(state, "extensions"), "global");
  }
  const servers = mergeServers(sources, { file, servers: config.mcpServers });
  return {
    servers,
    files: log.files(),
    // What cannot be looked at is not known to be absent.
    absent: [...seen.absent].filter((path) => orNothing(() => !isThere(path))),
    directories: [...seen.directories],
  };
}

function isDirectory(path: string): boolean {
  return orNothing(() => statSync(path))?.isDirectory() === true;
}

/** The files of a plugin's directory; links out of it are not followed. */
function filesOf(dir: string, read: ReturnType<typeof readingLog>["read"]): PluginFiles {
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

import { sha256Hex } from "../digest.ts";
import { type SelectedSkill, serverLabel } from "../manifest.ts";
import { isBinName } from "../names.ts";
import { plainFields } from "../values.ts";

/** Characters of a name or command of somebody else's that are shown. */
const maxShown = 60;

/** An MCP server as openclaw.json or a plugin declares it. */
export interface McpDeclaration {
  /** As written; absent: a remote server. */
  readonly command?: string;
  /** `enabled: false`; a plugin's own cannot be switched off in the plugin. */
  readonly isDisabled: boolean;
}

/** The MCP servers of one file, by name. */
export interface McpSource {
  /** Absolute. */
  readonly file: string;
  /** Absent: openclaw.json. */
  readonly plugin?: string;
  readonly servers: ReadonlyMap<string, McpDeclaration>;
}

/** An MCP server, and whether its program is required. */
export interface McpServer {
  /** `MCP server NAME`. */
  readonly title: string;
  readonly name: string;
  readonly file: string;
  /** The program that the gateway starts; absent if it is not searched on PATH. */
  readonly program?: string;
  readonly selected: boolean;
  /** Why it is selected or not, as a short phrase. */
  readonly reason: string;
}

/**
 * The servers that the gateway starts, as OpenClaw 2026.9.6 merges them: a later plugin's replaces an
 * earlier one's, and openclaw.json's replaces or disables all of that name.
 */
export function mergeServers(plugins: readonly McpSource[], config: McpSource): McpServer[] {
  const servers = new Map<string, McpServer>();
  for (const { servers: declared, ...source } of [...plugins, config]) {
    for (const [name, declaration] of declared) {
      servers.delete(name);
      servers.set(name, describe(name, declaration, source));
    }
  }
  return [...servers.values()];
}

function describe(
  name: string,
  { command, isDisabled }: McpDeclaration,
  { file, plugin }: Omit<McpSource, "servers">,
): McpServer {
  const server = { title: serverLabel + shown(name), name, file };
  const no = (reason: string) => ({ ...server, selected: false, reason });
  if (isDisabled) return no("openclaw.json disables it (enabled: false)");
  if (command === undefined) return no("a remote server, which needs no program");
  if (command.includes("/")) return no("its command is a path, not a program on PATH");
  if (!isBinName(command)) return no(`its command ${shown(command)} is not a program's name`);
  const reason = plugin === undefined ? "in openclaw.json" : `of the plugin ${shown(plugin)}`;
  return { ...server, program: command, selected: true, reason };
}

/** Plain names as they are, others in quotes. */
function shown(name: string): string {
  if (/^[\w.@/+-]+$/.test(name) && name.length <= maxShown) return name;
  return JSON.stringify(name.length > maxShown ? `${name.slice(0, maxShown)}...` : name);
}

/**
 * The requirements of the servers, in the form of those of skills, because a manifest of an earlier
 * version has no other. Their digest is no SKILL.md's.
 */
export function requirementsOfServers(servers: readonly McpServer[]): SelectedSkill[] {
  return servers.flatMap(({ title, program, selected }) => {
    if (!selected || program === undefined) return [];
    return [
      { name: title, sha256: sha256Hex(`${title} ${program}`), bins: [program], anyBins: [] },
    ];
  });
}

/** True for the requirements of `requirementsOfServers`. */
export function isOfServer({ name, sha256, bins }: SelectedSkill): boolean {
  return name.startsWith(serverLabel) && sha256 === sha256Hex(`${name} ${bins.join(" ")}`);
}

/** The servers in a plugin's JSON: a map, or an object with such a map, as OpenClaw reads them. */
export function declaredServers(value: unknown): Map<string, McpDeclaration> {
  const raw = plainFields(value);
  const map = plainFields(raw?.mcpServers) ?? plainFields(raw?.servers) ?? raw ?? {};
  const found = new Map<string, McpDeclaration>();
  for (const [name, server] of Object.entries(map)) {
    const fields = plainFields(server);
    if (!fields) continue;
    const { command } = fields;
    const isLocal = typeof command === "string" && command.trim() !== "";
    found.set(name, { ...(isLocal && { command }), isDisabled: false });
  }
  return found;
}

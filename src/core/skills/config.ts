import { join, resolve } from "node:path";
import JSON5 from "json5";
import { describeError } from "../errors.ts";
import type { Env } from "../platform.ts";
import { asFields, type Fields, plainFields } from "../values.ts";
import { withConfigEnv } from "./config-env.ts";
import { type ReadIncluded, resolveIncludes } from "./config-include.ts";
import { readPlugins, readServers } from "./config-mcp.ts";
import { kindOf, type Reader, reader } from "./config-reader.ts";
import type { McpDeclaration } from "./mcp.ts";
import type { PluginsConfig } from "./plugins.ts";

/** OpenClaw's limits when it searches for skills. */
export interface SkillLimits {
  /** Directories that are searched inside one directory. */
  readonly maxCandidatesPerRoot: number;
  readonly maxSkillsLoadedPerSource: number;
  /** Bytes. */
  readonly maxSkillFileBytes: number;
  /** Absolute directories outside a root that its links may point to. */
  readonly allowSymlinkTargets: readonly string[];
}

/** An agent's own settings; the defaults fill in the rest. */
interface AgentConfig {
  readonly skills?: readonly string[];
  /** As written; `~` is not expanded. */
  readonly workspace?: string;
}

/** The settings of openclaw.json that are used here. */
export interface OpenClawConfig {
  /** `skills.entries.<key>.enabled`, if set. */
  readonly enabled: ReadonlyMap<string, boolean>;
  readonly allowBundled: readonly string[];
  /** As written; `~` is not expanded. */
  readonly extraDirs: readonly string[];
  readonly limits: SkillLimits;
  readonly defaults: AgentConfig;
  /** By id. */
  readonly agents: ReadonlyMap<string, AgentConfig>;
  /** `mcp.servers`, by name. */
  readonly mcpServers: ReadonlyMap<string, McpDeclaration>;
  readonly plugins: PluginsConfig;
}

export const defaultLimits: SkillLimits = {
  maxCandidatesPerRoot: 300,
  maxSkillsLoadedPerSource: 200,
  maxSkillFileBytes: 256_000,
  allowSymlinkTargets: [],
};

/** The keys that OpenClaw 2026.9.6 knows; it rejects a file with any other. */
const known = {
  env: ["shellEnv", "vars"],
  skills: ["allowBundled", "load", "install", "limits", "workshop", "entries"],
  "skills.load": ["extraDirs", "allowSymlinkTargets", "watch"],
  "skills.limits": [
    "maxCandidatesPerRoot",
    "maxSkillsLoadedPerSource",
    "maxSkillsInPrompt",
    "maxSkillsPromptChars",
    "maxSkillFileBytes",
  ],
  entry: ["enabled", "apiKey", "env", "config"],
} as const;

/** The path of openclaw.json: `$OPENCLAW_CONFIG_PATH`, else in the state directory. Absolute. */
export function configFile(env: Env, home: string): string {
  const named = env.OPENCLAW_CONFIG_PATH?.trim();
  return named ? userPath(named, env, home) : join(stateDir(env, home), "openclaw.json");
}

/** OpenClaw's state: `$OPENCLAW_STATE_DIR`, else `~/.openclaw`. Absolute. */
export function stateDir(env: Env, home: string): string {
  const named = env.OPENCLAW_STATE_DIR?.trim();
  return named ? userPath(named, env, home) : userPath("~/.openclaw", env, home);
}

/**
 * A path written by an operator, made absolute: `~` is OpenClaw's home, `$OPENCLAW_HOME` or `home`.
 */
export function userPath(path: string, env: Env, home: string): string {
  const ownHome = env.OPENCLAW_HOME?.trim().replace(/^~(?=$|\/)/, () => home) || home;
  return resolve(
    env.PWD ?? ownHome,
    path.trim().replace(/^~(?=$|\/)/, () => ownHome),
  );
}

/** openclaw.json, read with all its includes. */
export interface ParsedConfig {
  readonly config: OpenClawConfig;
  /** Includes the variables that the file itself sets. */
  readonly env: Env;
  /** True if the used settings refer to a `${VAR}`. */
  readonly hasVariables: boolean;
  /**
   * Errors in the file, one line each, which begins with the file's name. The parts with errors are
   * ignored.
   */
  readonly problems: readonly string[];
}

const nothingIncluded: ReadIncluded = () => ({ why: "it is not read here" });

/**
 * Reads openclaw.json from its absolute path. `env` is the environment of OpenClaw's process with
 * its .env files. Never throws.
 */
export function parseOpenClawConfig(
  text: string,
  file: string,
  given: Env,
  include: ReadIncluded = nothingIncluded,
): ParsedConfig {
  const problems: string[] = [];
  const top = asFields(parseText(text, file, include, problems)) ?? {};
  const env = withConfigEnv(given, top.env);
  const read = reader(env, (problem) => problems.push(`${file}: ${problem}`));
  read.fields(top.env, "env", known.env);
  const skills = read.fields(top.skills, "skills", known.skills);
  const load = read.fields(skills.load, "skills.load", known["skills.load"]);
  const agents = read.fields(top.agents, "agents");
  const config: OpenClawConfig = {
    enabled: readEnabled(read, skills),
    allowBundled: read.texts(skills.allowBundled, "skills.allowBundled") ?? [],
    extraDirs: read.texts(load.extraDirs, "skills.load.extraDirs") ?? [],
    limits: readLimits(read, skills, load, env),
    defaults: readAgent(read, agents.defaults, "agents.defaults"),
    agents: readAgents(read, agents),
    mcpServers: readServers(read, read.fields(top.mcp, "mcp")),
    plugins: readPlugins(read, read.fields(top.plugins, "plugins")),
  };
  return { config, env, hasVariables: read.hasVariables(), problems };
}

/** The used settings of the file and its includes. */
function parseText(text: string, file: string, read: ReadIncluded, problems: string[]): unknown {
  const parsed = parseJson5(text);
  if (parsed.why !== undefined) {
    const where = parsed.at ? `${file}:${parsed.at}` : file;
    problems.push(`${where}: not JSON5 (${parsed.why}); the whole file is ignored`);
    return undefined;
  }
  try {
    const problem = (where: string, what: string) => problems.push(`${where}: ${what}`);
    const keys = ["env", "skills", "agents", "mcp", "plugins"];
    const document = resolveIncludes(parsed.document, file, keys, { read, problem });
    if (plainFields(document)) return document;
    problem(file, `the file is ${kindOf(document)}; expected an object { ... }`);
  } catch (error) {
    problems.push(`${file}: ${describeError(error)}; the whole file is ignored`); // nested too deeply for the stack
  }
  return undefined;
}

/** A JSON5 text's document, or what is wrong and, if known, `LINE:COLUMN`. */
export function parseJson5(
  text: string,
): { document: unknown; why?: never } | { why: string; at?: string } {
  try {
    return { document: JSON5.parse(text) };
  } catch (error) {
    const [, why = "", at] =
      /^(?:JSON5: )?(.*?)(?: at (\d+:\d+))?$/s.exec(describeError(error)) ?? [];
    return at === undefined ? { why } : { why, at };
  }
}

function readEnabled(read: Reader, skills: Fields): Map<string, boolean> {
  const enabled = new Map<string, boolean>();
  const entries = read.fields(skills.entries, "skills.entries");
  for (const key of Object.keys(entries)) {
    const entry = read.fields(entries[key], `skills.entries.${key}`, known.entry);
    const value = read.flag(entry.enabled, `skills.entries.${key}.enabled`);
    if (value !== undefined) enabled.set(key, value);
  }
  return enabled;
}

function readLimits(read: Reader, skills: Fields, load: Fields, env: Env): SkillLimits {
  const limits = read.fields(skills.limits, "skills.limits", known["skills.limits"]);
  const limit = (
    key: "maxCandidatesPerRoot" | "maxSkillsLoadedPerSource" | "maxSkillFileBytes",
    least: number,
  ) => read.integer(limits[key], `skills.limits.${key}`, least) ?? defaultLimits[key];
  const targets = read.texts(load.allowSymlinkTargets, "skills.load.allowSymlinkTargets") ?? [];
  return {
    maxCandidatesPerRoot: limit("maxCandidatesPerRoot", 1),
    maxSkillsLoadedPerSource: limit("maxSkillsLoadedPerSource", 1),
    maxSkillFileBytes: limit("maxSkillFileBytes", 0),
    allowSymlinkTargets: targets.map((target) => userPath(target, env, env.HOME ?? "/")),
  };
}

function readAgents(read: Reader, agents: Fields): Map<string, AgentConfig> {
  const found = new Map<string, AgentConfig>();
  const entries = read.fields(agents.entries, "agents.entries");
  for (const id of Object.keys(entries)) {
    found.set(id, readAgent(read, entries[id], `agents.entries.${id}`));
  }
  for (const [i, item] of read.list(agents.list, "agents.list").entries()) {
    const key = `agents.list[${i}]`;
    const id = read.text(asFields(item)?.id, `${key}.id`) ?? key;
    if (!found.has(id)) found.set(id, readAgent(read, item, key));
  }
  return found;
}

function readAgent(read: Reader, value: unknown, key: string): AgentConfig {
  const fields = read.fields(value, key);
  const skills = read.texts(fields.skills, `${key}.skills`);
  const workspace = read.text(fields.workspace, `${key}.workspace`);
  return { ...(skills && { skills }), ...(workspace && { workspace }) };
}

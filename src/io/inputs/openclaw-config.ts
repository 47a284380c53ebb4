import { dirname, join, resolve } from "node:path";
import type { Env } from "../../core/platform.ts";
import {
  configFile,
  type OpenClawConfig,
  parseJson5,
  parseOpenClawConfig,
  stateDir,
  userPath,
} from "../../core/skills/config.ts";
import { withDotenv } from "../../core/skills/config-env.ts";
import type { ReadIncluded } from "../../core/skills/config-include.ts";
import { orNothing } from "../files.ts";
import type { ReadFile } from "../input.ts";
import { isInside, real } from "./discover.ts";
import { type ReadingLog, readingLog } from "./reading-log.ts";

/** OpenClaw reads no larger files (bytes). */
const maxIncluded = 2 * 1024 * 1024;
const maxDotenv = 1024 * 1024;

/** OpenClaw's configuration, and all files that it depends on. */
export interface ReadConfig {
  /** The path of openclaw.json, which need not exist. */
  readonly file: string;
  readonly config: OpenClawConfig;
  /** The environment of OpenClaw's process after it has read its files. */
  readonly env: Env;
  readonly files: readonly ReadFile[];
  /** Files that would have been read if they existed. */
  readonly absent: readonly string[];
  /** False if it also depends on something else, such as a variable. */
  readonly isWhole: boolean;
  /** Ignored parts and what is wrong with them, one line each. */
  readonly problems: readonly string[];
}

/** Reads openclaw.json with its includes, and the .env files. Never throws. */
export async function readOpenClawConfig(given: Env, home: string): Promise<ReadConfig> {
  const log = readingLog();
  const withFiles = await readDotenvs(given, home, log);
  const file = configFile(withFiles, home);
  const found = log.read(file);
  const include = includeReader(file, withFiles, home, log);
  const parsed = parseOpenClawConfig(found.text ?? "{}", file, withFiles, include);
  const hasOthers = parsed.hasVariables || Boolean(withFiles.OPENCLAW_INCLUDE_ROOTS?.trim());
  return {
    file,
    config: parsed.config,
    env: parsed.env,
    files: log.files(),
    absent: [...log.absent],
    isWhole: !hasOthers && log.refused.size === 0,
    problems: [
      ...(found.why === undefined || log.absent.has(file)
        ? []
        : [`${file}: ${found.why}; the whole file is ignored`]),
      ...parsed.problems,
    ],
  };
}

/** For each variable the first of these files that sets it wins, unless it is already set. */
async function readDotenvs(env: Env, home: string, log: ReadingLog): Promise<Env> {
  const state = stateDir(env, home);
  const isUsual = state === stateDir({ ...env, OPENCLAW_STATE_DIR: undefined }, home);
  const here = orNothing(() => resolve(".env")); // the working directory may have been removed
  const trusted = [
    join(state, ".env"),
    join(dirname(configFile(env, home)), ".env"),
    ...(isUsual ? [userPath("~/.config/openclaw/gateway.env", env, home)] : []),
  ];
  let all = env;
  for (const path of new Set([...(here ? [here] : []), ...trusted])) {
    const { text } = log.read(path, { maxBytes: maxDotenv });
    if (text === undefined) continue;
    const { parse } = await import("dotenv"); // few hosts have such a file
    all = withDotenv(all, parse(text), trusted.includes(path));
  }
  return all;
}

/**
 * Reads the includes of openclaw.json: regular files in its own directory or below those that
 * `$OPENCLAW_INCLUDE_ROOTS` allows; link targets must be there, too.
 */
function includeReader(file: string, env: Env, home: string, log: ReadingLog): ReadIncluded {
  const named = (env.OPENCLAW_INCLUDE_ROOTS ?? "").split(":").filter((root) => root.trim() !== "");
  const roots = [dirname(file), ...named.map((root) => userPath(root, env, home))];
  const realRoots = roots.map((root) => real(root) ?? root);
  return (path) => {
    const target = real(path);
    const isAllowed =
      roots.some((root) => isInside(root, path)) &&
      (target === undefined || realRoots.some((root) => isInside(root, target)));
    if (!isAllowed) {
      log.refused.add(path);
      return { why: `it is outside ${roots.join(", ")}; OPENCLAW_INCLUDE_ROOTS can allow more` };
    }
    const { text, why } = log.read(path, {
      maxBytes: maxIncluded,
      refuse: ({ nlink }) => (nlink > 1 ? "it has more than one hard link" : undefined),
    });
    if (text === undefined) return { why };
    const parsed = parseJson5(text);
    if (parsed.why === undefined) return { document: parsed.document };
    return { why: `not JSON5 (${parsed.why}${parsed.at ? ` at ${parsed.at}` : ""})` };
  };
}

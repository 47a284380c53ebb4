import { accessSync, constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { commandName, defaultPrefix, layout, volumeOfPackage } from "../core/layout.ts";
import { orNothing } from "../core/or-nothing.ts";
import { pluginDir } from "../core/package-files.ts";
import type { Env } from "../core/platform.ts";
import type { Settings } from "./settings.ts";

/** The volume, and where its command may be. */
export interface Location {
  /** The volume. Absolute. */
  readonly prefix: string;
  /** Absolute; the first that exists is used. */
  readonly commands: readonly string[];
}

/** The package that this plugin is part of. */
export interface OwnPackage {
  readonly dir: string;
  /** The volume that it lies in, if it does. */
  readonly volume: string | undefined;
}

/**
 * The package of a plugin's directory; undefined for a copy of that directory alone. To be asked once: a newer
 * version may replace the package while its plugin runs.
 */
export function findPackage(rootDir = ""): OwnPackage | undefined {
  if (!rootDir.endsWith(`/${pluginDir}`)) return undefined;
  const dir = rootDir.slice(0, -`/${pluginDir}`.length);
  return { dir, volume: isThere(join(dir, layout.record)) ? volumeOfPackage(dir) : undefined };
}

/**
 * The volume is that of the configuration, else of `OPENCLAW_SKILL_PREFIX`, else the one that this plugin lies
 * in, else the command's default. The command is that of the configuration, else that of the package that this
 * plugin is part of, else the volume's. In a volume the link in `bin` is used, which leads to the newest version.
 */
export function findLocation(
  settings: Settings,
  own: OwnPackage | undefined,
  env: Env,
  home: string,
): Location {
  const usual = (): string => env.OPENCLAW_SKILL_PREFIX || own?.volume || usualPrefix(env, home);
  const prefix = settings.prefix ?? usual();
  if (settings.command !== undefined) return { prefix, commands: [settings.command] };
  const ofVolume = join(prefix, layout.binPath(commandName));
  if (own === undefined) return { prefix, commands: [ofVolume] };
  const ofPackage = join(own.dir, "entrypoint", commandName);
  return {
    prefix,
    commands: own.volume === prefix ? [ofVolume, ofPackage] : [ofPackage, ofVolume],
  };
}

/** The first command that can be executed. Throws an error that names them if there is none. */
export async function findCommand({ commands }: Location): Promise<string> {
  for (const command of commands) {
    if (await isProgram(command)) return command;
  }
  throw new Error(`there is no ${commands.join(", no ")}`);
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** As the command itself chooses: see `resolvePrefix`. */
function usualPrefix({ XDG_DATA_HOME: data = "" }: Env, home: string): string {
  if (isThere(defaultPrefix) || isThere(dirname(defaultPrefix), constants.W_OK))
    return defaultPrefix;
  return join(isAbsolute(data) ? data : join(home, ".local", "share"), "openclaw");
}

function isThere(path: string, mode: number = constants.F_OK): boolean {
  return orNothing(() => accessSync(path, mode) ?? true) === true;
}

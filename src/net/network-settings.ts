import type { Env } from "../core/platform.ts";
import type { NpmConfig } from "./npm-config.ts";
import { readPipSettings } from "./pip-config.ts";
import type { ProxySettings } from "./proxy.ts";
import type { Setting } from "./setting.ts";

/** The network settings in the files and variables of npm and pip. */
export interface NetworkSettings extends ProxySettings {
  /** Files of certificates that are trusted besides Node's own. */
  readonly caFiles?: readonly Setting[];
  /** PEM texts of such certificates. */
  readonly caTexts?: readonly string[];
  /** Their timeouts. */
  readonly waits?: readonly WaitSetting[];
  /** How often npm retries after a failure. */
  readonly retries?: string;
}

/** A tool's timeout for receiving a byte. */
interface WaitSetting extends Setting {
  /** Milliseconds of the value's unit. */
  readonly unit: 1 | 1000;
}

/** Collects them; absent or unreadable files count as empty. */
export async function readNetworkSettings(
  env: Env,
  home: string,
  npm: () => Promise<NpmConfig>,
): Promise<NetworkSettings> {
  const { network } = await npm();
  const pip = readPipSettings(env, home);
  return {
    ...network,
    caFiles: [...(network.caFiles ?? []), ...pip.caFiles],
    waits: [...(network.waits ?? []), ...pip.waits],
  };
}

import type { NpmConfig } from "./npm-config.ts";
import { readPipSettings } from "./pip-config.ts";
import type { ProxySettings } from "./proxy.ts";
import type { Setting } from "./setting.ts";

/** What the files and variables of npm and pip say about the network as a whole. */
export interface NetworkSettings extends ProxySettings {
  /** Files of certificates that are trusted beside Node's own. */
  readonly caFiles?: readonly Setting[];
  /** PEM texts of such certificates. */
  readonly caTexts?: readonly string[];
  /** How long their owners wait. */
  readonly waits?: readonly WaitSetting[];
  /** How often npm asks again after a failure. */
  readonly retries?: string;
}

/** A time that a tool waits for a byte. */
interface WaitSetting extends Setting {
  /** Milliseconds of the unit that the value is in. */
  readonly unit: 1 | 1000;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Gathers them; a file that is absent or cannot be read says nothing. */
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

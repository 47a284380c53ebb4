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

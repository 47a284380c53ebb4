import type { Options } from "./cli.ts";
import { type Env, type Platform, parsePlatform, platformId } from "./core/platform.ts";
import type { Reporter } from "./report/reporter.ts";

/** The environment of a run. Created once in main.ts; no other code uses `process`. */
export interface Context {
  readonly options: Options;
  readonly env: Env;
  readonly home: string;
  readonly uid: number;
  /** The group of new files. */
  readonly gid: number;
  /** Sets the modes of new files: see `umaskFor`. */
  readonly setUmask: (mask: number) => void;
  /** The machine's own platform. */
  readonly machine: Platform;
  /** The directory of this package: holds `recipes/`, `dist/`, `entrypoint/`. */
  readonly packageDir: string;
  readonly version: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly clock: () => Date;
}

type ForPlatform = Pick<Context, "machine"> & { readonly options: Pick<Options, "platform"> };

/** The platform that a run installs for: that of `--platform`, else the machine's. */
export function targetPlatform({ options, machine }: ForPlatform): Platform {
  return options.platform ? parsePlatform(options.platform) : machine;
}

/** True if programs of that platform run on this machine. */
export function isNative(context: ForPlatform): boolean {
  return platformId(targetPlatform(context)) === platformId(context.machine);
}

import type { Options } from "./cli.ts";
import type { Platform } from "./core/platform.ts";
import type { Reporter } from "./report/reporter.ts";

/** The environment of a run. Created once in main.ts; no other code uses `process`. */
export interface Context {
  readonly options: Options;
  readonly env: Readonly<Record<string, string | undefined>>;
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

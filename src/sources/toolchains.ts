import type { GoConfig } from "../net/go-config.ts";
import type { PipConfig } from "../net/pip-config.ts";

/** The Python of the volume that will run a program. */
export interface Interpreter {
  /** Absolute. */
  readonly program: string;
  /** Such as `3.12.14`. */
  readonly version: string;
  /** The tree that contains it, absolute. */
  readonly tree: string;
}

/** A Go that builds programs, and a directory of this run that builds share. */
export interface Toolchain {
  /** The go command, absolute. */
  readonly go: string;
  readonly shared: string;
}

/** What Python programs and Go builds need from this machine, the volume and the run. */
export interface Toolchains {
  /** The machine's pip configuration; read only if an index is used. */
  readonly pip: () => Promise<PipConfig>;
  /** The machine's go configuration; read only if a module proxy is used. */
  readonly goConfig: () => Promise<GoConfig>;
  /** Resolves when the volume has it. */
  readonly python: () => Promise<Interpreter>;
  /** The volume's Python, if it has one. */
  readonly anyPython: () => Promise<Interpreter | undefined>;
  /** A Python of this machine of a line (`3.11`), absolute; undefined if there is none. */
  readonly systemPython: (minor: string) => string | undefined;
  /** The index that this machine's own pip asks, if it has one. */
  readonly systemIndex: () => Promise<string | undefined>;
  /** A Go that is at least this new (`1.25`), fetched if neither machine nor volume has one. */
  readonly toolchain: (atLeast: string) => Promise<Toolchain>;
  readonly offline: boolean;
  /** Proxies and certificates for programs that use the network themselves. */
  readonly networkEnv: Readonly<Record<string, string>>;
}

/** The environment of a program that builds or resolves: nothing of the machine's own. `home`: also for its files. */
export function bareEnv(home: string): Record<string, string> {
  return { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: home, TMPDIR: home, LANG: "C.UTF-8" };
}

/** Shared by all tools of a run: configurations are read once, a Go is fetched once. */
export type SharedToolchains = Omit<Toolchains, "python" | "anyPython">;

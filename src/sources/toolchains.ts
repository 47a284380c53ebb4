import type { GoConfig } from "../net/go-config.ts";
import type { PipConfig } from "../net/pip-config.ts";

/** The Python of the volume that will run a program. */
export interface Interpreter {
  /** Absolute. */
  readonly program: string;
  /** Such as `3.12.14`. */
  readonly version: string;
  /** The tree that it lies in, absolute. */
  readonly tree: string;
}

/** A Go that builds programs, and a directory of this run that builds share. */
export interface Toolchain {
  /** The go command, absolute. */
  readonly go: string;
  readonly shared: string;
}

/** What Python programs and Go builds need of this machine, of the volume and of the run. */
export interface Toolchains {
  /** The machine's pip configuration; read only by what asks an index. */
  readonly pip: () => Promise<PipConfig>;
  /** The machine's go configuration; read only by what asks a module proxy. */
  readonly goConfig: () => Promise<GoConfig>;
  /** Settles once the volume has it. */
  readonly python: () => Promise<Interpreter>;
  /** A Go that is at least as new as this (`1.25`), fetched where neither machine nor volume has one. */
  readonly toolchain: (atLeast: string) => Promise<Toolchain>;
  readonly offline: boolean;
  /** Proxies and certificates for programs that ask the network themselves. */
  readonly networkEnv: Readonly<Record<string, string>>;
}

/** What a run has for all its tools: configurations are read once, a Go is fetched once. */
export type SharedToolchains = Omit<Toolchains, "python">;

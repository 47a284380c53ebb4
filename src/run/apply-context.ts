import type { Manifest, SealedRecord } from "../core/manifest.ts";
import type { Reasons } from "../core/plan/import.ts";
import type { Platform } from "../core/platform.ts";
import type { Catalogue } from "../core/recipe.ts";
import type { Staging } from "../io/volume/volume.ts";
import type { AptConfig } from "../net/apt-config.ts";
import type { Http } from "../net/http.ts";
import type { NpmConfig } from "../net/npm-config.ts";
import type { Emit } from "../report/events.ts";
import type { SharedToolchains } from "../sources/toolchains.ts";
import type { OlderVersion } from "./older-version.ts";

/** Another volume, whose trees are taken into ours: a seed, an unpacked bundle. */
export interface SeedVolume {
  /** What a message calls it: `the seed /usr/…`. */
  readonly called: string;
  /**
   * Gives its directory (absolute); `workDir` is an empty directory of ours, for what must be unpacked
   * first. Whatever lies in the directory is believed only after it was looked at in our staging.
   */
  readonly open: (workDir: () => Promise<string>) => Promise<string>;
  /** Its trees may be moved out of it, because `open` has put them into our directory. */
  readonly moves?: boolean;
  /** A tool is recorded as it is there, and only the very same tree will do; else it notes the seed. */
  readonly keepsRecords?: boolean;
}

/** A seed that lies in a directory. */
export interface OpenSeed extends Omit<SeedVolume, "open"> {
  readonly dir: string;
}

/** What carrying out a plan is given; the seed is opened with the volume. */
export interface ApplyRequest extends Omit<ApplyContext, "began" | "seed"> {
  readonly seed: SeedVolume | undefined;
}

/** What carrying out a plan needs of the machine, of the volume and of the run. */
export interface ApplyContext {
  readonly prefix: string;
  readonly platform: Platform;
  /** False where programs of this platform do not run on this machine. */
  readonly runsHere: boolean;
  readonly http: Http;
  readonly npm: () => Promise<NpmConfig>;
  readonly apt: () => Promise<AptConfig>;
  /** Of the machine, for Python programs and Go builds. */
  readonly toolchains: ToolchainContext;
  /** The volume that a step's `seed` speaks of. */
  readonly seed: OpenSeed | undefined;
  readonly jobs: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Why those tools are there, to be recorded in the manifest. */
  readonly reasonsFor: (installed: readonly SealedRecord[]) => Reasons;
  /** RFC 3339, now. */
  readonly clock: () => Date;
  /** When the run began to change the volume, in ms of the volume's clock. */
  readonly began: number;
  /** What the volume had when the plan was made. */
  readonly manifest: Manifest;
  /** What is on disk in its place cannot be used. */
  readonly brokenManifest: boolean;
  /** Records to be written although nothing is installed. */
  readonly resealed: readonly SealedRecord[];
}

/** Of the machine, for Python programs and Go builds. */
export interface ToolchainContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** The machine's own platform: a Go that builds must run here. */
  readonly machine: Platform;
  readonly catalogue: Catalogue;
  readonly offline: boolean;
}

/** Tools of this run that a tool needs: each settles to its record, or undefined where it failed. */
export type Needs = ReadonlyMap<string, Promise<SealedRecord | undefined>>;

/** What installing one tool needs beside its step. */
export interface ToolRun {
  readonly context: ApplyContext;
  readonly staging: Staging;
  readonly toolchains: SharedToolchains;
  readonly needs: Needs;
  /** Takes its turn among those that fetch and unpack. */
  readonly queue: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onFallback: (fallback: OlderVersion) => void;
}

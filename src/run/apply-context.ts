import type { Manifest, VerifiedRecord } from "../core/manifest.ts";
import type { Reasons } from "../core/plan/import.ts";
import type { Env, Platform } from "../core/platform.ts";
import type { Catalogue } from "../core/recipe.ts";
import type { Starter } from "../io/starter.ts";
import type { Staging } from "../io/volume/volume.ts";
import type { AptConfig } from "../net/apt-config.ts";
import type { Http } from "../net/http.ts";
import type { NpmConfig } from "../net/npm-config.ts";
import type { Emit } from "../report/events.ts";
import type { SharedToolchains } from "../sources/toolchains.ts";
import type { OlderVersion } from "./older-version.ts";

/** Another volume whose trees are imported: a seed, or an unpacked bundle. */
export interface SeedVolume {
  /** Its name in messages: `the seed /usr/…`. */
  readonly called: string;
  /**
   * Returns its directory (absolute); `workDir` creates an empty work directory, for what must be
   * unpacked first. The contents are untrusted until they are verified in our staging.
   */
  readonly open: (workDir: () => Promise<string>) => Promise<string>;
  /** Its trees may be moved, because `open` has unpacked them into our work directory. */
  readonly moves?: boolean;
  /**
   * True: a tool's record is kept as it is, and only the same tree is acceptable. False: the seed
   * is noted in the record.
   */
  readonly keepsRecords?: boolean;
  /** Catalogues of `--catalogue` in it, to be copied, too. */
  readonly catalogues?: Manifest["catalogues"];
}

/** A seed in an open directory. */
export interface OpenSeed extends Omit<SeedVolume, "open"> {
  readonly dir: string;
}

/** The input of `applyPlan`; the seed is opened together with the volume. */
export interface ApplyRequest extends Omit<ApplyContext, "began" | "seed"> {
  readonly seed: SeedVolume | undefined;
}

/** What applying a plan needs of the machine, the volume and the run. */
export interface ApplyContext {
  readonly prefix: string;
  readonly platform: Platform;
  /** False if programs of this platform do not run on this machine. */
  readonly runsHere: boolean;
  readonly http: Http;
  readonly npm: () => Promise<NpmConfig>;
  readonly apt: () => Promise<AptConfig>;
  /** The machine's toolchains, for Python programs and Go builds. */
  readonly toolchains: ToolchainContext;
  /** The volume that a step's `seed` refers to. */
  readonly seed: OpenSeed | undefined;
  readonly jobs: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Why these tools are in the volume, for the manifest. */
  readonly reasonsFor: (installed: readonly VerifiedRecord[]) => Reasons;
  /** The current time. */
  readonly clock: () => Date;
  /** When the run began to change the volume, in ms of the volume's clock. */
  readonly began: number;
  /** The manifest when the plan was made. */
  readonly manifest: Manifest;
  /** The manifest on disk cannot be used. */
  readonly brokenManifest: boolean;
  /** Updated records to write even if nothing is installed. */
  readonly reverified: readonly VerifiedRecord[];
}

/** The machine's toolchains, for Python programs and Go builds. */
export interface ToolchainContext {
  readonly env: Env;
  readonly home: string;
  /** The machine's own platform: a Go toolchain must run here. */
  readonly machine: Platform;
  readonly catalogue: Catalogue;
  readonly offline: boolean;
}

/** Tools of this run that a tool needs: each resolves to its record, or undefined if it failed. */
export type Needs = ReadonlyMap<string, Promise<VerifiedRecord | undefined>>;

/** What installing one tool needs besides its step. */
export interface ToolRun {
  readonly context: ApplyContext;
  readonly staging: Staging;
  readonly toolchains: SharedToolchains;
  /** Those of the plan. */
  readonly needs: Needs;
  /** The same for any tool: starts its installation if the plan has it only for this case. */
  readonly ready: (tool: string) => Promise<VerifiedRecord | undefined>;
  /** Limits how many tools are fetched and unpacked at once. */
  readonly queue: <T>(work: () => Promise<T>) => Promise<T>;
  /** Starts smoke tests where there are many. */
  readonly starter: Starter | undefined;
  readonly onFallback: (fallback: OlderVersion) => void;
}

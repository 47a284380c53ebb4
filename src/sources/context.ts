import type { ProblemCode } from "../core/errors.ts";
import type { Platform } from "../core/platform.ts";
import type { WrittenDigests } from "../io/volume/tree-list.ts";
import type { AptConfig } from "../net/apt-config.ts";
import type { Http } from "../net/http.ts";
import type { NpmConfig } from "../net/npm-config.ts";
import type { Toolchains } from "./toolchains.ts";

/** The context for staging one artifact. */
export interface StageContext {
  readonly http: Http;
  /** The machine's npm configuration; read only if a registry is used. */
  readonly npm: () => Promise<NpmConfig>;
  /** The machine's apt configuration. */
  readonly apt: () => Promise<AptConfig>;
  /** For Python programs and Go modules. */
  readonly toolchains: Toolchains;
  readonly platform: Platform;
  /** False if programs of the platform do not run on this machine. */
  readonly runsHere: boolean;
  /**
   * Absolute; the empty work directory of this attempt. Downloads go to `download*`, the tree to
   * `tree`.
   */
  readonly dir: string;
  /** Bin name to path in the tree. */
  readonly bins: Readonly<Record<string, string>>;
  /** Collects the digest of each file of the tree. */
  readonly written: WrittenDigests;
  /** True if another source has the same: the wait for this one is then short. */
  readonly hasAlternative?: boolean | undefined;
  /** An operator has named the recipe's URLs: the machine's credentials are sent to them. */
  readonly isPrivate?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Bytes so far and in total, if known. */
  readonly onProgress: (received: number, total?: number) => void;
  /** Called with messages for the user about the download. */
  readonly onNote?: ((message: string) => void) | undefined;
  /** Called with what may keep the tree from working here. */
  readonly onWarning?: ((problem: ProblemCode, message: string) => void) | undefined;
  readonly onPhase?: (phase: "download" | "unpack" | "build") => void;
}

/** A complete, verified tree that is not yet published. */
export interface Staged {
  /** Absolute. */
  readonly tree: string;
  readonly source: {
    /** The artifact's kind. */
    readonly kind: string;
    /** The source URL, or NAME@VERSION of a registry. */
    readonly from: string;
    /** `sha256:…` or `sha512:…` of the download; for a closure, of its list of packages. */
    readonly digest: string;
    /** Bytes downloaded. */
    readonly size: number;
    /** The Python version that packages were chosen for: `3.12`. */
    readonly python?: string;
  };
  /** A Python that programs of the tree are started with, relative to the tree. */
  readonly interpreter?: string | undefined;
  /** By path in the tree: programs that are not started directly. */
  readonly starts?: Readonly<Record<string, Start>>;
}

/** How a program is started indirectly. */
export interface Start {
  /** The tool that runs it (`node`). */
  readonly runtime?: string;
  /** The path in the tree of the real program, if `path` is a launcher. */
  readonly program?: string;
}

import type { Platform } from "../core/platform.ts";
import type { WrittenDigests } from "../io/volume/tree-list.ts";
import type { AptConfig } from "../net/apt-config.ts";
import type { Http } from "../net/http.ts";
import type { NpmConfig } from "../net/npm-config.ts";
import type { Toolchains } from "./toolchains.ts";

/** What a source needs to stage one artifact. */
export interface StageContext {
  readonly http: Http;
  /** The machine's npm configuration; read only by what asks a registry. */
  readonly npm: () => Promise<NpmConfig>;
  /** The machine's apt configuration. */
  readonly apt: () => Promise<AptConfig>;
  /** For Python programs and Go modules; a source that needs it and has none is a bug. */
  readonly toolchains?: Toolchains;
  readonly platform: Platform;
  /** False where programs of the platform do not run on this machine. */
  readonly runsHere: boolean;
  /** Absolute; an empty directory of this attempt. Downloads go to `download*`, the tree to `tree`. */
  readonly dir: string;
  /** Bin name to path in the tree. */
  readonly bins: Readonly<Record<string, string>>;
  /** Learns the digest of each file of the tree. */
  readonly written: WrittenDigests;
  /** True where another source has the same: this one is not waited for long. */
  readonly hasAlternative?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes so far and in all, where known. */
  readonly onProgress: (received: number, total?: number) => void;
  /** Hears what a person may want to know of what was fetched. */
  readonly onNote?: ((message: string) => void) | undefined;
  readonly onPhase?: (phase: "download" | "unpack" | "build") => void;
}

/** A tree that is complete, verified and not yet published. */
export interface Staged {
  /** Absolute. */
  readonly tree: string;
  readonly source: {
    /** The artifact's kind. */
    readonly kind: string;
    /** The URL it came from, or NAME@VERSION of a registry. */
    readonly from: string;
    /** `sha256:…` or `sha512:…` of the download; of the list of packages for a closure. */
    readonly digest: string;
    /** Bytes downloaded. */
    readonly size: number;
    /** The line of Python that packages were chosen for: `3.12`. */
    readonly python?: string;
  };
  /** By paths in the tree: what is not a program that starts by itself. */
  readonly starts?: Readonly<Record<string, Start>>;
}

/** How a program is started that does not start by itself. */
export interface Start {
  /** The tool that runs it (`node`). */
  readonly runtime?: string;
  /** The path in the tree of what is really run, where the program is a launcher. */
  readonly program?: string;
}

export function toolchainsOf({ toolchains }: StageContext): Toolchains {
  if (!toolchains) throw new Error("a source needs a toolchain, and the run has given none");
  return toolchains;
}

import type { Platform } from "../core/platform.ts";
import type { Http } from "../net/http.ts";
import type { NpmConfig } from "../net/npm-config.ts";
import type { Languages } from "./languages.ts";

/** What a source needs to bring one artifact. */
export interface StageContext {
  readonly http: Http;
  /** The machine's npm configuration; read only by what asks a registry. */
  readonly npm: () => Promise<NpmConfig>;
  /** For Python programs, Go builds and bytecode; a source that needs it and has none is a bug. */
  readonly languages?: Languages;
  readonly platform: Platform;
  /** Absolute; an empty directory of this attempt. Downloads go to `download*`, the tree to `tree`. */
  readonly dir: string;
  /** Bin name to path in the tree. */
  readonly bins: Readonly<Record<string, string>>;
  /** True where another source has the same: this one is not waited for long. */
  readonly hasAlternative?: boolean;
  readonly signal?: AbortSignal;
  /** Bytes so far and in all, where known. */
  readonly onProgress: (received: number, total?: number) => void;
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
}

import type { Artifact } from "../core/recipe.ts";
import { mkdir } from "../io/disk.ts";
import type { AptConfig } from "../net/apt-config.ts";
import type { GoConfig } from "../net/go-config.ts";
import type { Http } from "../net/http.ts";
import type { NpmConfig } from "../net/npm-config.ts";
import type { PipConfig } from "../net/pip-config.ts";
import type { StageContext, Staged } from "./context.ts";
import type { Bins } from "./tree.ts";

/**
 * One kind of source. Each has a file in its folder; `source.ts` has the table. What a plan needs
 * to know about a kind is in `core/plan/kinds.ts`; how authors pin it is in `author/pin.ts`.
 */
export interface SourceKind<A extends Artifact> {
  /** Downloads, verifies and unpacks it, and checks that each named program exists. */
  stage(artifact: A, context: StageContext): Promise<Staged>;
  /** Everything that it pins, to be fetched and compared without an installation. */
  pinnedBy(artifact: A, bins: Bins): readonly (PinnedFile | PinnedArchive)[];
}

/** A pinned download. */
export interface PinnedFile {
  /** Artifacts that pin the same file share its id. */
  readonly id: string;
  /**
   * Fetches it into a file, or into a directory of that name. Throws a UserError: `integrity` if it
   * differs from the pinned one.
   */
  fetch(file: string, context: FetchContext): Promise<unknown>;
}

/** One that is unpacked to be compared. */
export interface PinnedArchive extends PinnedFile {
  readonly isArchive: true;
  fetch(dir: string, context: FetchContext): Promise<Staged>;
}

/** The context for fetching; each configuration is read only if needed. */
export interface FetchContext {
  readonly http: Http;
  readonly npm: () => Promise<NpmConfig>;
  readonly apt: () => Promise<AptConfig>;
  readonly pip: () => Promise<PipConfig>;
  readonly goConfig: () => Promise<GoConfig>;
  /** The checksum of MODULE@VERSION in the checksum database. */
  readonly goSum: (module: string) => Promise<string>;
  readonly signal: AbortSignal;
}

/** The context for staging an archive, which is the same on every platform. */
export type ArchiveContext = Omit<StageContext, "apt" | "toolchains" | "platform" | "runsHere">;

/**
 * The one archive that an artifact pins. It is staged to be compared, so that the error is the same as for an
 * installation. `what` identifies it together with `bins`.
 */
export function pinnedArchive(
  what: readonly unknown[],
  bins: Bins,
  stage: (context: ArchiveContext, given: FetchContext) => Promise<Staged>,
): readonly [PinnedArchive] {
  return [
    {
      id: JSON.stringify([...what, bins]),
      isArchive: true,
      async fetch(dir, given) {
        const { http, npm, signal } = given;
        await mkdir(dir);
        const compared = { written: new Map(), onProgress: () => {}, isPrivate: true };
        return await stage({ http, npm, dir, bins, signal, ...compared }, given);
      },
    },
  ];
}

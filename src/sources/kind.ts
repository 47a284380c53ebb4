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
 * One kind of source. Each has a file in its room; `source.ts` has the table of all. What a plan must know
 * of a kind is in `core/plan/kinds.ts`; what makes its pins, for authors, in `author/pin.ts`.
 */
export interface SourceKind<A extends Artifact> {
  /** Downloads, verifies and unpacks it, and checks that each promised program is there. */
  stage(artifact: A, context: StageContext): Promise<Staged>;
  /** All that it pins, to be fetched and compared where nothing is installed. */
  pinnedBy(artifact: A, bins: Bins): readonly PinnedFile[];
}

/** Something that is pinned. */
export interface PinnedFile {
  /** What several artifacts pin has one id. */
  readonly id: string;
  /**
   * Fetches it into a file, or into a directory of that name. Throws a UserError: `integrity` where it is
   * another than the one that is pinned.
   */
  fetch(file: string, context: FetchContext): Promise<unknown>;
}

/** What fetching needs of the machine; each configuration is read only by what asks for it. */
export interface FetchContext {
  readonly http: Http;
  readonly npm: () => Promise<NpmConfig>;
  readonly apt: () => Promise<AptConfig>;
  readonly pip: () => Promise<PipConfig>;
  readonly goConfig: () => Promise<GoConfig>;
  /** The checksum of MODULE@VERSION, as the checksum database has it. */
  readonly goSum: (module: string) => Promise<string>;
  readonly signal: AbortSignal;
}

/** What an archive needs to be staged: it is the same on every platform. */
export type ArchiveContext = Omit<StageContext, "apt" | "toolchains" | "platform" | "runsHere">;

/** Stages an archive to compare it, so that what is said of it is what an installation would say. */
export async function stageToCompare(
  stage: (context: ArchiveContext) => Promise<unknown>,
  dir: string,
  bins: Bins,
  { http, npm, signal }: FetchContext,
): Promise<void> {
  await mkdir(dir);
  await stage({ http, npm, dir, bins, written: new Map(), onProgress: () => {}, signal });
}

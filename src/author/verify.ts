import { join } from "node:path";
import pLimit from "p-limit";
import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import type { Artifact } from "../core/recipe.ts";
import { rm } from "../io/disk.ts";
import { readGoConfig } from "../net/go-config.ts";
import type { FetchContext, PinnedArchive, PinnedFile } from "../sources/kind.ts";
import { listPrograms } from "../sources/programs.ts";
import { pinnedBy } from "../sources/source.ts";
import type { Bins } from "../sources/tree.ts";
import type { DraftContext } from "./draft-context.ts";
import { type LibcNeeds, libcNeeds } from "./libc-needs.ts";
import { lockGoModule } from "./lock-go.ts";
import { ownProgram } from "./own-programs.ts";

const filesAtOnce = 6;

/** Fetches and compares everything that artifacts pin; shared files are fetched once. */
export interface Verifier {
  /**
   * The number of files that match. Throws a UserError: `integrity` if one does not match the
   * recipe, `recipe` if an archive differs from the recipe or lacks one of `bins`, other kinds if
   * one was not available.
   */
  verify(artifact: Artifact, bins: Bins): Promise<number>;
  /** What the programs of a verified archive need; undefined for other kinds of sources. */
  needs(artifact: Artifact, bins: Bins): LibcNeeds | undefined;
}

export function openVerifier(draft: DraftContext): Verifier {
  const { dir } = draft;
  const limit = pLimit(filesAtOnce);
  const context = fetchContextOf(draft);
  const seen = new Map<string, Promise<void>>();
  const needs = new Map<string, LibcNeeds>();
  const compare = (pinned: PinnedFile | PinnedArchive, bins: Bins): Promise<void> => {
    const { id } = pinned;
    const found = seen.get(id);
    if (found) return found;
    const file = join(dir, `verify-${seen.size + 1}`);
    const work = limit(async () => {
      if ("isArchive" in pinned) {
        const { tree } = await pinned.fetch(file, context);
        const paths = Object.values(bins);
        const programs = (await listPrograms(tree)).filter(({ path }) => paths.includes(path));
        needs.set(id, await libcNeeds(tree, programs));
      } else await pinned.fetch(file, context);
      await rm(file, { recursive: true, force: true });
    });
    seen.set(id, work);
    return work;
  };
  return {
    async verify(artifact, bins) {
      const work = pinnedBy(artifact, bins).map((pinned) => compare(pinned, bins));
      const settled = await Promise.allSettled(work);
      const errors = settled.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
      const isWrong = (error: unknown) => error instanceof UserError && error.kind === "integrity";
      if (errors.length > 0) throw errors.find(isWrong) ?? errors[0];
      return work.length;
    },
    needs: (artifact, bins) => pinnedBy(artifact, bins).flatMap(({ id }) => needs.get(id) ?? [])[0],
  };
}

/** The author's machine: its configurations, and its own go. */
function fetchContextOf(draft: DraftContext): FetchContext {
  const { http, npm, apt, pip, env, home, signal = new AbortController().signal } = draft;
  return {
    http,
    npm,
    apt,
    pip,
    goConfig: once(() => readGoConfig(env, home, ownProgram("go", env))),
    goSum: (module) => lockGoModule(module, draft),
    signal,
  };
}

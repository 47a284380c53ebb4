import { resolveNodeLibraries } from "../author/node-libraries.ts";
import { resolvePythonLibraries } from "../author/python-libraries.ts";
import type { DraftedLock } from "../core/libraries/recorded.ts";
import type { LibrarySet } from "../core/library-set.ts";
import { indexesFor } from "../sources/python/indexes.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import type { ApplyContext } from "./apply-context.ts";

interface SetContext {
  readonly context: Pick<ApplyContext, "platform" | "http" | "emit" | "signal" | "toolchains">;
  readonly toolchains: Toolchains;
  /** Absolute; an empty directory of this run. */
  readonly dir: string;
  /** The skill that declares it. */
  readonly by: string;
}

/** The lock of a library set, resolved from the machine's own indexes now. */
export async function draftLibraries(
  set: LibrarySet,
  { context, toolchains, dir, by }: SetContext,
): Promise<DraftedLock> {
  const { platform, http, emit, signal } = context;
  const common = { dir, platform, emit, signal };
  if (set.language === "python") {
    const lock = await resolvePythonLibraries(set, { ...common, http, toolchains });
    const { defaultIndex: index } = await indexesFor(http, await toolchains.python(), toolchains);
    return { lock, ...(index && { index }) };
  }
  const { env, offline } = context.toolchains;
  return { lock: await resolveNodeLibraries(set, { ...common, env, offline, by }) };
}

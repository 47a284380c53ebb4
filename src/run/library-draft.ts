import { resolveNodeLibraries } from "../author/node-libraries.ts";
import { resolvePythonLibraries } from "../author/python-libraries.ts";
import type { LibrarySet } from "../core/library-set.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import type { ApplyContext } from "./apply-context.ts";

interface SetContext {
  readonly context: ApplyContext;
  readonly toolchains: Toolchains;
  /** Absolute; an empty directory of this run. */
  readonly dir: string;
}

/** The text of a lock for a library set, resolved from the machine's own indexes now. */
export async function draftLibraries(
  set: LibrarySet,
  { context, toolchains, dir }: SetContext,
): Promise<string> {
  const { platform, http, emit, signal } = context;
  const common = { dir, platform, emit, signal };
  if (set.language === "python")
    return await resolvePythonLibraries(set, { ...common, http, toolchains });
  const { env, offline } = context.toolchains;
  return await resolveNodeLibraries(set, { ...common, env, offline });
}

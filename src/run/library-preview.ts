import { join } from "node:path";
import pLimit from "p-limit";
import { UserError } from "../core/errors.ts";
import { changesOf, lockIn } from "../core/libraries/recorded.ts";
import { type LibrarySet, librariesTool } from "../core/library-set.ts";
import type { DeclaredRecord } from "../core/plan/declared.ts";
import { asUserError } from "../core/system-error.ts";
import { mkdir } from "../io/disk.ts";
import { withTemporaryDirectory } from "../io/temporary.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import type { ApplyContext } from "./apply-context.ts";
import { draftLibraries } from "./declared-draft.ts";
import { anyPythonOf, shareToolchains } from "./toolchains.ts";

/** What resolving a pinned set again would change. */
export interface SetPreview {
  readonly tool: string;
  /** `words 1.0 -> 1.1`, `new: rich 2.0`, `gone: x 1`; none if nothing would change. */
  readonly changes: readonly string[];
  /** Why it cannot be said. */
  readonly problem?: string;
}

type PreviewContext = Pick<ApplyContext, "platform" | "runsHere"> &
  Parameters<typeof shareToolchains>[0];

/** Resolves pinned sets from the machine's own indexes as they are now, and changes nothing. */
export async function previewSets(
  sets: readonly LibrarySet[],
  pinned: DeclaredRecord["tools"],
  context: PreviewContext,
): Promise<SetPreview[]> {
  return await withTemporaryDirectory("skill-deps-preview", (dir) =>
    previewIn(dir, sets, pinned, context),
  );
}

async function previewIn(
  dir: string,
  sets: readonly LibrarySet[],
  pinned: DeclaredRecord["tools"],
  context: PreviewContext,
): Promise<SetPreview[]> {
  const newDir = async (name: string): Promise<string> => {
    const path = join(dir, name);
    await mkdir(path);
    return path;
  };
  const shared = shareToolchains(context, { workDir: newDir });
  const limit = pLimit(2); // each starts a pip or an npm
  const preview = async (set: LibrarySet): Promise<SetPreview> => {
    const tool = librariesTool(set);
    const former = pinned[tool];
    if (!former) return { tool, changes: [] };
    try {
      const toolchains = withPython(shared, tool, context);
      const quiet = { ...context, emit: () => {} }; // it says what is said where it is installed
      const given = { context: quiet, toolchains, dir: await newDir(tool), by: former.by };
      const { lock } = await draftLibraries(set, given);
      return { tool, changes: changesOf(tool, lockIn(former), lock) };
    } catch (thrown) {
      const error = asUserError(thrown);
      if (!(error instanceof UserError) || context.signal.aborted) throw error;
      return { tool, changes: [], problem: error.message };
    }
  };
  return await Promise.all(sets.map((set) => limit(() => preview(set))));
}

function withPython(
  shared: ReturnType<typeof shareToolchains>,
  tool: string,
  context: PreviewContext,
): Toolchains {
  const anyPython = () => anyPythonOf(context, tool, new Map());
  return {
    ...shared,
    anyPython,
    async python() {
      const python = await anyPython();
      if (python) return python;
      throw new UserError("E_RECIPE", "the volume has no Python, whose pip would resolve it");
    },
  };
}

import { join } from "node:path";
import pLimit from "p-limit";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { changesOf, lockIn, recordOf } from "../core/libraries/recorded.ts";
import { lineOfTool } from "../core/library-set.ts";
import { artifactsFor, downloadSize } from "../core/plan/artifact.ts";
import type { DeclaredTool } from "../core/plan/declared.ts";
import { recordedRecipe, renderDeclared } from "../core/plan/declared.ts";
import type { InstallStep } from "../core/plan/plan.ts";
import type { DeclaredArtifact, DeclaredLibrariesArtifact } from "../core/recipe.ts";
import { nameSome } from "../core/wording.ts";
import { writeAtomically } from "../io/files.ts";
import { readDeclared } from "../io/volume/declared-file.ts";
import { withLease } from "../io/volume/lease.ts";
import { openShare } from "../io/volume/volume.ts";
import type { ApplyContext, ToolRun } from "./apply-context.ts";
import { draftDeclared, draftLibraries } from "./declared-draft.ts";
import { withPython } from "./toolchains.ts";

/**
 * Pins a skill's declaration at its first use and records the result. The step is then like any
 * other, with literal sources and their digests. An existing record stays.
 */
export async function resolveDeclared(
  open: DeclaredArtifact | DeclaredLibrariesArtifact,
  step: InstallStep,
  run: ToolRun,
): Promise<InstallStep> {
  const { context } = run;
  const { tool } = step;
  if (open.recorded !== undefined) {
    const message = `the skill ${open.by} declares ${open.from}; at its first use it was ${open.recorded}`;
    throw new UserError("E_DECLARED_CHANGED", message);
  }
  const pinned = await ("set" in open ? pinSet(open, step, run) : pinProgram(open, step, run));
  const made: DeclaredTool = {
    from: open.from,
    by: open.by,
    at: context.clock().toISOString(),
    ...pinned,
  };
  return recordedStep(step, await record(tool, made, open.accepted === true, context), context);
}

type Pinned = Pick<DeclaredTool, "recipe" | "locks">;

async function pinProgram(
  open: DeclaredArtifact,
  { tool, bins }: InstallStep,
  run: ToolRun,
): Promise<Pinned> {
  const { context, staging } = run;
  const message = `${tool} is installed as the skill ${open.by} declares, which no recipe verifies: ${open.from}`;
  const hint = `Its current contents are pinned in ${layout.declared} for later installations.`;
  context.emit({ type: "warning", problem: "E_DECLARED_UNVERIFIED", message, hint });
  const dir = await staging.workDir(tool);
  const toolchains = withPython(tool, run);
  const { document, locks } = await draftDeclared(open, { bins, tool, context, toolchains, dir });
  return { recipe: { ...document }, locks: { ...locks } };
}

async function pinSet(
  { set, by, from }: DeclaredLibrariesArtifact,
  { tool, title = tool }: InstallStep,
  run: ToolRun,
): Promise<Pinned> {
  const { context, staging } = run;
  context.emit({
    type: "note",
    message: `${title}: resolving what the skill ${by} declares in ${from}`,
  });
  const toolchains = withPython(tool, run);
  const dir = await staging.workDir(tool);
  const drafted = await draftLibraries(set, { context, toolchains, dir, by });
  const former = (await readDeclared(context.prefix)).tools[tool];
  if (former) {
    const changes = changesOf(tool, lockIn(former), drafted.lock);
    const said = changes.length > 0 ? nameSome(changes, 20) : "nothing has changed";
    context.emit({ type: "note", message: `${title}: ${said}` });
  }
  return recordOf(set, drafted);
}

/** The step of a recorded declaration. */
function recordedStep(
  step: InstallStep,
  held: DeclaredTool,
  { platform }: ApplyContext,
): InstallStep {
  const recipe = recordedRecipe(step.tool, held);
  if (typeof recipe === "string") {
    throw new UserError("E_DECLARED", `${held.from} cannot be installed: ${recipe}`);
  }
  const found = artifactsFor(recipe, platform);
  if ("reason" in found) throw new UserError("E_NO_BUILD", found.reason);
  const { artifacts } = found;
  const size = artifacts[0] && downloadSize(artifacts[0], platform, undefined);
  return { ...step, size: size ?? step.size, version: recipe.version, recipe, artifacts };
}

/** The sets of one run would wait for each other's lease, which takes far longer than to write the record. */
const recording = pLimit(1);

/** Of several runs the first one's record is used, unless the user has confirmed to replace it. */
async function record(
  tool: string,
  made: DeclaredTool,
  replace: boolean,
  { prefix, signal, emit }: ApplyContext,
): Promise<DeclaredTool> {
  const message = "waiting for another run's declarations";
  const onWait = () => emit({ type: "note", message });
  const change = async (): Promise<DeclaredTool> => {
    const { tools } = await readDeclared(prefix);
    const other = tools[tool];
    if (other && !replace) return other;
    await openShare(prefix);
    const text = renderDeclared({ schema: 1, tools: { ...tools, [tool]: made } });
    await writeAtomically(join(prefix, layout.declared), text);
    return made;
  };
  return await recording(() => withLease({ prefix, name: "declared", signal, onWait }, change));
}

/** Wrong bytes of a declaration may be a new release: only the user can decide. */
export function howToAccept(tool: string, error: unknown): unknown {
  if (!(error instanceof UserError) || error.kind !== "integrity") return error;
  const { message, cause } = error;
  return new UserError(
    "E_DECLARED_CHANGED",
    `${tool} has changed since its first use: ${message}`,
    {
      cause,
      hint: `Nothing was installed from it. To accept the change: openclaw-install-skill-deps ${lineOfTool(tool) ? "--allow-libraries" : "--allow-declared"} --force-reinstall ${tool}`,
    },
  );
}

import type { Context } from "../context.ts";
import { UserError } from "../core/errors.ts";
import type { VerifiedRecord } from "../core/manifest.ts";
import type { Plan, Step } from "../core/plan/plan.ts";
import type { Catalogue } from "../core/recipe.ts";
import { isFilledElsewhere } from "../io/volume/volume.ts";
import { warningOf } from "../report/events.ts";
import { type Applied, applyPlan } from "../run/apply.ts";
import type { ApplyRequest } from "../run/apply-context.ts";
import { failureOf } from "../run/failed.ts";
import { grantedTools } from "../run/inputs/agent-requests.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import { type MachineContext, withMachine } from "./machine-context.ts";

/**
 * Applies the steps of a plan. Loaded only if there are any: a run that finds nothing to do needs
 * no network code.
 */
export async function apply(
  state: InstalledState,
  work: readonly Step[],
  requested: readonly string[],
  context: Context,
): Promise<Applied> {
  const { options, reporter } = context;
  const dir = state.seed?.dir;
  const skills = options.names.length === 0 ? state.selected : undefined;
  try {
    return await applyHere(
      state.plan,
      {
        prefix: state.prefix,
        catalogue: state.catalogue,
        seed: dir === undefined ? undefined : { called: `the seed ${dir}`, open: async () => dir },
        reasonsFor: (installed) => ({
          skills,
          requested: [...requested, ...grantedAmong(installed, state)],
          held: heldInSeed(installed, state),
        }),
        manifest: state.manifest,
        brokenManifest: state.brokenManifest,
        reverified: state.inspection.reverified,
      },
      context,
    );
  } catch (error) {
    // On a read-only volume missing programs are unmet requirements, not failures.
    if (!(error instanceof UserError) || (error.kind !== "unmet" && work.length > 0)) throw error;
    if (work.length === 0 && !isFilledElsewhere(error)) {
      const what = "everything required is installed, but this could not be recorded";
      reporter.emit(warningOf(error, `${what}: ${error.message}`));
    }
    const failures = work.map((step) => failureOf(step, error));
    for (const each of failures) reporter.emit({ type: "failed", ...each });
    return { manifest: state.manifest, installed: [], linked: [], failures, fallbacks: [] };
  }
}

/** Tools that are held in the seed are held here, too. */
function heldInSeed(installed: readonly VerifiedRecord[], { seed }: InstalledState): string[] {
  const copied = installed.filter(({ source }) => seed !== undefined && source.seed === seed.dir);
  return copied.flatMap(({ tool }) => (seed?.held.includes(tool) ? [tool] : []));
}

/** Tools that agents asked for: unlike those of the operator, they are recorded once they are installed. */
function grantedAmong(installed: readonly VerifiedRecord[], { agents }: InstalledState): string[] {
  const granted = new Set(grantedTools(agents));
  return installed.flatMap(({ tool }) => (granted.has(tool) ? [tool] : []));
}

/** A plan's target volume, and the sources of its tools. */
type Wanted = Omit<ApplyRequest, keyof MachineContext> & { readonly catalogue: Catalogue };

/** Applies a plan with the machine's registries and mirrors. */
export async function applyHere(
  plan: Plan,
  { catalogue, ...wanted }: Wanted,
  context: Context,
): Promise<Applied> {
  return await withMachine(catalogue, context, (machine) =>
    applyPlan(plan, { ...wanted, ...machine }),
  );
}

import type { Context } from "../context.ts";
import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import type { Plan, Step } from "../core/plan/plan.ts";
import { platformId } from "../core/platform.ts";
import type { Catalogue } from "../core/recipe.ts";
import { readAptConfig } from "../net/apt-config.ts";
import { createHttp } from "../net/http.ts";
import { readNetworkSettings } from "../net/network-settings.ts";
import { readNpmConfig } from "../net/npm-config.ts";
import { type Applied, applyPlan } from "../run/apply.ts";
import type { ApplyRequest } from "../run/apply-context.ts";
import { asFailure } from "../run/cleanup.ts";
import type { InstalledState } from "../run/inputs/state.ts";

/**
 * Does the steps that are work. Loaded only where there is work: a run that finds nothing to do needs no
 * network.
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
        platform: state.platform,
        catalogue: state.catalogue,
        seed: dir === undefined ? undefined : { called: `the seed ${dir}`, open: async () => dir },
        reasonsFor: () => ({ skills, requested }),
        manifest: state.manifest,
        brokenManifest: state.brokenManifest,
        resealed: state.inspection.resealed,
      },
      context,
    );
  } catch (error) {
    // A read-only volume is what this place is: its missing programs are unmet, not a failure.
    if (!(error instanceof UserError) || (error.kind !== "unmet" && work.length > 0)) throw error;
    if (work.length === 0) sayUnrecorded(error, context);
    const failures = work.map(({ tool }) => asFailure(tool, error));
    for (const each of failures) reporter.emit({ type: "failed", ...each });
    return { manifest: state.manifest, installed: [], linked: [], failures, fallbacks: [] };
  }
}

/** What a plan is for: a volume, and where its tools come from. */
type Wanted = Pick<
  ApplyRequest,
  "prefix" | "platform" | "seed" | "reasonsFor" | "manifest" | "brokenManifest" | "resealed"
> & { readonly catalogue: Catalogue };

/** Applies a plan with what the machine's configuration says of registries and mirrors. */
export async function applyHere(
  plan: Plan,
  { catalogue, ...wanted }: Wanted,
  context: Context,
): Promise<Applied> {
  const { options, env, home, machine, signal, clock } = context;
  const { emit } = context.reporter;
  const npm = once(() => readNpmConfig(env, home));
  const { mirrors, offline, jobs } = options;
  const http = createHttp({
    env,
    mirrors,
    offline,
    settings: () => readNetworkSettings(env, home, npm),
    onDetail: (message) => emit({ type: "detail", message }),
  });
  try {
    return await applyPlan(plan, {
      ...wanted,
      runsHere: platformId(wanted.platform) === platformId(machine),
      http,
      npm,
      apt: once(() => readAptConfig(env)),
      toolchains: { env, home, offline, machine, catalogue },
      jobs,
      emit,
      signal,
      clock,
    });
  } finally {
    await http.close();
  }
}

/** Everything that is asked for is there: what cannot be written down is no failure, and worth a word. */
function sayUnrecorded(
  { kind, problem, message, hint }: UserError,
  { reporter: { emit } }: Context,
): void {
  if (kind === "unmet" || kind === "permission") return; // this volume is filled elsewhere
  const said = `what is asked for is installed, and could not be recorded: ${message}`;
  emit({ type: "warning", problem, message: said, hint });
}

import { type Context, isNative, targetPlatform } from "../context.ts";
import { once } from "../core/once.ts";
import type { Catalogue } from "../core/recipe.ts";
import { readAptConfig } from "../net/apt-config.ts";
import { machineHttp } from "../net/machine-http.ts";
import type { ApplyContext } from "../run/apply-context.ts";

/** The machine's registries, mirrors and toolchains, and how this run uses them. */
export type MachineContext = Pick<
  ApplyContext,
  | ("platform" | "runsHere" | "http" | "npm" | "apt")
  | ("toolchains" | "jobs" | "emit" | "signal" | "clock")
>;

/** Calls `use` with what a run has of this machine, and closes its connections afterwards. */
export async function withMachine<Result>(
  catalogue: Catalogue,
  context: Context,
  use: (machine: MachineContext) => Promise<Result>,
): Promise<Result> {
  const { options, env, home, machine, signal, clock } = context;
  const { emit } = context.reporter;
  const { offline, jobs } = options;
  const onDetail = (message: string) => emit({ type: "detail", message });
  const { http, npm } = machineHttp({ env, home }, { ...options, onDetail });
  try {
    return await use({
      platform: targetPlatform(context),
      runsHere: isNative(context),
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

import type { Context } from "../context.ts";
import { once } from "../core/once.ts";
import { type Platform, platformId } from "../core/platform.ts";
import type { Catalogue } from "../core/recipe.ts";
import { readAptConfig } from "../net/apt-config.ts";
import { machineHttp } from "../net/machine-http.ts";
import type { ApplyContext } from "../run/apply-context.ts";

/** The machine's registries, mirrors and toolchains, and how this run uses them. */
type MachineContext = Pick<
  ApplyContext,
  "runsHere" | "http" | "npm" | "apt" | "toolchains" | "jobs" | "emit" | "signal" | "clock"
>;

/** Calls `use` with what a run for a platform has of this machine, and closes its connections afterwards. */
export async function withMachine<Result>(
  catalogue: Catalogue,
  platform: Platform,
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
      runsHere: platformId(platform) === platformId(machine),
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

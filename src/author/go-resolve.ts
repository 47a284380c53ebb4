import { offlineCause, UserError } from "../core/errors.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import type { StageContext } from "../sources/context.ts";
import { openBuild } from "../sources/go/build.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import { goSource } from "./lock-go.ts";

/**
 * The source of a recipe for PATH@VERSION, resolved by a Go of the machine, the volume or this run.
 */
export async function resolveGo(
  spec: string,
  context: Pick<StageContext, "dir" | "platform" | "signal">,
  toolchains: Toolchains,
): Promise<RecipeSource> {
  if (toolchains.offline) {
    const message = `${spec} is needed, but this run is offline`;
    throw new UserError("E_OFFLINE", message, { shared: offlineCause });
  }
  const build = await openBuild(spec, context, toolchains, await toolchains.toolchain("1"));
  return await goSource(spec, (args) => build.go(args, 5 * 60_000));
}

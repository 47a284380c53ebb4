import { offlineCause, UserError } from "../core/errors.ts";
import { goLine, goModules } from "../core/locks/go-path.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import { orNothing, textOf } from "../io/files.ts";
import type { StageContext } from "../sources/context.ts";
import { openBuild } from "../sources/go/build.ts";
import type { Toolchains } from "../sources/toolchains.ts";

interface Answer {
  readonly Version?: string;
  readonly Sum?: string;
  readonly GoMod?: string;
  readonly Error?: string;
}

/**
 * The source of a recipe for PATH@VERSION, a package of some module: the machine's proxy is asked for
 * it, under the checksum database.
 */
export async function resolveGo(
  spec: string,
  context: Pick<StageContext, "dir" | "platform" | "signal">,
  toolchains: Toolchains,
): Promise<RecipeSource> {
  const { name: path, version } = splitPackage(spec);
  if (toolchains.offline) {
    throw new UserError("E_OFFLINE", `${spec} is needed, and this run is offline`, {
      shared: offlineCause,
    });
  }
  const toolchain = await toolchains.toolchain("1");
  const build = await openBuild({ module: path }, context, toolchains, toolchain);
  const said: string[] = [];
  for (const { module, directory } of goModules(path)) {
    const args = ["mod", "download", "-json", `${module}@${version}`];
    const { stdout, stderr } = await build.go(args, 5 * 60_000);
    const found: Answer = orNothing(() => JSON.parse(stdout)) ?? {};
    if (found.Sum === undefined || found.Version === undefined) {
      said.push(found.Error ?? stderr.trim());
      continue;
    }
    const least = goLine(await textOf(found.GoMod ?? ""));
    return {
      go: `${module}@${found.Version}`,
      ...(directory === "." ? {} : { package: directory }),
      sum: found.Sum,
      ...(least === undefined ? {} : { toolchain: least }),
    };
  }
  throw new UserError(
    "E_GO_MODULE",
    `${spec} cannot be fetched: ${said.at(-1) ?? "it is not a module"}`,
  );
}

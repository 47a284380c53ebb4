import { basename } from "node:path/posix";
import { UserError } from "../core/errors.ts";
import { goModules } from "../core/locks/go-path.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import { type DraftContext, type DraftWish, toolName } from "./draft.ts";
import { lockGoModule } from "./lock-go.ts";
import { type Draft, describeTool } from "./recipe-text.ts";

/** The draft of a recipe from PATH or PATH@VERSION: a module, or a package of one. */
export async function draftFromGo(
  spec: string,
  wish: DraftWish,
  context: DraftContext,
): Promise<Draft> {
  const { name: path, version } = splitPackage(spec);
  const { module, directory, found } = await findModule(path, version || "latest", context);
  const called = basename(directory === "." ? module.replace(/\/v\d+$/, "") : directory);
  const [bin = called, ...others] = wish.bins;
  if (others.length > 0) {
    throw new UserError("E_DRAFT_NAME", "a package of Go is one program", {
      hint: "Name it with --bin.",
    });
  }
  const tool = toolName(wish.name ?? bin.toLowerCase(), spec);
  const source: RecipeSource = {
    go: `${module}@${found.version}`,
    ...(directory === "." ? {} : { package: directory }),
    sum: found.sum,
    ...(found.toolchain === undefined ? {} : { toolchain: found.toolchain }),
  };
  const home = /^git(hub|lab)\.com\//.test(module)
    ? module.split("/").slice(0, 3).join("/")
    : module;
  return {
    document: {
      name: tool,
      ...describeTool({ homepage: `https://${home}` }),
      version: found.version.replace(/^v/, ""),
      provenance:
        "the module's sum as the checksum database has it, of the zip that the Go proxy serves",
      bins: { [bin]: `bin/${bin}` },
      test: [bin, "--version"],
      artifacts: { "linux-x64": source, "linux-arm64": source },
    },
    locks: {},
  };
}

async function findModule(path: string, version: string, { env }: DraftContext) {
  let first: unknown;
  for (const { module, directory } of goModules(path)) {
    try {
      return { module, directory, found: await lockGoModule(`${module}@${version}`, env) };
    } catch (error) {
      if (!(error instanceof UserError) || error.kind !== "network") throw error;
      first ??= error;
    }
  }
  throw first ?? new UserError("E_DRAFT_SOURCE", `${path} is not a module's path`);
}

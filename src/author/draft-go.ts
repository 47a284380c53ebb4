import { basename } from "node:path/posix";
import { UserError } from "../core/errors.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { type DraftWish, toolName } from "./draft.ts";
import type { DraftContext } from "./draft-context.ts";
import { goSource, withOwnGo } from "./lock-go.ts";
import { type Draft, describeTool } from "./recipe-text.ts";

/** The draft of a recipe from PATH or PATH@VERSION: a module, or a package of one. */
export async function draftFromGo(
  spec: string,
  wish: DraftWish,
  context: DraftContext,
): Promise<Draft> {
  if (!spec.includes("/")) {
    throw new UserError("E_DRAFT_SOURCE", `${spec} is not a module's path`);
  }
  const called = basename(splitPackage(spec).name.replace(/\/v\d+$/, ""));
  const [bin = called, ...others] = wish.bins;
  if (others.length > 0) {
    throw new UserError("E_DRAFT_NAME", "a Go package is a single program", {
      hint: "Give its name with --bin.",
    });
  }
  const tool = toolName(wish, bin.toLowerCase(), spec);
  const source = await withOwnGo(context, (ask) => goSource(spec, ask));
  const { name: module, version } = splitPackage(source.go ?? "");
  const home = /^git(hub|lab)\.com\//.test(module)
    ? module.split("/").slice(0, 3).join("/")
    : module;
  return {
    document: {
      name: tool,
      ...describeTool({ homepage: `https://${home}` }),
      version: version.replace(/^v/, ""),
      provenance:
        "the module's sum as the checksum database has it, of the zip that the Go proxy serves",
      bins: { [bin]: `bin/${bin}` },
      test: [bin, "--version"],
      artifacts: { "linux-x64": source, "linux-arm64": source },
    },
    locks: {},
  };
}

import { join } from "node:path";
import type { Artifact } from "../core/recipe.ts";
import { mkdir } from "../io/disk.ts";
import { stageArchive } from "./archive.ts";
import type { StageContext, Staged } from "./context.ts";
import { stageDebian } from "./debian/debian.ts";
import { stageGoBuild } from "./go/build.ts";
import { stageGoModule } from "./go/module.ts";
import { stageNpmClosure } from "./npm/closure.ts";
import { stageNpmPackage } from "./npm/package.ts";
import { compileBytecode } from "./python/bytecode.ts";
import { stagePython } from "./python/python.ts";
import type { Toolchains } from "./toolchains.ts";

/**
 * Downloads, verifies and unpacks an artifact, and checks that each promised program is there.
 * Throws a UserError that says what is wrong; the caller discards `context.dir`.
 */
export async function stage(artifact: Artifact, context: StageContext): Promise<Staged> {
  const staged = await stageKind(artifact, context);
  const program = context.bins.python3;
  if (artifact.bytecode !== undefined && program !== undefined && context.runsHere) {
    const home = join(context.dir, "compile");
    await mkdir(home);
    const modules = join(staged.tree, artifact.bytecode);
    await compileBytecode(join(staged.tree, program), modules, home, context.signal);
  }
  return staged;
}

async function stageKind(artifact: Artifact, context: StageContext): Promise<Staged> {
  switch (artifact.kind) {
    case "archive":
      return await stageArchive(artifact, context);
    case "npm-package":
      return await stageNpmPackage(artifact, context);
    case "npm-closure":
      return await stageNpmClosure(artifact, context);
    case "debian":
      return await stageDebian(artifact, context);
    case "python":
      return await stagePython(artifact, context, toolchainsOf(context));
    case "go-module":
      return await stageGoModule(artifact, context, toolchainsOf(context));
    case "go-build":
      return await stageGoBuild(artifact, context, toolchainsOf(context));
    case "declared":
      throw new Error(`${artifact.from} was not resolved`);
  }
}

function toolchainsOf({ toolchains }: StageContext): Toolchains {
  if (!toolchains) throw new Error("a source needs a toolchain, and the run has given none");
  return toolchains;
}

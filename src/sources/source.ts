import { join } from "node:path";
import type { Artifact, ArtifactKind, ArtifactOf } from "../core/recipe.ts";
import { lstatSync, mkdir } from "../io/disk.ts";
import { listNames } from "../io/files.ts";
import { archive } from "./archive.ts";
import type { StageContext, Staged } from "./context.ts";
import { debian } from "./debian/debian.ts";
import { goBuild } from "./go/build.ts";
import { goModule } from "./go/module.ts";
import type { PinnedArchive, PinnedFile, SourceKind } from "./kind.ts";
import { npmClosure } from "./npm/closure.ts";
import { nodeLibraries } from "./npm/libraries.ts";
import { npmPackage } from "./npm/package.ts";
import { compileBytecode } from "./python/bytecode.ts";
import { pythonLibraries } from "./python/libraries.ts";
import { oneWheel } from "./python/one-wheel.ts";
import { python } from "./python/python.ts";
import type { Bins } from "./tree.ts";

const unresolved = ({ from }: { readonly from: string }): never => {
  throw new Error(`${from} was not resolved`);
};

/** Every kind of source. */
const kinds: { readonly [Kind in ArtifactKind]: SourceKind<ArtifactOf<Kind>> } = {
  archive,
  "npm-package": npmPackage,
  "npm-closure": npmClosure,
  debian,
  python,
  wheel: oneWheel,
  "go-module": goModule,
  "go-build": goBuild,
  "python-libraries": pythonLibraries,
  "node-libraries": nodeLibraries,
  declared: { stage: unresolved, pinnedBy: unresolved },
  "declared-libraries": { stage: unresolved, pinnedBy: unresolved },
};

/**
 * Downloads, verifies and unpacks an artifact, and checks that each named program exists. Throws a
 * UserError; the caller discards `context.dir`.
 */
export async function stage(artifact: Artifact, context: StageContext): Promise<Staged> {
  const kind: SourceKind<Artifact> = kinds[artifact.kind];
  const staged = await kind.stage(artifact, context);
  if (context.runsHere) await compileModules(artifact, staged.tree, context);
  return staged;
}

/** A Python writes the bytecode that it lacks into its own tree, which is damaged then. */
async function compileModules(artifact: Artifact, tree: string, context: StageContext) {
  const program = pythonOf(artifact, tree, context.bins);
  if (program === undefined) return;
  const { bytecode } = artifact;
  const home = join(context.dir, "compile");
  await mkdir(home);
  for (const modules of bytecode === undefined ? moduleDirectories(tree) : [join(tree, bytecode)]) {
    await compileBytecode(join(tree, program), modules, home, context.signal);
  }
}

/** A Python by its name among the programs; in packages of Debian also one that others are started with. */
function pythonOf({ kind }: Artifact, tree: string, bins: Bins): string | undefined {
  const [, named] = Object.entries(bins).find(([name]) => pythonName.test(name)) ?? [];
  if (named !== undefined || kind !== "debian") return named;
  const own = listNames(join(tree, "usr/bin")).find((name) => pythonName.test(name));
  return own && `usr/bin/${own}`;
}

const pythonName = /^python3(\.\d+)?$/;

/** Where a Python of Debian or of an archive has its own modules. */
function moduleDirectories(tree: string): string[] {
  return ["lib", "usr/lib"].flatMap((lib) => {
    const names = listNames(join(tree, lib)).filter((name) => pythonName.test(name));
    return names.map((name) => join(tree, lib, name)).filter((dir) => lstatSync(dir).isDirectory());
  });
}

/** Everything that an artifact pins, to be fetched and compared without an installation. */
export function pinnedBy(artifact: Artifact, bins: Bins): readonly (PinnedFile | PinnedArchive)[] {
  const kind: SourceKind<Artifact> = kinds[artifact.kind];
  return kind.pinnedBy(artifact, bins);
}

import { join } from "node:path";
import { lstatSync, mkdir } from "../../io/disk.ts";
import { listNames } from "../../io/files.ts";
import type { StageContext, Staged } from "../context.ts";
import { compileBytecode } from "./bytecode.ts";

const pythonName = /^python3(\.\d+)?$/;

/**
 * Compiles the modules of a Python that is in a tree: it writes the bytecode that it lacks into its own tree,
 * which is damaged then.
 * @param bytecode where they are, relative to the tree, if the recipe says it
 */
export async function compileOwnModules(
  { tree, interpreter }: Staged,
  bytecode: string | undefined,
  { bins, dir, signal }: StageContext,
): Promise<void> {
  const [, named] = Object.entries(bins).find(([name]) => pythonName.test(name)) ?? [];
  const program = named ?? interpreter;
  if (program === undefined) return;
  const home = join(dir, "compile");
  await mkdir(home);
  for (const modules of bytecode === undefined ? moduleDirectories(tree) : [join(tree, bytecode)]) {
    await compileBytecode(join(tree, program), modules, home, signal);
  }
}

/** Where a Python of Debian or of an archive has its own modules. */
function moduleDirectories(tree: string): string[] {
  return ["lib", "usr/lib"].flatMap((lib) => {
    const names = listNames(join(tree, lib)).filter((name) => pythonName.test(name));
    return names.map((name) => join(tree, lib, name)).filter((dir) => lstatSync(dir).isDirectory());
  });
}

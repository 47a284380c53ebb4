import { join } from "node:path";
import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { unknownWord } from "../core/wording.ts";
import { readInput } from "../io/input.ts";
import { completionFiles } from "../usage/completion-files.ts";

/** `completion SHELL`: prints the script that was generated for that shell by the build. */
export async function completion({ options, packageDir, stdout }: Context): Promise<number> {
  const [shell = "", ...more] = options.names;
  const file = Object.entries(completionFiles).find(([name]) => name === shell)?.[1];
  if (file === undefined || more.length > 0) {
    throw new UserError("E_USAGE", unknownWord("completion", options.names, "shell"), {
      hint: `Use completion ${Object.keys(completionFiles).join(", completion ")}.`,
    });
  }
  stdout.write(readInput(join(packageDir, "dist", file)));
  return exitStatus.done;
}

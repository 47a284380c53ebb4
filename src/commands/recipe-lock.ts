import { dirname, join, resolve } from "node:path";
import { withDraftContext } from "../author/draft-context.ts";
import { openPinner } from "../author/pin.ts";
import type { Context } from "../context.ts";
import { exitStatus, reworded, UserError } from "../core/errors.ts";
import { recipeValue } from "../core/recipes/file.ts";
import { placedSources } from "../core/recipes/findings.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import { writeAtomically } from "../io/files.ts";
import { readInput } from "../io/input.ts";

/**
 * `recipe lock FILE…`: writes the locks that recipes name for Debian packages and Python programs,
 * and prints the checksums of the Go modules that they build. Nothing is written for a source with
 * an error.
 */
export async function lockRecipes(context: Context, files: readonly string[]): Promise<number> {
  if (files.length === 0) {
    throw new UserError("E_USAGE", "recipe lock: a file is missing", {
      hint: "Use openclaw-install-skill-deps recipe lock recipes/tmux.yaml.",
    });
  }
  const say = (line: string): void => void context.stdout.write(`${line}\n`);
  await withDraftContext(context, async (draft) => {
    const pinner = openPinner(draft);
    for (const file of files.map((name) => resolve(name))) {
      await lockRecipe(file, pinner, say).catch((error: unknown) => {
        throw error instanceof UserError ? reworded(error, `${file}: ${error.message}`) : error;
      });
    }
  });
  return exitStatus.done;
}

const isLocked = ({ deb, pypi, lock, go, sum }: RecipeSource): boolean =>
  ((deb ?? pypi) !== undefined && lock !== undefined) || (go !== undefined && sum !== undefined);

async function lockRecipe(
  file: string,
  pinner: ReturnType<typeof openPinner>,
  say: (line: string) => void,
): Promise<void> {
  const text = readInput(file).toString("utf8");
  const sources = placedSources(recipeValue({ text, file })).map(({ source }) => source);
  const locked = sources.filter(isLocked);
  if (locked.length === 0) {
    throw new UserError("E_LOCK_SOURCE", "has nothing to lock", {
      hint: "It needs a source with deb and lock, with pypi and lock, or with go and sum.",
    });
  }
  const said = new Set<string>();
  for (const source of locked) {
    const { fields, lock } = await pinner(source, text);
    const target = lock && join(dirname(file), lock.name);
    const line = target
      ? `${target}: ${source.deb ?? source.pypi}`
      : `${file}: ${source.go}\n  sum: ${fields.sum}`;
    if (said.has(line)) continue; // another platform has the same
    if (target) await writeAtomically(target, lock.text);
    say(line);
    said.add(line);
  }
}

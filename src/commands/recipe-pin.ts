import { dirname, join, relative, resolve } from "node:path";
import { today, withDraftContext } from "../author/draft-context.ts";
import { openPinner } from "../author/pin.ts";
import { type PinnedField, pinnableSources, writePins } from "../author/pin-text.ts";
import { secretFindings } from "../author/review.ts";
import { type FindSignatures, openSignatures } from "../author/signatures/check.ts";
import { recordSignatures } from "../author/signatures/record.ts";
import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { renderProblem } from "../core/recipe.ts";
import { recipeValue } from "../core/recipes/file.ts";
import { describeSigned } from "../core/signed.ts";
import { writeAtomically } from "../io/files.ts";
import { readInput, readInputIfThere } from "../io/input.ts";
import { readRecipeFile } from "../io/inputs/recipe-dir.ts";

/**
 * `recipe pin FILE…`: updates the digests, sizes and npm locks of recipes from downloads, after the
 * author has changed versions or URLs. Prints what has changed. A recipe is left unchanged if one
 * of its downloads fails.
 */
export async function pinRecipes(context: Context, files: readonly string[]): Promise<number> {
  if (files.length === 0) {
    throw new UserError("E_USAGE", "recipe pin: a file is missing", {
      hint: "Use openclaw-install-skill-deps recipe pin recipes/gh.yaml.",
    });
  }
  const problems: string[] = [];
  await withDraftContext(context, async (draft) => {
    const pinner = openPinner(draft);
    const find = openSignatures(draft);
    for (const file of files.map((name) => resolve(name))) {
      const text = readInput(file).toString("utf8");
      const pins: PinnedField[] = [];
      const locks = new Map<string, string>();
      for (const placed of pinnableSources(recipeValue({ text, file }))) {
        const { fields, lock } = await pinner(placed.source, text);
        pins.push({ path: placed.path, fields });
        if (lock) locks.set(lock.name, lock.text);
      }
      const day = today(context);
      const lines = await writeAll(file, text, { pins, locks, find, day });
      const parsed = readRecipeFile(file);
      if (!parsed.ok) problems.push(...parsed.problems.map(renderProblem));
      context.stdout.write(
        `${relative(".", file)}: ${lines.length === 0 ? "nothing has changed" : `${lines.length} changed`}\n`,
      );
      for (const line of lines) context.stdout.write(`  ${line}\n`);
      warnOfSecrets(text, file, context);
    }
  });
  for (const problem of problems) context.stdout.write(`${problem}\n`);
  return problems.length === 0 ? exitStatus.done : exitStatus.usage;
}

function warnOfSecrets(text: string, file: string, { reporter }: Context): void {
  for (const { message: what } of secretFindings(recipeValue({ text, file }))) {
    const message = `${relative(".", file)}: ${what}`;
    reporter.emit({ type: "warning", problem: "E_RECIPE_ADVICE", message });
  }
}

interface Made {
  readonly pins: readonly PinnedField[];
  readonly locks: ReadonlyMap<string, string>;
  readonly find: FindSignatures;
  /** Today. */
  readonly day: string;
}

/** Writes the files that differ; returns a line for each change. */
async function writeAll(
  file: string,
  text: string,
  { pins, locks, find, day }: Made,
): Promise<string[]> {
  const changed: string[] = [];
  const { text: pinned, changes } = writePins(text, pins);
  const old = new Map(
    [...locks.keys()].map((name) => [
      name,
      readInputIfThere(join(dirname(file), name))?.toString("utf8"),
    ]),
  );
  const isSame = changes.length === 0 && [...locks].every(([name, made]) => old.get(name) === made);
  const lockOf = (name: string) => locks.get(name);
  const signed = await recordSignatures(pinned, lockOf, find, { day, isSame });
  for (const [name, made] of locks) {
    if (old.get(name) === made) continue;
    await writeAtomically(join(dirname(file), name), made);
    changed.push(`${name}: ${old.get(name) === undefined ? "made" : "recreated"}`);
  }
  if (signed.text !== text) await writeAtomically(file, signed.text);
  const isSigned = signed.text !== pinned;
  const now = isSigned ? signed.signed.map((each) => `signed: ${describeSigned(each)}`) : [];
  return [...changed, ...changes, ...signed.notes, ...now];
}

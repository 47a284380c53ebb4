import { join, relative, resolve } from "node:path";
import { type DraftContext, type DraftWish, draftFromUrls } from "../author/draft.ts";
import { withDraftContext } from "../author/draft-context.ts";
import { draftFromDeb } from "../author/draft-deb.ts";
import { draftFromGo } from "../author/draft-go.ts";
import { draftFromNpm } from "../author/draft-npm.ts";
import { draftFromPypi } from "../author/draft-pypi.ts";
import { type Draft, renderDraft } from "../author/recipe-text.ts";
import { openVerifier } from "../author/verify.ts";
import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { parseLock } from "../core/locks/npm-lock.ts";
import { renderProblem } from "../core/recipe.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { lstatIfExists, statIfExists, writeAtomically } from "../io/files.ts";
import { readRecipeFile } from "../io/inputs/recipe-dir.ts";

type Drafter = (name: string, wish: DraftWish, place: DraftContext) => Promise<Draft>;

const drafters: Readonly<Record<string, Drafter>> = {
  npm: draftFromNpm,
  pypi: draftFromPypi,
  deb: draftFromDeb,
  go: draftFromGo,
};

/**
 * `recipe new SOURCE…`: writes a recipe with the digests of its downloads, and its lock, into the
 * first directory of `--recipes`, else into `recipes` if that exists, else into the working
 * directory. Overwrites files only with `--force`.
 */
export async function newRecipe(context: Context, sources: readonly string[]): Promise<number> {
  const { author, recipeDirs } = context.options;
  const draft = await withDraftContext(context, (draftPlace) =>
    draftFrom(sources, { name: author.name, bins: author.bins }, draftPlace),
  );
  const { name } = draft.document;
  const dir = resolve(
    recipeDirs[0] ?? ((await statIfExists("recipes"))?.isDirectory() ? "recipes" : "."),
  );
  const file = join(dir, `${name}.yaml`);
  const files = { ...draft.locks, [`${name}.yaml`]: renderDraft(draft.document) };
  for (const written of Object.keys(files)) {
    if (author.overwrite || !(await lstatIfExists(join(dir, written)))) continue;
    throw new UserError(
      "E_RECIPE_EXISTS",
      `${join(dir, written)} exists already; nothing was written`,
    );
  }
  // The lock first: a recipe without its lock is invalid, a lock without a recipe is harmless.
  for (const [written, text] of Object.entries(files)) {
    await writeAtomically(join(dir, written), text);
  }
  const parsed = readRecipeFile(file);
  const shown = relative(".", file) || file;
  const lines = [`wrote ${[shown, ...Object.keys(draft.locks)].join(", ")}`];
  if (parsed.ok)
    lines.push(
      `try it: openclaw-install-skill-deps --recipes ${relative(".", dir) || "."} ${name}`,
    );
  else
    lines.push(
      "complete these fields:",
      ...parsed.problems.map((problem) => renderProblem({ ...problem, file: shown })),
    );
  context.stdout.write(`${lines.join("\n")}\n`);
  return exitStatus.done;
}

async function draftFrom(
  sources: readonly string[],
  wish: DraftWish,
  context: DraftContext,
): Promise<Draft> {
  const [first = "", ...more] = sources;
  const [, kind = "", name = ""] = /^(npm|pypi|deb|go):(.+)$/.exec(first) ?? [];
  const drafter = drafters[kind];
  if (drafter && more.length === 0) {
    const draft = await drafter(name, wish, context);
    await verifyClosure(draft, context);
    return draft;
  }
  if (sources.length > 0 && sources.every((source) => /^https?:\/\//.test(source))) {
    return { document: await draftFromUrls(sources, wish, context), locks: {} };
  }
  throw new UserError("E_DRAFT_SOURCE", `recipe new ${sources.join(" ")}: no such source`);
}

/**
 * Locks of wheels and Debian packages are made from downloads; npm's lock is verified only here.
 */
async function verifyClosure({ document, locks }: Draft, context: DraftContext): Promise<void> {
  const source = document.artifacts.any;
  if (!source || "length" in source || source.npm === undefined) return;
  const parsed = parseLock(locks[source.lock ?? ""] ?? "", source.lock ?? "");
  if (!parsed.ok) throw new UserError("E_DRAFT", parsed.problems.map(renderProblem).join("\n"));
  const artifact = { ...splitPackage(source.npm), packages: parsed.held };
  await openVerifier(context).verify({ kind: "npm-closure", ...artifact }, {});
}

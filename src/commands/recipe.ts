import { basename, dirname, join, resolve } from "node:path";
import type { Context } from "../context.ts";
import { maxCatalogue } from "../core/catalogue-spec.ts";
import { sha256Hex } from "../core/digest.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import type { RecipeProblem } from "../core/recipe.ts";
import { renderProblem } from "../core/recipe.ts";
import { unknownWord } from "../core/wording.ts";
import { writeFile } from "../io/disk.ts";
import { isDirectory } from "../io/files.ts";
import { readInput } from "../io/input.ts";
import { loadCatalogue } from "../io/inputs/catalogue.ts";
import { compileCatalogue, readRecipeFile } from "../io/inputs/recipe-dir.ts";
import { renderDocument, renderTable } from "../report/text.ts";
import { readCatalogue, readNamedCatalogue } from "../run/inputs/catalogue.ts";
import { bumpRecipes } from "./recipe-bump.ts";
import { outdatedRecipes, yamlFiles } from "./recipe-current.ts";
import { fetchSources } from "./recipe-fetch.ts";
import { lockRecipes } from "./recipe-lock.ts";
import { newRecipe } from "./recipe-new.ts";
import { pinRecipes } from "./recipe-pin.ts";

/** `recipe list | check FILE… | new SOURCE | pin FILE… | lock FILE… | outdated | bump | compile DIR FILE`. */
export async function recipe(context: Context): Promise<number> {
  const [verb, ...rest] = context.options.names;
  switch (verb) {
    case "list":
      return listRecipes(context);
    case "check":
      return checkRecipes(context, rest);
    case "new":
      return newRecipe(context, rest);
    case "pin":
      return pinRecipes(context, rest);
    case "lock":
      return lockRecipes(context, rest);
    case "outdated":
      return outdatedRecipes(context, rest);
    case "bump":
      return bumpRecipes(context, rest);
    case "compile":
      return compileRecipes(context, rest);
    default:
      throw new UserError("E_USAGE", unknownWord("recipe", verb ? [verb] : [], "verb"), {
        hint: "Use recipe list, check FILE..., new SOURCE, pin FILE..., lock FILE..., outdated, bump, or compile DIR FILE.",
      });
  }
}

async function listRecipes(context: Context): Promise<number> {
  const { catalogue } = await readCatalogue(context);
  const recipes = [...catalogue.recipes.values()];
  if (context.options.json !== false) {
    context.stdout.write(renderDocument({ recipes }));
    return exitStatus.done;
  }
  const rows = recipes.map(({ name, version, bins, artifacts, license }) => [
    name,
    version,
    Object.keys(bins).join(" "),
    Object.keys(artifacts).join(" "),
    license,
  ]);
  context.stdout.write(
    `${renderTable([["RECIPE", "VERSION", "PROGRAMS", "PLATFORMS", "LICENSE"], ...rows])}\n`,
  );
  return exitStatus.done;
}

/**
 * Reports every problem at once: in the named files, else in all of the `--recipes` directories.
 */
async function checkRecipes(context: Context, named: readonly string[]): Promise<number> {
  const given = named.length > 0 ? named : context.options.recipeDirs;
  const all = given.flatMap((path) => (isDirectory(path) ? yamlFiles(path) : [path]));
  const files = all.map((file) => resolve(file));
  if (files.length === 0) {
    throw new UserError("E_USAGE", "recipe check: a file is missing", {
      hint: "Use openclaw-install-skill-deps recipe check recipes/gh.yaml, or --recipes DIR.",
    });
  }
  const results = files.map((file) => readRecipeFile(file));
  const review = await reviewRecipes(files, context);
  const problems = [
    ...results.flatMap((result): readonly RecipeProblem[] => (result.ok ? [] : result.problems)),
    ...review.problems,
  ].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
  const { emit } = context.reporter;
  for (const warning of review.warnings)
    emit({ type: "warning", problem: "E_RECIPE_ADVICE", message: renderProblem(warning) });
  if (context.options.author.fetch && problems.length === 0) {
    const recipes = results.flatMap((result) => (result.ok ? [result.recipe] : []));
    return await fetchSources(context, files, recipes);
  }
  if (context.options.json !== false) {
    const { warnings } = review;
    context.stdout.write(renderDocument({ files, problems, warnings }));
  } else {
    for (const problem of problems) context.stdout.write(`${renderProblem(problem)}\n`);
    const wrong = new Set(problems.map(({ file }) => file));
    context.stdout.write(`${files.length - wrong.size} of ${files.length} right\n`);
  }
  return problems.length === 0 ? exitStatus.done : exitStatus.usage;
}

/** Checks the recipes together with all others that they may need. */
async function reviewRecipes(files: readonly string[], context: Context) {
  const { reviewRecipe } = await import("../author/review.ts");
  const { catalogue } = await loadCatalogue({
    dirs: context.options.recipeDirs,
    compiled: join(context.packageDir, "dist", "catalogue.json"),
  });
  const beside = [...new Set(files.map((file) => dirname(file)))].flatMap(yamlFiles);
  const names = [...files, ...beside].map((file) => basename(file, ".yaml"));
  const known = new Set([...catalogue.recipes.keys(), ...names]);
  const bundled = join(context.packageDir, "recipes");
  const reviews = files.map((file) => {
    const text = readInput(file).toString("utf8");
    return reviewRecipe({ text, file, known, isBundled: dirname(file) === bundled });
  });
  return {
    problems: reviews.flatMap(({ problems }) => problems),
    warnings: reviews.flatMap(({ warnings }) => warnings),
  };
}

/** No run reads a larger one. */
function refuseLarge(text: string): void {
  const size = Buffer.byteLength(text);
  if (size <= maxCatalogue) return;
  const message = `the catalogue would have ${size} bytes; the limit is ${maxCatalogue}`;
  throw new UserError("E_RECIPE", message, {
    hint: "Leave out recipes, or compile several catalogues.",
  });
}

/**
 * Packs a directory of recipes, and behind them those of `--catalogue`, into the single file that a
 * run reads; the build does it for the bundled ones.
 */
async function compileRecipes(context: Context, args: readonly string[]): Promise<number> {
  const [dir, file] = args;
  if (dir === undefined || file === undefined) {
    throw new UserError("E_USAGE", "recipe compile takes a directory and a file", {
      hint: "Use openclaw-install-skill-deps recipe compile recipes dist/catalogue.json",
    });
  }
  const named = await readNamedCatalogue(context);
  if (named?.failure) throw named.failure;
  const text = compileCatalogue(dir, context.version, named?.catalogue?.recipes);
  refuseLarge(text);
  await writeFile(file, text);
  context.stdout.write(`${sha256Hex(text)}  ${file}\n`); // in the format of sha256sum
  return exitStatus.done;
}

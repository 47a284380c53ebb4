import { join, resolve } from "node:path";
import { type Asked, askOrigins } from "../author/ask-origins.ts";
import { withDraftContext } from "../author/draft-context.ts";
import { isBehind, majorNote } from "../author/newest.ts";
import { openVersions, type Versions } from "../author/versions.ts";
import type { Context } from "../context.ts";
import { exitStatusFor, type ProblemKind, UserError } from "../core/errors.ts";
import { type RecipeProblem, renderProblem } from "../core/recipe.ts";
import { readdirSync } from "../io/disk.ts";
import { isDirectory } from "../io/files.ts";
import { readInputIfThere } from "../io/input.ts";
import { readRecipeFile } from "../io/inputs/recipe-dir.ts";
import { renderDocument, renderTable } from "../report/text.ts";

/** One row of the result. */
export interface Row {
  readonly recipe: string;
  readonly version: string;
  readonly newest: string;
  readonly origins: readonly string[];
  readonly notes: readonly string[];
  /** Those of `origins` that could not be asked: a newer version may be there. */
  readonly unasked: readonly string[];
  /** Why, if that concerns other recipes, too; else it is in `notes`. */
  readonly notAsked: readonly string[];
  /** True if there is anything to move. */
  readonly isBehind: boolean;
  /** True if it was moved. */
  readonly isBumped?: boolean;
  /** A page that says what is new; of a recipe that was moved. */
  readonly changelog?: string | undefined;
  /** The smoke test that it passed: a program and its arguments, and the files that these name. */
  readonly test?: readonly string[];
  readonly testFiles?: Readonly<Record<string, string>> | undefined;
}

/**
 * `recipe outdated [NAME…]`: asks each recipe's own origins for newer versions. Changes nothing. Its status says
 * whether all were asked, not whether a recipe is behind.
 */
export async function outdatedRecipes(context: Context, names: readonly string[]): Promise<number> {
  const files = recipeFiles(context, names);
  const rows = await withDraftContext(context, async (draft) => {
    const versions = openVersions(draft);
    const asked = await Promise.all(files.map((file) => ask(file, versions)));
    return asked.map(rowOf);
  });
  printRows(rows, context, [rows.filter(({ isBehind }) => isBehind).length, "behind"]);
  return exitStatusFor(rows.flatMap(failureOf), true);
}

/** Of a row with an origin that was not asked: that recipe may be behind, and nobody knows. */
export function failureOf({ unasked }: Row): ProblemKind[] {
  return unasked.length > 0 ? ["network"] : [];
}

/** Asks the origins of a recipe that was read. */
export async function ask(file: string, versions: Versions): Promise<Asked> {
  const textOf = (path: string) => readInputIfThere(path)?.toString("utf8");
  return await askOrigins(textOf(file) ?? "", versions, (lock) => textOf(join(file, "..", lock)));
}

export function rowOf({ document: { name, version }, origins, newest }: Asked): Row {
  const { deb } = newest;
  const own = deb && newest.version === version ? `${deb.from}` : version;
  const to = deb && newest.version === version ? deb.to : newest.version;
  const none = origins.length === 0 ? ["nothing lists its versions"] : [];
  const major = majorNote(version, newest.version) ?? [];
  return {
    recipe: name,
    version: own,
    newest: to,
    origins,
    notes: [...new Set([newest.notes, major, none].flat())],
    unasked: newest.unasked,
    notAsked: newest.sharedCauses,
    isBehind: isBehind(newest, version),
  };
}

export function printRows(
  rows: readonly Row[],
  { options, stdout }: Context,
  [count, what]: readonly [number, string],
): void {
  if (options.json !== false) {
    stdout.write(renderDocument({ recipes: rows }));
    return;
  }
  const shown = rows.filter(({ version, newest, notes }) => version !== newest || notes.length > 0);
  if (shown.length > 0) {
    const cells = shown.map(({ recipe, version, newest, origins, notes }) => [
      recipe,
      version,
      newest,
      [origins[0] ?? "", ...(origins.length > 1 ? [`(+${origins.length - 1})`] : [])].join(" "),
      notes.join("; ").replaceAll("\n", " "), // a registry's words
    ]);
    stdout.write(`${renderTable([["RECIPE", "VERSION", "NEWEST", "ORIGIN", "NOTE"], ...cells])}\n`);
  }
  for (const cause of new Set(rows.flatMap(({ notAsked }) => notAsked))) {
    const names = rows.filter(({ notAsked }) => notAsked.includes(cause));
    stdout.write(`not asked, because ${cause}: ${names.map(({ recipe }) => recipe).join(", ")}\n`);
  }
  const unasked = rows.filter(({ unasked }) => unasked.length > 0).length;
  const rest = unasked > 0 ? `; origins of ${unasked} could not be asked` : "";
  stdout.write(`${count} of ${rows.length} ${what}${rest}\n`);
}

/**
 * Files of the named recipes, in the first directory of `--recipes`, else in `recipes`; without names all of them.
 * Throws a UserError that lists every problem in them that `matters`, so that none is moved before the last one was
 * read.
 */
export function recipeFiles(
  context: Context,
  names: readonly string[],
  matters: (problem: RecipeProblem) => boolean = () => true,
): string[] {
  const files = namedFiles(context, names);
  const problems = files.flatMap(problemsOf).filter(matters);
  if (problems.length === 0) return files;
  throw new UserError("E_RECIPE", problems.map(renderProblem).join("\n"));
}

/** What is wrong in a recipe's file, and in its locks. */
export function problemsOf(file: string): readonly RecipeProblem[] {
  const parsed = readRecipeFile(file);
  return parsed.ok ? [] : parsed.problems;
}

function namedFiles({ options }: Context, names: readonly string[]): string[] {
  const dir = resolve(options.recipeDirs[0] ?? "recipes");
  if (!isDirectory(dir)) {
    throw new UserError("E_USAGE", `${dir} is no directory of recipes`, {
      hint: "Name one with --recipes DIR.",
    });
  }
  const all = yamlFiles(dir);
  if (names.length === 0) return all;
  return [...new Set(names)].map((name) => {
    const file = join(dir, `${name}.yaml`);
    if (all.includes(file)) return file;
    throw new UserError("E_UNKNOWN_NAME", `${dir} has no recipe ${name}.yaml`);
  });
}

/** The recipes of a directory, sorted. */
export function yamlFiles(dir: string): string[] {
  const names = readdirSync(dir).filter((name) => name.endsWith(".yaml"));
  return names.sort().map((name) => join(dir, name));
}

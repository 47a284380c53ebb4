import { join, resolve } from "node:path";
import { type Asked, askOrigins, licenceNote } from "../author/ask-origins.ts";
import { type BumpContext, bumpRecipe } from "../author/bump.ts";
import { withDraftContext } from "../author/draft-context.ts";
import { isBehind } from "../author/newest.ts";
import { openPinner } from "../author/pin.ts";
import { openVerifier } from "../author/verify.ts";
import { openVersions, type Versions } from "../author/versions.ts";
import type { Context } from "../context.ts";
import { describeError, exitStatus, UserError } from "../core/errors.ts";
import { renderProblem } from "../core/recipe.ts";
import { mkdir, rm, statSync, writeFile } from "../io/disk.ts";
import { ifThere, writeAtomically } from "../io/files.ts";
import { readInputIfThere } from "../io/input.ts";
import { readRecipeFile } from "../io/inputs/recipe-dir.ts";
import { temporaryDirectory } from "../io/temporary.ts";
import { renderTable } from "../report/text.ts";
import { install } from "./install.ts";
import { yamlFiles } from "./recipe-files.ts";

type AskedFile = Asked & { readonly file: string };

/** One row of the result. */
interface Row {
  readonly recipe: string;
  readonly version: string;
  readonly newest: string;
  readonly origins: readonly string[];
  readonly notes: readonly string[];
  /** True if there is anything to move. */
  readonly isBehind: boolean;
}

/** `recipe outdated [NAME…]`: asks each recipe's own origins for newer versions. Changes nothing. */
export async function outdatedRecipes(context: Context, names: readonly string[]): Promise<number> {
  const files = recipeFiles(context, names);
  const rows = await withDraftContext(context, async (draft) => {
    const versions = openVersions(draft);
    const asked = await Promise.all(files.map((file) => ask(file, versions)));
    return asked.map(rowOf);
  });
  printRows(rows, context, [rows.filter(({ isBehind }) => isBehind).length, "behind"]);
  return exitStatus.done;
}

/**
 * `recipe bump [NAME…]`: moves recipes to the newest versions that their origins have. Each is pinned, verified
 * and installed first, and written only then; one that cannot be moved stays as it is, with the reason.
 */
export async function bumpRecipes(context: Context, names: readonly string[]): Promise<number> {
  const files = recipeFiles(context, names);
  const results = { moved: 0, failed: 0 };
  const rows = await withDraftContext(context, async (draft) => {
    const versions = openVersions(draft);
    const shared = { draft, pin: openPinner(draft), verifier: openVerifier(draft) };
    const done: Row[] = [];
    for (const file of files) {
      context.signal.throwIfAborted();
      const asked = await ask(file, versions);
      const row = rowOf(asked);
      const notes = row.isBehind
        ? await bumpOrWhy({ ...asked, file }, shared, results, context)
        : [];
      done.push({ ...row, notes: [...row.notes, ...notes] });
    }
    return done;
  });
  printRows(rows, context, [results.moved, "bumped"]);
  return results.failed > 0 ? exitStatus.usage : exitStatus.done;
}

/** What became of it, for people; counted in `results`. */
async function bumpOrWhy(
  asked: AskedFile,
  shared: BumpContext,
  results: { moved: number; failed: number },
  context: Context,
): Promise<string[]> {
  try {
    const notes = await licenceNote(asked, shared.draft);
    await bumpOne(asked, shared, context);
    results.moved += 1;
    return [...notes, "bumped"];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    results.failed += 1;
    return [`not bumped: ${describeError(error)}`];
  }
}

async function bumpOne(
  { file, text, document, newest }: AskedFile,
  shared: BumpContext,
  context: Context,
): Promise<void> {
  if (newest.unasked.length > 0) {
    const who = newest.unasked.join(", ");
    throw new UserError("E_DRAFT", `${who} did not answer, so its source cannot be moved`);
  }
  const { name } = document;
  const bumped = await bumpRecipe(name, text, newest, shared);
  const files = { ...bumped.locks, [`${name}.yaml`]: bumped.text };
  await tryHere(name, files, context);
  // The lock first: a recipe without its lock is invalid, a lock without a recipe is harmless.
  for (const [written, bytes] of Object.entries(files)) {
    await writeAtomically(join(file, "..", written), bytes);
  }
}

/** Installs it as a user would and runs its smoke test; in a volume of its own, unless one is named. */
async function tryHere(
  name: string,
  files: Readonly<Record<string, string>>,
  context: Context,
): Promise<void> {
  const dir = temporaryDirectory("openclaw-bump");
  try {
    const recipes = join(dir, "recipes");
    await mkdir(recipes);
    for (const [file, text] of Object.entries(files)) await writeFile(join(recipes, file), text);
    const { options, env } = context;
    // A volume that only the environment names is somebody's own.
    const named = options.prefix === env.OPENCLAW_SKILL_PREFIX ? undefined : options.prefix;
    const status = await install({
      ...context,
      env: { ...env, OPENCLAW_SKILL_PROFILE_DIR: "" },
      options: {
        ...options,
        verb: "install",
        names: [name],
        tools: [],
        prefix: named ?? join(dir, "volume"),
        recipeDirs: [recipes, ...options.recipeDirs],
        skillsDirs: [],
        ignoreSystem: true,
        strict: true,
        quiet: true,
        json: false,
        notify: false,
      },
    });
    if (status === exitStatus.done) return;
    throw new UserError("E_DRAFT", `${name} at this version cannot be installed here; see above`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Throws a UserError if the recipe itself is wrong. */
async function ask(file: string, versions: Versions): Promise<Asked> {
  const parsed = readRecipeFile(file);
  if (!parsed.ok) throw new UserError("E_RECIPE", parsed.problems.map(renderProblem).join("\n"));
  const textOf = (path: string) => readInputIfThere(path)?.toString("utf8");
  return await askOrigins(textOf(file) ?? "", versions, (lock) => textOf(join(file, "..", lock)));
}

function rowOf({ document: { name, version }, origins, newest }: Asked): Row {
  const { deb } = newest;
  const own = deb && newest.version === version ? `${deb.from}` : version;
  const to = deb && newest.version === version ? deb.to : newest.version;
  const none = origins.length === 0 ? ["nothing lists its versions"] : [];
  const notes = [...newest.notes, ...none];
  return {
    recipe: name,
    version: own,
    newest: to,
    origins,
    notes,
    isBehind: isBehind(newest, version),
  };
}

function printRows(
  rows: readonly Row[],
  { options, stdout }: Context,
  [count, what]: readonly [number, string],
): void {
  if (options.json !== false) {
    stdout.write(`${JSON.stringify({ schema: 1, recipes: rows }, null, 2)}\n`);
    return;
  }
  const shown = rows.filter(({ version, newest, notes }) => version !== newest || notes.length > 0);
  if (shown.length > 0) {
    const cells = shown.map(({ recipe, version, newest, origins, notes }) => [
      recipe,
      version,
      newest,
      [origins[0] ?? "", ...(origins.length > 1 ? [`(+${origins.length - 1})`] : [])].join(" "),
      notes.join("; "),
    ]);
    stdout.write(`${renderTable([["RECIPE", "VERSION", "NEWEST", "ORIGIN", "NOTE"], ...cells])}\n`);
  }
  stdout.write(`${count} of ${rows.length} ${what}\n`);
}

/** Files of the named recipes, in the first directory of `--recipes`, else in `recipes`; without names all of them. */
function recipeFiles({ options }: Context, names: readonly string[]): string[] {
  const dir = resolve(options.recipeDirs[0] ?? "recipes");
  if (ifThere(dir, () => statSync(dir))?.isDirectory() !== true) {
    throw new UserError("E_USAGE", `${dir} is no directory of recipes`, {
      hint: "Name one with --recipes DIR.",
    });
  }
  const all = yamlFiles(dir);
  if (names.length === 0) return all;
  return names.map((name) => {
    const file = join(dir, `${name}.yaml`);
    if (all.includes(file)) return file;
    throw new UserError("E_UNKNOWN_NAME", `${dir} has no recipe ${name}.yaml`);
  });
}

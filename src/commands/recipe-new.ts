import { join, relative, resolve } from "node:path";
import { type DraftWish, draftFromUrls } from "../author/draft.ts";
import { type DraftContext, today, withDraftContext } from "../author/draft-context.ts";
import { draftFromDeb } from "../author/draft-deb.ts";
import { draftFromGo } from "../author/draft-go.ts";
import { draftFromNpm } from "../author/draft-npm.ts";
import { draftFromPypi } from "../author/draft-pypi.ts";
import { draftAtVersion, type VersionWish } from "../author/draft-version.ts";
import { type Draft, renderDraft } from "../author/recipe-text.ts";
import { openSignatures } from "../author/signatures/check.ts";
import { recordSignatures } from "../author/signatures/record.ts";
import { openVerifier } from "../author/verify.ts";
import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { parseLock } from "../core/locks/npm-lock.ts";
import { isBinName, isVersion } from "../core/names.ts";
import { renderProblem } from "../core/recipe.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { nearestName } from "../core/search.ts";
import { shownWord } from "../core/shown-url.ts";
import { describeSigned } from "../core/signed.ts";
import { didYouMean, unknownWord } from "../core/wording.ts";
import { lstatSync } from "../io/disk.ts";
import {
  ifThere,
  isDirectory,
  lstatIfExists,
  makeDirectory,
  writeAtomically,
} from "../io/files.ts";
import { readInput } from "../io/input.ts";
import { readRecipeFile } from "../io/inputs/recipe-dir.ts";
import { readCatalogue } from "../run/inputs/catalogue.ts";

type Drafter = (name: string, wish: DraftWish, context: DraftContext) => Promise<Draft>;

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
  const odd = author.bins.find((bin) => !isBinName(bin));
  if (odd !== undefined) {
    throw new UserError("E_DRAFT_NAME", `--bin ${odd} is not the plain name of a program`);
  }
  const dir = resolve(recipeDirs[0] ?? (isDirectory("recipes") ? "recipes" : "."));
  const accept = (name: string): void =>
    refuseWritten([join(dir, `${name}.yaml`)], author.overwrite);
  const atVersion = await versionWish(context, sources);
  if (atVersion) accept(atVersion.recipe.name);
  const { draft, signed } = await withDraftContext(context, async (drafting) => {
    const made = atVersion
      ? await draftAtVersion(atVersion, drafting)
      : await draftFrom(sources, { name: author.name, bins: author.bins, accept }, drafting);
    const day = today(context);
    const lockOf = (lock: string) => made.locks[lock];
    const text = renderDraft(made.document);
    return {
      draft: made,
      signed: await recordSignatures(text, lockOf, openSignatures(drafting), { day }),
    };
  });
  const { name } = draft.document;
  await writeAll(dir, { ...draft.locks, [`${name}.yaml`]: signed.text }, author.overwrite);
  const shown = relative(".", join(dir, `${name}.yaml`)) || join(dir, `${name}.yaml`);
  const lines = [
    `wrote ${[shown, ...Object.keys(draft.locks)].join(", ")}`,
    ...signed.notes,
    ...signed.signed.map((each) => `signed: ${describeSigned(each)}`),
    ...whatToDo(name, dir, shown, atVersion !== undefined),
  ];
  context.stdout.write(`${lines.join("\n")}\n`);
  return exitStatus.done;
}

/** Writes all files or none. The lock is first: a recipe without its lock is invalid, a lock alone is harmless. */
async function writeAll(
  dir: string,
  files: Readonly<Record<string, string>>,
  overwrite: boolean,
): Promise<void> {
  const paths = Object.keys(files).map((file) => join(dir, file));
  refuseWritten(paths, overwrite); // also what came during the downloads, and locks
  await makeDirectory(dir);
  for (const [file, text] of Object.entries(files)) await writeAtomically(join(dir, file), text);
}

function refuseWritten(paths: readonly string[], overwrite: boolean): void {
  const found = paths.find((path) => ifThere(path, () => lstatSync(path)) !== undefined);
  if (overwrite || found === undefined) return;
  throw new UserError("E_RECIPE_EXISTS", `${found} exists already; nothing was written`);
}

/** What comes next: the fields that are missing, or a try. */
function whatToDo(name: string, dir: string, shown: string, isAtVersion: boolean): string[] {
  const parsed = readRecipeFile(join(dir, `${name}.yaml`));
  if (!parsed.ok) {
    const problems = parsed.problems.map((problem) => renderProblem({ ...problem, file: shown }));
    return ["complete these fields:", ...problems];
  }
  // A plain run does not go back to an older version.
  const words = `--recipes ${relative(".", dir) || "."} ${isAtVersion ? "--force-reinstall " : ""}${name}`;
  return [
    `try it: openclaw-install-skill-deps ${words}`,
    ...(isAtVersion ? [`keep it: openclaw-install-skill-deps hold ${name}`] : []),
  ];
}

/** The directory that the recipe is written into need not exist yet. */
async function withoutNewDirectories(context: Context): Promise<Context> {
  const { options } = context;
  const found = await Promise.all(options.recipeDirs.map((dir) => lstatIfExists(dir)));
  const recipeDirs = options.recipeDirs.filter((_, i) => found[i] !== undefined);
  return { ...context, options: { ...options, recipeDirs } };
}

/** TOOL@VERSION: a recipe in view at another version; undefined for any other source. */
async function versionWish(
  context: Context,
  [source = "", ...more]: readonly string[],
): Promise<VersionWish | undefined> {
  const [, name = "", version = ""] =
    /^([A-Za-z0-9][A-Za-z0-9._+-]*)@([^@\s/]+)$/.exec(source) ?? [];
  if (name === "" || more.length > 0) return undefined;
  if (!isVersion(version) || version === "latest") {
    throw new UserError("E_DRAFT_SOURCE", `recipe new ${source}: "${version}" is not a version`, {
      hint: `Write one as the tool's makers do: recipe new ${name}@1.2.3.`,
    });
  }
  const { author } = context.options;
  if (author.name !== undefined || author.bins.length > 0) {
    throw new UserError("E_USAGE", "--name and --bin are for a new tool, not for TOOL@VERSION", {
      hint: `The recipe ${name} says both. Its programs differ? Name the source itself.`,
    });
  }
  const own = await withoutNewDirectories(context);
  // A compiled catalogue has no recipe's text.
  const options = { ...own.options, catalogue: undefined };
  const { catalogue } = await readCatalogue({ ...own, options });
  const recipe =
    catalogue.recipes.get(name) ?? catalogue.recipes.get(catalogue.providers.get(name) ?? "");
  if (!recipe) {
    const near = nearestName(name, catalogue);
    throw new UserError("E_UNKNOWN_NAME", `no recipe is called "${name}"`, {
      hint: didYouMean(
        near && `${near}@${version}`,
        "See openclaw-install-skill-deps recipe list.",
      ),
    });
  }
  const bundled = join(context.packageDir, "recipes", `${recipe.name}.yaml`);
  const file = recipe.origin === "bundled" ? bundled : recipe.origin;
  return { recipe, version, text: readInput(file).toString("utf8") };
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
  throw new UserError(
    "E_DRAFT_SOURCE",
    unknownWord("recipe new", sources.map(shownWord), "source"),
  );
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

import { join } from "node:path";
import type { Asked } from "../author/ask-origins.ts";
import { type BumpContext, bumpRecipe } from "../author/bump.ts";
import { changelogOf } from "../author/changelog.ts";
import { today, withDraftContext } from "../author/draft-context.ts";
import { isAbsent } from "../author/draft-version.ts";
import { licenceNotes } from "../author/licences.ts";
import { openPinner } from "../author/pin.ts";
import { type FindSignatures, openSignatures } from "../author/signatures/check.ts";
import { recordSignatures } from "../author/signatures/record.ts";
import { openVerifier } from "../author/verify.ts";
import { openVersions } from "../author/versions.ts";
import type { Context } from "../context.ts";
import {
  describeError,
  exitStatus,
  exitStatusFor,
  type ProblemKind,
  UserError,
} from "../core/errors.ts";
import { placedSources } from "../core/recipes/findings.ts";
import { testOf } from "../core/recipes/schema.ts";
import { mkdir, writeFile } from "../io/disk.ts";
import { writeAtomically } from "../io/files.ts";
import { readInputIfThere } from "../io/input.ts";
import { withTemporaryDirectory } from "../io/temporary.ts";
import { install } from "./install.ts";
import {
  ask,
  failureOf,
  printRows,
  problemsOf,
  type Row,
  recipeFiles,
  rowOf,
} from "./recipe-current.ts";

type AskedFile = Asked & { readonly file: string };

/** What all recipes of a run share. */
interface Shared extends BumpContext {
  readonly find: FindSignatures;
}

/** How many versions are tried, of which the newer ones are not complete at their origins. */
const maxTries = 8;

/**
 * `recipe bump [NAME…]`: moves recipes to the newest versions that their origins have. Each is pinned, verified
 * and installed first, and written only then; one that cannot be moved stays as it is, with the reason.
 */
export async function bumpRecipes(context: Context, names: readonly string[]): Promise<number> {
  // A lock that was written without its recipe, because a run was ended, is made again.
  const files = recipeFiles(context, names, ({ isOfLock }) => !isOfLock);
  const rows = await withDraftContext(context, async (draft) => {
    const versions = openVersions(draft);
    const opened = { pin: openPinner(draft), verifier: openVerifier(draft) };
    const shared = { draft, ...opened, find: openSignatures(draft) };
    const done: Row[] = [];
    for (const file of files) {
      context.signal.throwIfAborted();
      const asked = await ask(file, versions);
      const isToMove = rowOf(asked).isBehind || problemsOf(file).length > 0;
      done.push(isToMove ? await bumpOrWhy({ ...asked, file }, shared, context) : rowOf(asked));
    }
    return done;
  });
  const moved = rows.filter(({ isBumped }) => isBumped).length;
  printRows(rows, context, [moved, "bumped"]);
  return exitStatusFor(rows.flatMap(whyIncomplete), true);
}

/** A source whose origin was not asked stays for that reason; any other that is behind stays for its own. */
function whyIncomplete(row: Row): ProblemKind[] {
  const unasked = failureOf(row);
  if (row.isBumped || !row.isBehind || unasked.length > 0) return unasked;
  return ["recipe"];
}

/** What became of it. A version that an origin lists, but does not have, gives way to an older one. */
async function bumpOrWhy(asked: AskedFile, shared: Shared, context: Context): Promise<Row> {
  const { newest, document } = asked;
  const missing: { readonly version: string; readonly why: string }[] = [];
  for (const version of [newest.version, ...newest.older].slice(0, maxTries)) {
    const tried = { ...asked, newest: { ...newest, version } };
    const row = { ...rowOf(tried), isBumped: true };
    try {
      const notes = await bumpOne(tried, shared, context);
      const changelog = await changelogOf(tried, shared.draft);
      const newer = missing.map((each) => `not ${each.version}: ${each.why}`).slice(0, 1);
      const said = [...row.notes, ...newer, ...notes, "bumped"];
      const { run: test, files: testFiles } = testOf(document.test);
      return { ...row, notes: said, changelog, test, testFiles };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      missing.push({ version, why: describeError(error) });
      if (!isAbsent(error)) break;
    }
  }
  const row = rowOf(asked);
  const [first, ...others] = missing;
  const nor =
    others.length > 0 ? `; nor to ${others.map(({ version }) => version).join(", ")}` : "";
  return { ...row, isBehind: true, notes: [...row.notes, `not bumped: ${first?.why}${nor}`] };
}

/** Returns what a person should know. */
async function bumpOne(
  asked: AskedFile,
  shared: Shared,
  context: Context,
): Promise<readonly string[]> {
  const { file, text, document, newest } = asked;
  if (newest.unasked.length > 0) {
    const who = newest.unasked.join(", ");
    throw new UserError("E_DRAFT", `${who} did not answer, so its source cannot be moved`);
  }
  const { name } = document;
  const needsOthers = [document, ...placedSources(document).map(({ source }) => source)].some(
    ({ needs = [] }) => needs.length > 0,
  );
  const bumped = await bumpRecipe(name, text, newest, shared);
  const day = today(context);
  const lockOf = (lock: string) => bumped.locks[lock];
  const signed = await recordSignatures(bumped.text, lockOf, shared.find, { day });
  const files = { ...bumped.locks, [`${name}.yaml`]: signed.text };
  const readLock = (lock: string) => readInputIfThere(join(file, "..", lock))?.toString("utf8");
  const notes = await licenceNotes(asked, { before: readLock, after: lockOf }, shared.draft);
  await tryHere(name, files, needsOthers ? [join(file, "..")] : [], context);
  // The lock first: if this run ends between them, the recipe is still behind, and the next one moves it.
  for (const [written, bytes] of Object.entries(files)) {
    await writeAtomically(join(file, "..", written), bytes);
  }
  return [...bumped.notes, ...notes, ...signed.notes];
}

/**
 * Installs it as a user would and runs its smoke test; in a volume of its own, unless one is named.
 * `beside`: directories with the recipes that it needs.
 */
async function tryHere(
  name: string,
  files: Readonly<Record<string, string>>,
  beside: readonly string[],
  context: Context,
): Promise<void> {
  await withTemporaryDirectory("openclaw-bump", async (dir) => {
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
        recipeDirs: [recipes, ...options.recipeDirs, ...beside],
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
  });
}

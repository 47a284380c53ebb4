/**
 * Keeps the recipes current, one pull request per tool. In two steps, so that no program that was downloaded
 * runs where something can be written: the first can only read, the second runs git and gh alone.
 *
 *   node .github/bump-recipes.ts try DIR     bumps each recipe that is behind; its patch and report go into DIR
 *   node .github/bump-recipes.ts open DIR    pushes a branch for each patch, and opens or updates its pull request
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";

/** What `recipe outdated --json` and `recipe bump --json` say of a recipe. */
interface Row {
  readonly recipe: string;
  readonly version: string;
  readonly newest: string;
  readonly origins: readonly string[];
  readonly notes: readonly string[];
  readonly unasked: readonly string[];
  readonly notAsked: readonly string[];
  readonly isBehind: boolean;
  readonly isBumped?: boolean;
  readonly changelog?: string;
  readonly test?: readonly string[];
  readonly testFiles?: Readonly<Record<string, string>>;
}

interface PullRequest {
  readonly number: number;
  readonly state: "OPEN" | "CLOSED" | "MERGED";
  readonly title: string;
}

const entrypoint = join(import.meta.dirname, "../entrypoint/openclaw-install-skill-deps");
const maxBuffer = 64 * 1024 ** 2;
const git = (...args: string[]): string =>
  execFileSync("git", args, { encoding: "utf8", maxBuffer });
const gh = (...args: string[]): string => execFileSync("gh", args, { encoding: "utf8", maxBuffer });

/** Rows of a command of the package, and what it says besides. */
function rowsOf(
  args: readonly string[],
  env = process.env,
): { readonly rows: readonly Row[]; readonly log: string } {
  const { stdout, stderr, status, signal } = spawnSync(entrypoint, ["recipe", ...args, "--json"], {
    encoding: "utf8",
    maxBuffer,
    env,
  });
  if (!stdout.startsWith("{"))
    throw new Error(`recipe ${args.join(" ")} ended with ${status ?? signal}: ${stderr}`);
  return { rows: JSON.parse(stdout).recipes, log: stderr.trim() };
}

/** Bumps every recipe by itself; the work tree is as before afterwards. */
function tryAll(dir: string): void {
  if (git("status", "--porcelain") !== "") throw new Error("the work tree has changes");
  mkdirSync(dir, { recursive: true });
  const { rows } = rowsOf(["outdated"]);
  // What is not behind, but has a note, may be so because an origin says nothing of it.
  const told = rows.filter(({ isBehind, notes }) => isBehind || notes.length > 0);
  const done = told.map((each) => (each.isBehind ? tryOrWhy(each, dir) : each));
  const unasked = new Set(rows.flatMap(({ notAsked }) => notAsked));
  const lines = [
    "| recipe | version | newest | |",
    "| --- | --- | --- | --- |",
    ...done.map(({ recipe, version, newest, notes }) =>
      row([recipe, version, newest, notes.join("; ")]),
    ),
    "",
    ...[...unasked].map((cause) => `Not asked: ${cause}.`),
    `${done.filter(({ isBumped }) => isBumped).length} of ${rows.length} can be moved.`,
  ];
  say(`${lines.join("\n")}\n`);
  const followed = rows.filter(({ origins }) => origins.length > 0);
  const isUnknown = ({ origins, unasked }: Row): boolean => unasked.length === origins.length;
  if (followed.length > 0 && followed.every(isUnknown)) throw new Error("no origin was asked");
}

/** A program's text must not end its cell. */
const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replace(/\s+/g, " ").replaceAll("|", "\\|")).join(" | ")} |`;

/** One that ends the command must not end the others. */
function tryOrWhy(row: Row, dir: string): Row {
  try {
    return tryOne(row.recipe, dir);
  } catch (error) {
    return { ...row, notes: [...row.notes, (error as Error).message] };
  }
}

function tryOne(name: string, dir: string): Row {
  // A program that is tried may end the command, which then leaves its temporary files.
  const scratch = mkdtempSync(join(tmpdir(), "bump-recipes-"));
  const prefix = join(scratch, "volume");
  try {
    const env = { ...process.env, TMPDIR: scratch };
    const { rows, log } = rowsOf(["bump", name, "--prefix", prefix], env);
    const [moved] = rows;
    if (moved === undefined) throw new Error(`recipe bump ${name} says nothing of it`);
    if (moved.isBumped) {
      git("add", "--intent-to-add", "--", "recipes");
      writeFileSync(join(dir, `${name}.patch`), git("diff", "--binary", "--", "recipes"));
      writeFileSync(
        join(dir, `${name}.json`),
        JSON.stringify({ title: titleOf(moved), body: bodyOf(moved, log, prefix) }),
      );
    }
    return moved;
  } finally {
    git("reset", "--quiet", "--hard");
    git("clean", "--quiet", "--force", "--", "recipes");
    rmSync(scratch, { recursive: true, force: true });
  }
}

const titleOf = ({ recipe, version, newest }: Row): string =>
  version === newest
    ? `Recipe ${recipe}: newer packages`
    : `Recipe ${recipe}: ${version} -> ${newest}`;

/**
 * The text of the pull request. What a registry or the program says is fenced: it could name people, or close issues.
 */
function bodyOf({ notes, changelog, ...row }: Row, log: string, prefix: string): string {
  const remarks = notes.filter((note) => note !== "bumped");
  const said = smokeTestOf(row, prefix);
  const smoke = said === undefined ? [] : ["Smoke test, here on x64:", "", fence(said), ""];
  return [
    ...(changelog ? [`What is new: <${changelog}>`, ""] : []),
    ...(remarks.length > 0 ? [fence(remarks.join("\n")), ""] : []),
    ...smoke,
    "`recipe bump` has fetched and compared every file of both platforms, and said:",
    "",
    fence(log),
    "",
  ].join("\n");
}

/** What it prints in a directory with its files, which it may write to; undefined if there is none. */
function smokeTestOf(row: Pick<Row, "test" | "testFiles">, prefix: string): string | undefined {
  const [program, ...args] = row.test ?? [];
  if (program === undefined) return undefined;
  const cwd = mkdtempSync(join(tmpdir(), "smoke-"));
  const { GH_TOKEN: _, GITHUB_TOKEN: __, ...env } = process.env;
  try {
    for (const [file, text] of Object.entries(row.testFiles ?? {}))
      writeFileSync(join(cwd, file), text);
    const { stdout, stderr } = spawnSync(join(prefix, "bin", program), args, {
      cwd,
      env,
      encoding: "utf8",
      timeout: 60_000,
      maxBuffer,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return `$ ${[program, ...args].join(" ")}\n${`${stdout}${stderr}`.trim()}`;
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** At most 4 kB, in a fence that the text itself cannot end. */
function fence(text: string): string {
  const plain = text.replaceAll("```", "'''").slice(0, 4096);
  return `\`\`\`text\n${plain}\n\`\`\``;
}

/** A pull request for each patch, from the commit that is checked out. */
function openAll(dir: string): void {
  const base = git("rev-parse", "HEAD").trim();
  const into = process.env.BASE_BRANCH || git("rev-parse", "--abbrev-ref", "HEAD").trim();
  const patches = readdirSync(dir).filter((file) => file.endsWith(".patch"));
  for (const file of patches.sort()) {
    const name = basename(file, ".patch");
    git("reset", "--quiet", "--hard");
    git("checkout", "--quiet", "--detach", base);
    try {
      const { title, body } = JSON.parse(readFileSync(join(dir, `${name}.json`), "utf8"));
      applyPatch(join(resolve(dir), file), name);
      git("commit", "--quiet", "-m", title);
      say(`${name}: ${publish(name, into, title, body)}\n`);
    } catch (error) {
      complain(error); // the others are opened all the same
    }
  }
  git("checkout", "--quiet", "--detach", base);
}

/** The patch was made where downloaded programs ran: it may change files of this recipe alone. */
function applyPatch(patch: string, name: string): void {
  const files = git("apply", "--numstat", patch)
    .trim()
    .split("\n")
    .map((line) => line.split("\t")[2] ?? "");
  const own = new RegExp(`^recipes/${name}\\.(yaml|lock\\.json|(deb|pypi)\\.lock\\.json)$`);
  const other = files.find((path) => !/^[a-z0-9][a-z0-9.-]*$/.test(name) || !own.test(path));
  if (other !== undefined) throw new Error(`the patch of ${name} changes ${other}`);
  git("apply", "--index", patch);
  const entries = git("ls-files", "--stage", "--", ...files)
    .trim()
    .split("\n");
  const odd = entries.find((entry) => !entry.startsWith("100644 "));
  if (odd !== undefined) throw new Error(`the patch of ${name} makes a link or a program: ${odd}`);
}

/** What became of the branch and its pull request. */
function publish(name: string, into: string, title: string, body: string): string {
  const branch = `recipes/${name}`;
  const known = JSON.parse(
    gh(
      "pr",
      "list",
      "--head",
      branch,
      "--base",
      into,
      "--state",
      "all",
      "--json",
      "number,state,title",
    ),
  ) as PullRequest[];
  const open = known.find(({ state }) => state === "OPEN");
  const refused = known.find((each) => each.state === "CLOSED" && each.title === title);
  if (open === undefined && refused)
    return `#${refused.number} was closed by a person; not opened again`;
  const state = stateOf(branch);
  if (state === "theirs") return `${branch} has a commit of somebody else; left as it is`;
  if (state !== "same") git("push", "--quiet", "--force", "origin", `HEAD:refs/heads/${branch}`);
  const text = ["--title", title, "--body", body];
  if (open === undefined) {
    return gh("pr", "create", "--head", branch, "--base", into, ...text).trim();
  }
  if (state === "same" && open.title === title) return `#${open.number} is as it should be`;
  gh("pr", "edit", String(open.number), ...text);
  return `#${open.number} updated`;
}

/** Whether the branch is there with the same files, or else whose its last commit is. */
function stateOf(branch: string): "absent" | "same" | "ours" | "theirs" {
  if (git("ls-remote", "origin", `refs/heads/${branch}`) === "") return "absent";
  // Before the fetch: a commit of the same second is the same commit, and a shallow one has no parent.
  const files = git("diff", "--name-only", "HEAD^", "HEAD").trim().split("\n");
  git("fetch", "--quiet", "--depth=1", "origin", `refs/heads/${branch}`);
  if (git("diff", "--name-only", "HEAD", "FETCH_HEAD", "--", ...files) === "") return "same";
  const [own, last] = ["HEAD", "FETCH_HEAD"].map((it) => git("log", "-1", "--format=%ce", it));
  return own === last ? "ours" : "theirs";
}

/** The run goes on, and fails at its end. */
function complain(error: unknown): void {
  process.stderr.write(`bump-recipes: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

/** To the log, and to the summary of the run. */
function say(text: string): void {
  process.stdout.write(text);
  const { GITHUB_STEP_SUMMARY: summary } = process.env;
  if (summary) appendFileSync(summary, text);
}

const [step, dir] = process.argv.slice(2);
try {
  if (dir === undefined) throw new Error("name a directory");
  if (step === "try") tryAll(dir);
  else if (step === "open") openAll(dir);
  else throw new Error(`the steps are try and open, not ${step}`);
} catch (error) {
  complain(error);
}

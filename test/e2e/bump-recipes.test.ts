/** What the workflow of recipes runs: real git with a bare repository as remote; gh only notes its arguments. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { archive, npmTarball, program, describe as weigh } from "../support/archives.ts";
import { started } from "../support/started.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  writeFileSync(join(place.dir, "gh"), gh, { mode: 0o755 });
  known([]);
  git(place.dir, "init", "-q", "--bare", "-b", "main", "remote");
  git(place.dir, "clone", "-q", "remote", "here");
  mkdirSync(join(place.dir, "tmp"));
  mkdirSync(at("recipes"));
  for (const name of ["zag", "zog"]) {
    offer(name);
    tag(name, "v1.0.0");
  }
  git(at(), "add", "-A");
  git(at(), "commit", "-qm", "recipes");
  git(at(), "push", "-q", "origin", "HEAD:main");
});
afterEach(() => place.close());

const gh = `#!/bin/sh
dir=$(dirname "$0")
{ printf '%s\\n' "$@"; echo =====; } >>"$dir/gh.txt"
case "$1 $2" in
  "pr list") cat "$dir/known.json" ;;
  "pr create") echo https://github.com/o/recipes/pull/1 ;;
esac
`;
/** The pull requests that gh lists. */
const known = (list: readonly object[]) =>
  writeFileSync(join(place.dir, "known.json"), JSON.stringify(list));
/** The calls of gh that change something, since the last time. */
function asked(): string[][] {
  const file = join(place.dir, "gh.txt");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  writeFileSync(file, "");
  const calls = text.split("=====\n").slice(0, -1);
  return calls.map((call) => call.trim().split("\n")).filter(([, verb]) => verb !== "list");
}

const at = (...path: string[]): string => join(place.dir, "here", ...path);
const identity = ["-c", "user.name=bot", "-c", "user.email=bot@example.test"];
const git = (cwd: string, ...args: string[]): string =>
  execFileSync("git", [...identity, ...args], { cwd, encoding: "utf8" });
const branches = (): string[] =>
  git(join(place.dir, "remote"), "branch", "--format=%(refname:short)").trim().split("\n");
const onBranch = (branch: string, path: string): string =>
  git(join(place.dir, "remote"), "show", `${branch}:${path}`);

/** Its program fails where it is started with a token. */
function release(name: string, version: string) {
  const body = `#!/bin/sh\ntest -z "$GH_TOKEN$GITHUB_TOKEN" && echo ${name} ${version}\n`;
  const bytes = archive("tar.gz", { [`${name}-${version}/${name}`]: { body, mode: 0o755 } });
  const path = `/o/${name}/releases/download/v${version}/${name}_${version}.tgz`;
  place.server.serve(path, bytes);
  const { sha256, size } = weigh(bytes);
  return { url: `https://github.com${path}`, sha256, size };
}

function offer(name: string): void {
  const source = release(name, "1.0.0");
  place.recipe(name, {
    bins: { [name]: `${name}-1.0.0/${name}` },
    artifacts: { "linux-x64": source, "linux-arm64": source },
  });
  const from = join(place.recipes, `${name}.yaml`);
  writeFileSync(at("recipes", `${name}.yaml`), readFileSync(from));
}

/** A tag of the repository of a tool. */
function tag(name: string, version: string): void {
  const dir = join(place.dir, "repositories", "o", name);
  if (!existsSync(dir)) {
    mkdirSync(dir, { recursive: true });
    git(dir, "init", "-q");
    git(dir, "commit", "-q", "--allow-empty", "-m", "first");
  }
  git(dir, "tag", version);
}

function run(step: "try" | "open") {
  const { OPENCLAW_SKILL_RECIPES: _, ...env } = place.env;
  const script = join(repository, ".github/bump-recipes.ts");
  const settings = {
    [`url.file://${place.dir}/repositories/.insteadOf`]: "https://github.com/",
    "user.name": "bot",
    "user.email": "bot@example.test",
  };
  const config = Object.entries(settings).flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${i}`, key],
    [`GIT_CONFIG_VALUE_${i}`, value],
  ]);
  return started([process.execPath, script, step, join(place.dir, "bumps")], {
    cwd: at(),
    env: {
      ...env,
      PATH: `${place.dir}:${process.env.PATH}`,
      TMPDIR: join(place.dir, "tmp"),
      OPENCLAW_SKILL_DEPS_NODE: process.execPath,
      OPENCLAW_SKILL_MIRRORS: `https://github.com/=${place.server.origin}/`,
      // Every commit of one second: two runs can be that close.
      GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z",
      GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z",
      GIT_CONFIG_COUNT: String(Object.keys(settings).length),
      ...Object.fromEntries(config),
      BASE_BRANCH: "main",
      ...(step === "try" && { GITHUB_TOKEN: "t0ken" }),
      GITHUB_STEP_SUMMARY: join(place.dir, "summary.md"),
    },
  });
}

/** Both steps; the new version of zog is there. */
async function bump(version: string) {
  tag("zog", `v${version}`);
  release("zog", version);
  expect(await run("try")).toMatchObject({ status: 0, stderr: "" });
  return await run("open");
}

test("a recipe that is behind gets a branch and a pull request with its changelog and its test's output", async () => {
  tag("zag", "v1.5.0"); // there is no such archive
  const { status, stdout } = await bump("1.2.0");
  expect([status, stdout]).toEqual([0, "zog: https://github.com/o/recipes/pull/1\n"]);
  expect(branches()).toEqual(["main", "recipes/zog"]);
  const text = parse(onBranch("recipes/zog", "recipes/zog.yaml"));
  expect(text).toMatchObject({ version: "1.2.0", bins: { zog: "zog-1.2.0/zog" } });
  expect(git(at(), "status", "--porcelain")).toBe("");
  const [create, ...others] = asked();
  expect(others).toEqual([]);
  expect(create?.slice(0, 9)).toEqual(
    ["pr", "create", "--head", "recipes/zog", "--base", "main", "--title"].concat(
      "Recipe zog: 1.0.0 -> 1.2.0",
      "--body",
    ),
  );
  const body = create?.slice(9).join("\n");
  expect(body).toContain("What is new: <https://github.com/o/zog/releases/tag/v1.2.0>");
  expect(body).toContain("$ zog --version\nzog 1.2.0");
  expect(body).toMatch(/zog 1\.2\.0: installed zog/);
  const summary = readFileSync(join(place.dir, "summary.md"), "utf8");
  expect(summary).toMatch(/\| zag \| 1\.0\.0 \| 1\.5\.0 \| not bumped: .*404/);
  expect(summary).toMatch(/\| zog \| 1\.0\.0 \| 1\.2\.0 \| bumped \|/);
});

test("an open pull request is updated with its branch, and left alone where nothing is new", async () => {
  await bump("1.2.0");
  asked();
  const first = git(join(place.dir, "remote"), "rev-parse", "recipes/zog");
  known([{ number: 7, state: "OPEN", title: "Recipe zog: 1.0.0 -> 1.2.0" }]);
  expect((await run("open")).stdout).toBe("zog: #7 is as it should be\n");
  expect(asked()).toEqual([]);
  expect(git(join(place.dir, "remote"), "rev-parse", "recipes/zog")).toBe(first);

  expect((await bump("1.3.0")).stdout).toBe("zog: #7 updated\n");
  const [edit, ...others] = asked();
  expect(others).toEqual([]);
  expect(edit?.slice(0, 5)).toEqual(["pr", "edit", "7", "--title", "Recipe zog: 1.0.0 -> 1.3.0"]);
  expect(parse(onBranch("recipes/zog", "recipes/zog.yaml")).version).toBe("1.3.0");
  expect(git(join(place.dir, "remote"), "rev-list", "--count", "main..recipes/zog").trim()).toBe(
    "1",
  );
});

test("what a person has closed, or has worked on, stays as it is", async () => {
  known([{ number: 7, state: "CLOSED", title: "Recipe zog: 1.0.0 -> 1.2.0" }]);
  expect((await bump("1.2.0")).stdout).toMatch(/#7 was closed by a person/);
  expect([branches(), asked()]).toEqual([["main"], []]);
  expect((await bump("1.3.0")).stdout).toMatch(/pull\/1/);
  asked();
  git(place.dir, "clone", "-q", "-b", "recipes/zog", "remote", "person");
  const person = join(place.dir, "person");
  writeFileSync(join(person, "recipes/zog.yaml"), "# mine\n");
  const me = ["-c", "user.name=me", "-c", "user.email=me@example.test"];
  execFileSync("git", [...me, "commit", "-qam", "mine"], { cwd: person });
  git(person, "push", "-q", "origin", "HEAD");
  known([{ number: 8, state: "OPEN", title: "Recipe zog: 1.0.0 -> 1.3.0" }]);
  expect((await bump("1.4.0")).stdout).toMatch(/has a commit of somebody else/);
  expect([onBranch("recipes/zog", "recipes/zog.yaml"), asked()]).toEqual(["# mine\n", []]);
});

test("a patch that changes anything else is refused", async () => {
  await bump("1.2.0");
  asked();
  const file = join(place.dir, "bumps/zog.patch");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replaceAll("recipes/zog.yaml", "recipes/zag.yaml"),
  );
  const { status, stderr } = await run("open");
  expect([status, stderr, asked()]).toEqual([
    1,
    "bump-recipes: the patch of zog changes recipes/zag.yaml\n",
    [],
  ]);
});

test("a patch that makes a link of the recipe is refused", async () => {
  await bump("1.2.0");
  asked();
  const file = join(place.dir, "bumps/zog.patch");
  rmSync(at("recipes/zog.yaml"));
  symlinkSync("../secret", at("recipes/zog.yaml"));
  writeFileSync(file, git(at(), "diff", "--binary", "--", "recipes"));
  git(at(), "reset", "-q", "--hard");
  const { status, stderr } = await run("open");
  expect([status, asked()]).toEqual([1, []]);
  expect(stderr).toMatch(/^bump-recipes: the patch of zog makes a link or a program: 120000 /);
});

test("what a registry says of a package is quoted: it names nobody and closes no issue", async () => {
  const words = "Closes #1, asks @all ``` and ![all](https://x.test/y)";
  const tarball = (version: string) =>
    npmTarball("zug", version, { zug: program(`zug ${version}`) });
  const first = tarball("1.0.0");
  place.server.publish("zug", "1.0.0", first);
  const source = { npm: "zug@1.0.0", integrity: weigh(first).integrity };
  place.recipe("zug", {
    bins: { zug: "zug" },
    artifacts: { "linux-x64": source, "linux-arm64": source },
  });
  writeFileSync(at("recipes/zug.yaml"), readFileSync(join(place.recipes, "zug.yaml")));
  git(at(), "add", "-A");
  git(at(), "commit", "-qm", "zug");
  place.server.publish("zug", "1.1.0", tarball("1.1.0"), { manifest: { deprecated: words } });
  expect(await run("try")).toMatchObject({ status: 0, stderr: "" });
  const { body } = JSON.parse(readFileSync(join(place.dir, "bumps/zug.json"), "utf8"));
  const fenced = (body as string).split("```").filter((_, i) => i % 2 === 1);
  const plain = (body as string).split("```").filter((_, i) => i % 2 === 0);
  expect(fenced.join()).toContain("is deprecated: Closes #1, asks @all");
  expect(plain.join()).not.toMatch(/#1|@all|x\.test/);
});

test("one that ends the command, or that git refuses, does not end the others", async () => {
  tag("zag", "v1.1.0");
  const body = '#!/bin/sh\nkill -9 "$PPID"\n';
  const bytes = archive("tar.gz", { "zag-1.1.0/zag": { body, mode: 0o755 } });
  place.server.serve("/o/zag/releases/download/v1.1.0/zag_1.1.0.tgz", bytes);
  expect((await bump("1.2.0")).stdout).toBe("zog: https://github.com/o/recipes/pull/1\n");
  const summary = readFileSync(join(place.dir, "summary.md"), "utf8");
  expect(summary).toMatch(/\| zag \| 1\.0\.0 \| 1\.1\.0 \| recipe bump zag .* ended with /);
  expect(summary).toMatch(/1 of 2 can be moved/);
  expect(readdirSync(join(place.dir, "tmp"))).toEqual([]);

  const patch = join(place.dir, "bumps", "zag.patch");
  writeFileSync(patch, "no patch\n");
  writeFileSync(patch.replace("patch", "json"), "{}");
  git(join(place.dir, "remote"), "branch", "-D", "recipes/zog");
  const opened = await run("open");
  expect([opened.status, opened.stdout]).toEqual([1, "zog: https://github.com/o/recipes/pull/1\n"]);
  expect(opened.stderr).toMatch(/^bump-recipes: .*git apply/m);
});

test("an origin that says nothing of a recipe is in the summary", async () => {
  git(join(place.dir, "repositories", "o", "zag"), "tag", "-d", "v1.0.0");
  expect((await run("try")).stdout).toMatch(
    /\| zag \| 1\.0\.0 \| 1\.0\.0 \| github\.com\/o\/zag lists no version, so nothing is followed \|/,
  );
});

test("where no origin can be asked, the run fails", async () => {
  rmSync(join(place.dir, "repositories"), { recursive: true });
  const { status, stdout, stderr } = await run("try");
  expect([status, stderr]).toEqual([1, "bump-recipes: no origin was asked\n"]);
  expect(stdout).toMatch(
    /\| zag \| 1\.0\.0 \| 1\.0\.0 \| the tags of github\.com\/o\/zag cannot be listed/,
  );
});

test("where nothing is behind, or work would be lost, nothing is made", async () => {
  expect((await run("try")).stdout).toMatch(/0 of 2 can be moved/);
  expect(readdirSync(join(place.dir, "bumps"))).toEqual([]);
  expect(await run("open")).toMatchObject({ status: 0, stdout: "" });
  writeFileSync(at("recipes/zog.yaml"), "# mine\n");
  expect(await run("try")).toMatchObject({
    status: 1,
    stderr: "bump-recipes: the work tree has changes\n",
  });
  expect(readFileSync(at("recipes/zog.yaml"), "utf8")).toBe("# mine\n");
});

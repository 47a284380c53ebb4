/**
 * Installs each recipe that has sources from several places with the first place unreachable, and runs the
 * program. Prints what it saw, and writes the page.
 *
 *   node test/second/run.ts [NAME...]     all recipes, or these; BUILT=0: without those that are built
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { artifactsFor, sourceName } from "../../src/core/plan/artifact.ts";
import { installationKey } from "../../src/core/plan/plan.ts";
import type { Artifact, Recipe } from "../../src/core/recipe.ts";
import { loadCatalogue } from "../../src/io/inputs/catalogue.ts";
import { machinePlatform } from "../../src/machine.ts";
import { indexOfMachine } from "../support/index-of-machine.ts";
import { started } from "../support/started.ts";
import { bundle, repository } from "../support/workplace.ts";
import { note, type Row, writePage } from "./results.ts";
import { placeOf } from "./sources.ts";

const dead = "http://127.0.0.1:9/";
const platform = machinePlatform();
const recipes = join(repository, "recipes");
const { catalogue } = await loadCatalogue({ dirs: [recipes] });
const asked = process.argv.slice(2);
const index = indexOfMachine();

for (const recipe of catalogue.recipes.values()) {
  const artifacts = artifactsOf(recipe);
  const [first] = artifacts;
  if (!first || (asked.length > 0 && !asked.includes(recipe.name))) continue;
  if (artifacts.every((artifact) => placeOf(artifact) === placeOf(first))) continue;
  if (process.env.BUILT === "0" && artifacts.some(({ kind }) => kind === "go-build")) continue;
  const row = await tryWithout(first, recipe);
  if (typeof row !== "string") note(recipe.name, row);
  const said = typeof row === "string" ? row : `${row.version} from ${row.from}: ${row.output}`;
  process.stdout.write(`${recipe.name.padEnd(12)} ${placeOf(first)} gone: ${said}\n`);
  writePage(catalogue); // what was seen so far
}
writePage(catalogue);

function artifactsOf(recipe: Recipe): readonly Artifact[] {
  const found = artifactsFor(recipe, platform);
  return "reason" in found ? [] : found.artifacts;
}

/** What was installed in place of the first source; a text says why nothing was. */
async function tryWithout(first: Artifact, recipe: Recipe): Promise<Row | string> {
  const dir = mkdtempSync(join(tmpdir(), "second-"));
  try {
    const prefix = join(dir, "volume");
    const { variables, options } = without(first);
    const env = {
      ...process.env,
      ...(index !== undefined && { PIP_INDEX_URL: index }),
      ...variables,
      HOME: dir,
      OPENCLAW_SKILL_PREFIX: prefix,
      OPENCLAW_SKILL_PROFILE_DIR: "",
      OPENCLAW_SKILL_RECIPES: recipes,
    };
    const began = performance.now();
    const argv = [process.execPath, bundle, recipe.name, "--ignore-system", "--strict", ...options];
    const { status, stderr } = await started(argv as [string], { env, cwd: dir });
    const seconds = Math.round((performance.now() - began) / 1000);
    const why = stderr.split("\n").find((line) => line.startsWith("error:"));
    if (status !== 0) return why ?? stderr;
    const manifest = JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8"));
    const { version, key } = manifest.tools[recipe.name] as { version: string; key: string };
    const used = artifactsOf(recipe).find((each) => installationKey(recipe, each) === key);
    if (!used || placeOf(used) === placeOf(first)) return `${version} is not from another place`;
    const date = new Date().toISOString().slice(0, 10);
    const output = runTest(recipe, prefix, dir);
    return { date, from: sourceName(used), version, output, seconds };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Variables and options with which a source's place cannot be reached. */
function without(first: Artifact): { variables: Record<string, string>; options: string[] } {
  switch (placeOf(first)) {
    case "npm":
      return { variables: { npm_config_registry: dead }, options: [] };
    case "Python index":
      return { variables: { PIP_INDEX_URL: dead, PIP_FIND_LINKS: "" }, options: [] };
    case "Go proxy":
      return { variables: { GOPROXY: dead }, options: [] };
    case "Debian":
      throw new Error("apt's mirrors cannot be replaced by an option");
    default:
      return { variables: {}, options: ["--mirror", `https://${placeOf(first)}/=${dead}`] };
  }
}

/** The first line that the installed program prints when its smoke test runs once more. */
function runTest({ test, testFiles = {}, bins }: Recipe, prefix: string, dir: string): string {
  const work = join(dir, "work");
  mkdirSync(work);
  for (const [name, text] of Object.entries(testFiles)) writeFileSync(join(work, name), text);
  const [bin = Object.keys(bins)[0] ?? "", ...args] = test;
  const env = { PATH: `${join(prefix, "bin")}:/usr/bin:/bin`, HOME: work };
  const text = execFileSync(join(prefix, "bin", bin), args, {
    ...{ cwd: work, env, encoding: "utf8" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  return text.trim().split("\n")[0]?.slice(0, 100) || "exit status 0";
}

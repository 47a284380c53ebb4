/** One volume into which the built command installs recipes, and three roots in which their smoke tests are run. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { inject } from "vitest";
import { $ } from "zx";
import { installationKey } from "../../src/core/plan/plan.ts";
import type { Recipe } from "../../src/core/recipe.ts";
import { host } from "../containers/host.ts";
import { openPlace, type Place, type Sandbox } from "../containers/sandbox.ts";
import { repository } from "../support/workplace.ts";
import type { RootResult, Row } from "./results.ts";
import type { Root } from "./setup.ts";

/** What a run with `--json` says of a tool that it could not install. */
interface Failure {
  readonly tool: string;
  readonly code: string;
  readonly message: string;
  readonly shared?: { readonly message: string };
}

interface Installed {
  readonly version: string;
  readonly key: string;
  readonly source: { readonly kind: string; readonly from: string };
  readonly needs: readonly string[];
}

type Seen = Omit<Row, "date" | "recipe">;

export interface Trial {
  /** Installs a recipe and runs its smoke test in every root that its programs are for. */
  attempt(recipe: Recipe): Promise<Seen>;
  close(): Promise<void>;
}

/** Kept, so that a run continues where the last one ended. */
const volume =
  process.env.RECIPES_VOLUME ?? join(homedir(), ".cache/openclaw-install-skill-deps/recipes");

const noSkills = join(dirname(volume), "no-skills");

export async function openTrial(): Promise<Trial> {
  for (const dir of [volume, noSkills]) mkdirSync(dir, { recursive: true });
  const place = openPlace();
  const boxes = Object.entries(inject("roots")).map(async ([root, image]) => {
    const box = await place.sandbox({ network: "none", access: "ro", image, volume });
    return [root as Root, box] as const;
  });
  const opened = await Promise.all(boxes);
  return {
    async attempt(recipe) {
      const { name, version } = recipe;
      const failure = await install(recipe);
      const none = { version, source: "", roots: {}, milliseconds: 0 };
      if (failure !== undefined) {
        const result = failure.code === "network" ? "not reached" : "fails";
        return { ...none, result, seen: failure.shared?.message ?? failure.message };
      }
      const installed = installedTool(name);
      const meant = opened.filter(([root]) => isFor(root, recipe, installed));
      // One after the other: a limit of processes of uid 1000 counts those of all containers.
      const smokes: (readonly [Root, Smoke])[] = [];
      for (const [root, box] of meant) smokes.push([root, await smoke(recipe, box, place)]);
      const first = smokes.find(([, { error }]) => error !== undefined) ?? smokes[0];
      return {
        version: installed.version,
        source: sourceOf(installed),
        result: smokes.every(([, { error }]) => error === undefined) ? "works" : "fails",
        seen: first?.[1].error ?? first?.[1].seen ?? "",
        roots: Object.fromEntries(smokes.map(([root, { result }]) => [root, result])),
        milliseconds: smokes[0]?.[1].milliseconds ?? 0,
      };
    },
    close: () => place.close(),
  };
}

/** Installs it, if it is not there already; what the command says if it cannot. */
async function install(recipe: Recipe): Promise<Failure | undefined> {
  const { name, artifacts } = recipe;
  const keys = Object.values(artifacts).flatMap((all) =>
    all.map((artifact) => installationKey(recipe, artifact)),
  );
  if (keys.includes(toolsOfVolume()[name]?.key ?? "")) return undefined;
  const env = {
    ...process.env,
    OPENCLAW_SKILL_PROFILE_DIR: "",
    OPENCLAW_SKILL_RECIPES: await pythonInstead(),
  };
  const command = join(repository, "entrypoint/openclaw-install-skill-deps");
  const words = ["--prefix", volume, "--skills-dir", noSkills, "--ignore-system"];
  const { stdout, stderr } = await $({
    env,
    quiet: true,
    nothrow: true,
  })`${command} ${words} --strict --json ${name}`;
  if (!stdout.startsWith("{")) throw new Error(stderr);
  const { failed = [], unmet = [], exitStatus } = JSON.parse(stdout);
  const all: Failure[] = [...failed, ...unmet];
  const [other] = all;
  const own = all.find(({ tool }) => tool === name) ?? other;
  if (exitStatus !== 0 && own === undefined) throw new Error(stderr);
  return own;
}

/** The tests' own Python, from a registry, where the recipe's cannot be fetched. */
async function pythonInstead(): Promise<string> {
  const isReached = await canFetchPython();
  return isReached ? "" : join(repository, "test/fixtures/recipes");
}

let reached: Promise<boolean> | undefined;
function canFetchPython(): Promise<boolean> {
  reached ??= fetch("https://github.com/robots.txt", { signal: AbortSignal.timeout(10_000) })
    .then(({ ok }) => ok)
    .catch(() => false);
  return reached;
}

function toolsOfVolume(): Readonly<Record<string, Installed>> {
  const manifest = join(volume, "manifest.json");
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).tools : {};
}

function installedTool(name: string): Installed {
  const tool = toolsOfVolume()[name];
  if (tool === undefined) throw new Error(`${name} is not in the manifest`);
  return tool;
}

/** A recipe without a -glibc platform is for any libc, if what it needs is. */
function isFor(root: Root, { artifacts }: Recipe, { needs }: Installed): boolean {
  if (root !== "alpine") return true;
  const keys = Object.keys(artifacts);
  const [any, glibc] = [`linux-${process.arch}`, `linux-${process.arch}-glibc`];
  return keys.includes(any) && !keys.includes(glibc) && needs.length === 0;
}

function sourceOf({ source: { kind, from } }: Installed): string {
  return kind === "archive" ? new URL(from).host : `${kind.split("-")[0]}: ${from}`;
}

interface Smoke {
  readonly seen: string;
  readonly result: RootResult;
  readonly error?: string;
  readonly milliseconds: number;
}

/** Runs the smoke test as a tool call of an agent; once more with that directory as HOME, if it fails. */
async function smoke(recipe: Recipe, box: Sandbox, place: Place): Promise<Smoke> {
  const asIs = await smokeWith("", recipe, box, place);
  if (asIs.error === undefined) return { ...asIs, result: "works" };
  const { error, ...again } = await smokeWith('HOME="$PWD"', recipe, box, place);
  return error === undefined ? { ...again, result: "home" } : { ...asIs, result: "fails" };
}

/** In a directory of the workspace with its files. */
async function smokeWith(
  variable: string,
  { test, testFiles = {}, testOutput = "" }: Recipe,
  box: Sandbox,
  place: Place,
): Promise<Omit<Smoke, "result">> {
  const dir = join(place.dir, "workspace", box.name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
  for (const [file, text] of Object.entries(testFiles)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  await host`chown -R 1000:1000 ${dir}`;
  const [program = "", ...args] = test;
  // By its path: busybox prefers its own applets, which Alpine's does not.
  const argv = [`/opt/openclaw/bin/${program}`, ...args];
  const words = argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const began = performance.now();
  const { exitCode, stdout, stderr } = await box.call(
    `cd ${box.name} && ${variable} timeout 120 ${words}`,
    "/opt/openclaw/bin:/usr/local/bin:/usr/bin:/bin",
  );
  const milliseconds = Math.round(performance.now() - began);
  const seen = lineOf(stdout, testOutput) || lineOf(stderr, "");
  if (exitCode === 0 && stdout.includes(testOutput)) return { seen, milliseconds };
  const end = exitCode === 0 ? `does not print "${testOutput}"` : `exit status ${exitCode}`;
  return { seen, milliseconds, error: `${end}: ${lineOf(stderr, "") || seen}` };
}

/** The first line that is not empty, or the one with what is expected. */
function lineOf(text: string, expected: string): string {
  const lines = stripVTControlCharacters(text)
    .split("\n")
    .map((line) => line.replace(/\p{Cc}|\ufffd/gu, ""));
  const first = expected.split("\n")[0] ?? "";
  return (lines.find((line) => line.trim() !== "" && line.includes(first)) ?? "").trim();
}

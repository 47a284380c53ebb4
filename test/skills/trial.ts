/** A volume into which the built command installs what skills declare, and a sandbox that starts their scripts. */
import { lstatSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { $ } from "zx";
import { host } from "../containers/host.ts";
import { openPlace, type Place, type Sandbox } from "../containers/sandbox.ts";
import { repository } from "../support/workplace.ts";
import { setsOf, type TriedSet, type TriedSkill, writeSkill } from "./skills.ts";

/** What came of a skill's packages. */
export interface Outcome {
  /**
   * `in part`: the image lacks a library that a module needs. `refused`: the command said why it installs nothing.
   */
  readonly result: "whole" | "in part" | "refused" | "failed";
  /** Why it is not whole. */
  readonly why: string;
  readonly sets: readonly TriedSet[];
  /** Bytes of its trees for the sandbox: those of its Python 3.11 and of Node. */
  readonly bytes: number;
  /** Of the run that installed it, with all that this resolves. */
  readonly seconds: number;
}

export interface Trial {
  /** Runs the command for these skills. */
  install(skills: readonly TriedSkill[], ...args: string[]): Promise<Installed>;
  /** Starts the sandbox, without a network. */
  start(): Promise<void>;
  /** What the script of a set says of each package that it imports. */
  probe(skill: TriedSkill, set: TriedSet): Promise<Readonly<Record<string, Imported>>>;
  readonly volume: string;
  close(): Promise<void>;
}

export interface Installed {
  readonly status: number | null;
  readonly stderr: string;
  readonly seconds: number;
  /** Bytes of the trees that it added for the sandbox's Python and for Node. */
  readonly bytes: number;
}

interface Imported {
  readonly error?: string;
  readonly from?: string;
  readonly version?: string;
  readonly ways?: readonly string[];
}

const hooks = "/opt/openclaw/share/openclaw-skill-deps";
/** As `config` prints them. */
const variables = [
  `PYTHONPATH=${hooks}/python`,
  `NODE_OPTIONS=--require=${hooks}/node/register.cjs`,
].flatMap((it) => ["--env", it]);

/** A trial whose volume has a Python and a Node, as a filled one would have. */
export async function openTrial(): Promise<Trial> {
  const place = openPlace();
  let box: Sandbox | undefined;
  const index = join(place.volume, "share/openclaw-skill-deps/libraries");
  const install: Trial["install"] = async (skills, ...args) => {
    const before = linksIn(index);
    const dirs = skills.map((skill) => written(place, skill));
    const began = performance.now();
    const { exitCode, stderr } = await run(place, dirs, args);
    const seconds = (performance.now() - began) / 1000;
    const added = linksIn(index).filter((link) => !before.includes(link));
    const trees = added.filter((link) => /-(cpython-311|node)$/.test(link));
    const bytes = trees.reduce((sum, link) => sum + bytesBelow(realpathSync(join(index, link))), 0);
    return { status: exitCode, stderr, seconds, bytes };
  };
  const { status, stderr } = await install([]);
  expect(status, stderr).toBe(0);
  return {
    volume: place.volume,
    install,
    async start() {
      await host`chown -R 1000:1000 ${place.volume}`;
      box = await place.sandbox({ network: "none", access: "ro", flags: variables });
    },
    async probe(skill, { language, script, imports }) {
      const program = language === "python" ? "python3" : "node";
      const command = `${program} skills/${skill.name}/${script} ${imports.join(" ")}`;
      const path = "/usr/local/bin:/usr/bin:/bin:/opt/openclaw/bin";
      const { stdout = "", stderr = "" } = (await box?.call(command, path)) ?? {};
      const last = stdout.trim().split("\n").at(-1) ?? "";
      if (last.startsWith("{")) return JSON.parse(last);
      const error = stderr.trim().split("\n").at(-1) ?? "it says nothing";
      return Object.fromEntries(imports.map((name) => [name, { error }]));
    },
    close: () => place.close(),
  };
}

/** The directory of skills that has this one alone, and the workspace's, in which the sandbox sees it. */
function written(place: Place, skill: TriedSkill): string {
  writeSkill(join(place.dir, "workspace/skills"), skill);
  const own = join(place.dir, "single", skill.name);
  mkdirSync(own, { recursive: true });
  writeSkill(own, skill);
  return own;
}

async function run(place: Place, dirs: readonly string[], args: readonly string[]) {
  const empty = join(place.dir, "single");
  mkdirSync(empty, { recursive: true });
  const env = {
    ...process.env,
    OPENCLAW_SKILL_RECIPES: join(repository, "test/fixtures/recipes"), // a Python from the registry
    OPENCLAW_SKILL_PROFILE_DIR: "",
    OPENCLAW_SKILL_TOOLS: "node python3",
  };
  const skills = (dirs.length > 0 ? dirs : [empty]).flatMap((dir) => ["--skills-dir", dir]);
  const words = ["--prefix", place.volume, ...skills, "--ignore-system", "--allow-libraries"];
  const command = join(repository, "entrypoint/openclaw-install-skill-deps");
  return await $({ env, quiet: true, nothrow: true })`${command} ${words} ${args}`;
}

function linksIn(index: string): string[] {
  try {
    return readdirSync(index);
  } catch {
    return [];
  }
}

function bytesBelow(dir: string): number {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true });
  const sizes = files
    .filter((entry) => entry.isFile())
    .map((entry) => lstatSync(join(entry.parentPath, entry.name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What came of a skill that was installed, by its scripts in the sandbox. */
export async function outcomeOf(
  skill: TriedSkill,
  { stderr, bytes, seconds }: Installed,
  trial: Trial,
): Promise<Outcome> {
  const sets = setsOf(skill);
  const errors: string[] = [];
  for (const set of sets) {
    for (const [name, { error, from }] of Object.entries(await trial.probe(skill, set))) {
      if (error !== undefined) errors.push(`${name}: ${error}`);
      else if (!from?.startsWith("/opt/openclaw/lib/skills/")) errors.push(`${name}: from ${from}`);
    }
  }
  const common = { sets, bytes, seconds, why: errors.join("; ") };
  if (errors.length === 0) return { ...common, result: "whole" };
  const said = refusalIn(stderr);
  if (bytes === 0 && said !== undefined) return { ...common, result: "refused", why: said };
  const isInPart = errors.every((error) => /: cannot open shared object file/.test(error));
  return { ...common, result: isInPart ? "in part" : "failed" };
}

/** What the run says of packages that it does not install. */
function refusalIn(stderr: string): string | undefined {
  const lines = stderr.split("\n");
  const line = lines.find((each) => /\[E_(?!LIBRARIES_SCRIPTS)[A-Z_]+\]/.test(each));
  return line?.replace(/^(warning|error): /, "").trim();
}

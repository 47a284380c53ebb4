import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { miseConfig, miseEnv } from "../support/mise.ts";
import { copyPackage } from "../support/package.ts";
import type { Fixture, FixtureSet } from "./fixtures.ts";
import type { Command } from "./measure.ts";
import type { Peers } from "./peers.ts";

/** What a container has, whatever npm adds to it. */
export const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Something that installs a set of programs into a volume. */
export interface Contender {
  readonly name: string;
  /** `outside` is the container's own directory: home, configuration, cache. Both must exist. */
  command(volume: string, outside: string): Command;
  /** Where a program ends up; undefined where only the installer knows. */
  program(volume: string, fixture: Fixture): string | undefined;
}

/** Ours, with a skill for every program, and what the steady state needs to know. */
export interface Ours extends Contender {
  readonly packageDir: string;
  readonly skills: string;
}

export interface Offered {
  readonly set: FixtureSet;
  /** Such as `http://127.0.0.1:40001`. */
  readonly origin: string;
  /** An own directory for configuration. */
  readonly dir: string;
}

/**
 * The product as Dockerfile.example puts it into an image: the sh entrypoint, the bundle with V8's cache of
 * it, and a compiled catalogue, which has the set's recipes. `skills`: how many SKILL.md files share the programs among them.
 */
export function ours({ set, origin, dir }: Offered, skills = set.fixtures.length): Ours {
  const packageDir = copyPackage(join(dir, "package"));
  const recipes = join(dir, "recipes");
  mkdirSync(recipes);
  for (const fixture of set.fixtures) writeRecipe(recipes, fixture, origin);
  const bundle = join(packageDir, "dist", "openclaw-install-skill-deps.cjs");
  const catalogue = join(packageDir, "dist", "catalogue.json");
  execFileSync(process.execPath, [bundle, "recipe", "compile", recipes, catalogue]);
  const skillsDir = join(dir, "skills");
  const roots = writeSkills(skillsDir, set, skills);
  const contender: Ours = {
    name: "ours",
    packageDir,
    skills: skillsDir,
    command: (volume, outside) => ({
      argv: [join(packageDir, "entrypoint", "openclaw-install-skill-deps")],
      cwd: outside,
      env: {
        PATH: path,
        HOME: outside,
        TMPDIR: outside,
        OPENCLAW_SKILL_DEPS_NODE: process.execPath,
        OPENCLAW_SKILL_PREFIX: volume,
        OPENCLAW_SKILL_DIRS: roots.join(":"),
        OPENCLAW_SKILL_PROFILE_DIR: "",
      },
    }),
    program: (volume, { tool }) => join(volume, "bin", tool),
  };
  writeCodeCache(contender, set.fixtures[0]?.tool ?? "", dir);
  return contender;
}

/** V8's code cache, made as warm-up.sh makes it: by a run that installs one program, and one with nothing to do. */
function writeCodeCache({ packageDir, command }: Ours, tool: string, dir: string): void {
  const place = join(dir, "warm");
  mkdirSync(place);
  const { argv, env, cwd } = command(join(place, "volume"), place);
  const [program, ...words] = [...argv, "--ignore-system", tool];
  const writing = { ...env, OPENCLAW_SKILL_DEPS_CODE_CACHE: "write" };
  const cache = join(packageDir, "dist", "program.cache");
  for (const other of [["--json"], []]) {
    execFileSync(program, [...words, ...other], { env: writing, cwd, stdio: "ignore" });
    if (!existsSync(cache)) throw new Error("no code cache");
  }
}

function writeRecipe(recipes: string, fixture: Fixture, origin: string): void {
  const { tool, version, file, sha256, size, program, test } = fixture;
  const document = {
    name: tool,
    description: "A program of the benchmark",
    homepage: "https://example.test",
    license: "MIT",
    version,
    provenance: "made by the benchmark",
    bins: { [tool]: program },
    test: [tool, ...test],
    artifacts: { "linux-x64": { url: `${origin}/${file}`, sha256, size, strip: 1 } },
  };
  writeFileSync(join(recipes, `${tool}.yaml`), stringify(document));
}

/** OpenClaw reads no more skills of one directory. */
const skillsPerRoot = 200;

/** Of the usual length of a SKILL.md: some 4 kB. Returns the directories that they lie in. */
function writeSkills(dir: string, { fixtures }: FixtureSet, count: number): string[] {
  const roots: string[] = [];
  const text = "This skill has a program, and says at length how to use it.\n".repeat(64);
  for (let i = 0; i < count; i += 1) {
    const share = fixtures.filter((_, n) => n % count === i % fixtures.length);
    const bins = share.map(({ tool }) => tool);
    const metadata = JSON.stringify({ openclaw: { requires: { bins } } });
    const name = `skill-${String(i).padStart(4, "0")}`;
    if (i % skillsPerRoot === 0) roots.push(join(dir, `${roots.length}`));
    const root = roots.at(-1) ?? dir;
    mkdirSync(join(root, name), { recursive: true });
    const head = `---\nname: ${name}\ndescription: Number ${i}.\nmetadata: ${metadata}\n---\n`;
    writeFileSync(join(root, name, "SKILL.md"), head + text);
  }
  return roots;
}

export function mise({ set, origin, dir }: Offered, peers: Peers): Contender {
  const config = join(dir, "mise.toml");
  const tools = set.fixtures.map(({ tool, version, file, sha256, program }) => {
    const binPath = program.includes("/") ? { binPath: program.replace(/\/[^/]*$/, "") } : {};
    return { tool, version, url: `${origin}/${file}`, sha256, ...binPath };
  });
  writeFileSync(config, miseConfig(tools));
  return {
    name: "mise, 8 jobs",
    command: (volume, outside) => ({
      argv: [peers.mise, "install"],
      env: { ...miseEnv(volume, outside, config), PATH: path },
      cwd: outside,
    }),
    program: (volume, { tool, version, program }) =>
      join(volume, "installs", `http-${tool}`, version, program),
  };
}

/** `jobs` at once by xargs, which is how one runs it for several files. */
export function dotslash({ set, origin, dir }: Offered, peers: Peers, jobs: number): Contender {
  const files = set.fixtures.map((fixture) => {
    const file = join(dir, `dotslash-${fixture.tool}`);
    writeFileSync(file, dotslashFile(fixture, origin));
    return file;
  });
  const list = join(dir, `dotslash-${jobs}.list`);
  writeFileSync(list, files.map((file) => `${file}\n`).join(""));
  const fetch = [peers.dotslash, "--", "fetch"];
  return {
    name: jobs === 1 ? "DotSlash, one by one" : `DotSlash, ${jobs} at once`,
    command: (volume, outside) => ({
      argv: ["xargs", "-a", list, "-n", "1", "-P", `${jobs}`, ...fetch],
      env: { PATH: path, HOME: outside, DOTSLASH_CACHE: volume },
      cwd: outside,
    }),
    program: () => undefined,
  };
}

function dotslashFile(fixture: Fixture, origin: string): string {
  const { tool, file, size, sha256, format, top, program } = fixture;
  const platform = {
    size,
    hash: "sha256",
    digest: sha256,
    format,
    path: `${top}/${program}`,
    providers: [{ url: `${origin}/${file}` }],
  };
  const document = { name: tool, platforms: { "linux-x86_64": platform } };
  return `#!/usr/bin/env dotslash\n${JSON.stringify(document, null, 2)}\n`;
}

export function toolCache(offered: Offered, peers: Peers): Contender {
  const list = writeList(offered);
  return {
    name: "@actions/tool-cache, 4 at once",
    command: (volume, outside) => ({
      argv: [process.execPath, peers.toolCache, list],
      env: {
        PATH: path,
        HOME: outside,
        RUNNER_TEMP: join(volume, "temp"),
        RUNNER_TOOL_CACHE: volume,
      },
      cwd: outside,
    }),
    program: (volume, { tool, version, top, program }) =>
      join(volume, tool, version, "x64", top, program),
  };
}

export function plainNode(offered: Offered, peers: Peers): Contender {
  const list = writeList(offered);
  return {
    name: "plain Node, 4 at once",
    command: (volume, outside) => ({
      argv: [process.execPath, peers.plain, volume, list],
      env: { PATH: path, HOME: outside },
      cwd: outside,
    }),
    program: (volume, { tool, top, program }) => join(volume, tool, top, program),
  };
}

function writeList({ set, origin, dir }: Offered): string {
  const list = join(dir, "list.json");
  const items = set.fixtures.map(({ file, ...one }) => ({ ...one, url: `${origin}/${file}` }));
  writeFileSync(list, JSON.stringify(items));
  return list;
}

/** Throws where not every program of the set is there: a contender that fails quietly is no fast one. */
export function refuseHalf(contender: Contender, volume: string, { fixtures }: FixtureSet): void {
  for (const fixture of fixtures) {
    const path = contender.program(volume, fixture);
    if (path === undefined || (existsSync(path) && readFileSync(path).length > 0)) continue;
    throw new Error(`${contender.name} ended with status 0, but has not installed ${path}`);
  }
}

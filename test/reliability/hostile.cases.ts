/**
 * Archives that attack, through the built command: recipes with the right digests of hostile bytes, a
 * loopback server, a volume beside things that must not change.
 */
import { lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { bombs } from "../support/bombs.ts";
import { hostileArchives } from "../support/hostile.ts";
import { codeOf, evil, evilPath, type Hostile } from "../support/hostile-entry.ts";
import { commandName } from "../support/own-command.ts";
import { copyPackage } from "../support/package.ts";
import { openWorkplace, snapshotOf, type Workplace } from "../support/workplace.ts";
import { type Case, type Result, some } from "./case.ts";
import { type Measured, runMeasured } from "./support/measured.ts";

const megabyte = 1024 * 1024;
/** Node with all its code takes some 150 MB; what is unpacked must not add to it. */
const maxMemory = 400 * megabyte;
/** The limit of a small download, and the download. */
const maxDisk = 1100 * megabyte;

interface Document {
  readonly installed: readonly { readonly tool: string }[];
  readonly kept: readonly string[];
  readonly failed: readonly { tool: string; code: string; message: string }[];
}

/** Writes a recipe for each archive, named in their order, and a skill that asks for all of them. */
function offer(place: Workplace, archives: readonly Hostile[]): string[] {
  const names = archives.map((_, i) => `hostile${i}`);
  archives.forEach(({ bytes, format, strip }, i) => {
    const name = names[i] as string;
    const { url, sha256 } = place.serve(`${name}.bin`, bytes());
    const source = {
      url,
      sha256,
      format,
      ...(strip === undefined ? {} : { strip }),
    };
    const artifacts = { "linux-x64": source, "linux-arm64": source };
    place.recipe(name, { bins: { [name]: "bin/tool" }, test: [name], artifacts });
  });
  place.skill("all", { bins: names });
  return names;
}

async function runAll(place: Workplace, packageDir: string, args: string[]): Promise<Measured> {
  const bundle = join(packageDir, "dist", "openclaw-install-skill-deps.cjs");
  return await runMeasured({
    argv: [process.execPath, "--max-old-space-size=192", bundle, "--json", ...args],
    env: {
      PATH: process.env.PATH ?? "",
      HOME: place.home,
      OPENCLAW_SKILL_PREFIX: place.prefix,
      OPENCLAW_SKILL_DIRS: place.skills,
      OPENCLAW_SKILL_RECIPES: place.recipes,
      OPENCLAW_SKILL_PROFILE_DIR: "",
    },
    cwd: place.home,
    limit: 300_000,
    watch: join(place.prefix, "lib", ".staging"),
  });
}

/** Everything of a workplace but the volume. */
function around(place: Workplace): string {
  const all = Object.entries(snapshotOf(place.dir));
  return JSON.stringify(all.filter(([path]) => !path.startsWith("volume")));
}

function writtenOutside(place: Workplace, before: string): string[] {
  const wrong = around(place) === before ? [] : ["something outside of the volume was changed"];
  for (let at = place.prefix; ; at = dirname(at)) {
    if (lstatSync(join(at, evil), { throwIfNoEntry: false }))
      wrong.push(`${at}/${evil} was written`);
    if (at === dirname(at)) break;
  }
  if (lstatSync(evilPath, { throwIfNoEntry: false })) wrong.push(`${evilPath} was written`);
  return wrong;
}

/** What in the volume has a mode that it must not have. */
function wrongModes(place: Workplace): string[] {
  return Object.entries(place.snapshot()).flatMap(([path, what]) => {
    const mode = Number.parseInt(/^(?:file|directory) (\d+)/.exec(what)?.[1] ?? "0", 8);
    return (mode & 0o7022) === 0 ? [] : [`${path} has mode ${mode.toString(8)}`];
  });
}

/** What is left in the volume and belongs to nothing that was installed. */
function countStale(place: Workplace, installed: ReadonlySet<string>): number {
  const names = (dir: string): string[] => {
    try {
      return readdirSync(join(place.prefix, dir));
    } catch {
      return [];
    }
  };
  const own = new Set(["bin", "lib", "share", "etc", "manifest.json"]);
  return [
    ...names("").filter((name) => !own.has(name)),
    ...names("bin").filter((name) => !installed.has(name)),
    ...names("lib").filter((name) => name !== ".staging" && !installed.has(name)),
    ...names("lib/.staging"),
    ...names("share/openclaw-skill-deps").filter((name) => name.startsWith(".")),
  ].length;
}

function verdict(archive: Hostile, tool: string, document: Document): string[] {
  const failed = document.failed.find((one) => one.tool === tool);
  const installed = document.installed.some((one) => one.tool === tool);
  if (archive.refused === undefined && !archive.bare) {
    return installed ? [] : [`${archive.name} was not installed: ${failed?.message}`];
  }
  if (installed) return [`${archive.name} was installed`];
  if (!failed) return [`${archive.name} did not fail`];
  const isRight =
    archive.bare ||
    (failed.code === codeOf(failed.message) && archive.refused?.test(failed.message));
  return isRight ? [] : [`${archive.name} was refused for ${failed.code}: ${failed.message}`];
}

async function tryArchives(archives: readonly Hostile[], args: string[]): Promise<Result> {
  const place = await openWorkplace();
  try {
    const packageDir = copyPackage(join(place.dir, "package"));
    const names = offer(place, archives);
    const before = around(place);
    const run = await runAll(place, packageDir, args);
    const wrong = writtenOutside(place, before);
    if (run.status !== 4) {
      const why = run.stderr.slice(-500);
      return { tries: archives.length, wrong: [...wrong, `exit ${run.status}: ${why}`], stale: 0 };
    }
    const document = JSON.parse(run.stdout) as Document;
    archives.forEach((archive, i) => {
      wrong.push(...verdict(archive, names[i] as string, document));
    });
    wrong.push(...wrongModes(place));
    if (run.memory > maxMemory)
      wrong.push(`it took ${Math.round(run.memory / megabyte)} MB of memory`);
    if (run.disk > maxDisk) wrong.push(`it took ${Math.round(run.disk / megabyte)} MB of disk`);
    const installed = document.installed.map(({ tool }) => tool);
    wrong.push(...(await tryAgain(place, packageDir, installed)));
    return {
      tries: archives.length,
      wrong,
      stale: countStale(place, new Set([...installed, commandName])),
    };
  } finally {
    await place.close();
  }
}

/** Odd names must not make a tree look changed to the next run. */
async function tryAgain(
  place: Workplace,
  packageDir: string,
  installed: readonly string[],
): Promise<string[]> {
  if (installed.length === 0) return [];
  const again = await runAll(place, packageDir, ["install", ...installed]);
  if (again.status !== 0) return [`the next run ends with ${again.status}: ${again.stderr}`];
  const { kept } = JSON.parse(again.stdout) as Document;
  const lost = installed.filter((tool) => !kept.includes(tool));
  return lost.length === 0 ? [] : [`the next run does not keep ${lost.join(", ")}`];
}

async function tryBombs(tries: number): Promise<Result> {
  const sum = { tries: 0, wrong: [] as string[], stale: 0 };
  for (const bomb of some(bombs, tries)) {
    const { wrong, stale } = await tryArchives([bomb], ["--jobs", "1"]);
    sum.tries += 1;
    sum.wrong.push(...wrong.map((line) => `${bomb.name}: ${line}`));
    sum.stale += stale;
  }
  return sum;
}

export const cases: readonly Case[] = [
  {
    name: "hostile and odd archives",
    tries: { bounded: hostileArchives.length, full: hostileArchives.length },
    run: () => tryArchives(hostileArchives, []),
  },
  {
    name: "bombs: memory, disk and time bounded",
    tries: { bounded: 5, full: bombs.length },
    run: tryBombs,
  },
];

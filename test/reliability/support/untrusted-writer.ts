/**
 * A provisioner and an untrusted writer on one volume: the latter can write to all of it and does so between
 * the provisioner's runs. Beside the volume lies what nobody may touch.
 */
import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { archive, link, program } from "../../support/archives.ts";
import { copyPackage } from "../../support/package.ts";
import { openWorkplace, snapshotOf } from "../../support/workplace.ts";
import { findStale, letHoursPass, readListed } from "./account.ts";
import { type Measured, runMeasured } from "./measured.ts";

export interface HostileVolume {
  readonly prefix: string;
  /** A directory with a file, a program and a directory, none of which may change. */
  readonly sentinel: string;
  /** A volume in which gog and jot have just been installed; in `fresh`, nothing at all. */
  renew(fresh: boolean): Promise<void>;
  /** The provisioner, through the sh entrypoint. */
  provision(...args: string[]): Promise<Measured>;
  /** A sandbox without Node, which only verifies. */
  verify(): Promise<Measured>;
  /** What is not as the archives have it after a run that said this, among programs, trees and links. Empty: all is well. */
  wrongContents(said: string): string[];
  /** What belongs to nothing, as seen now. */
  stale(): string[];
  /** Plays that hours pass, and runs the provisioner again. */
  hoursLater(): Promise<void>;
  /** True since the last time that it was asked: something outside of the volume has changed. */
  touchedOutside(): boolean;
  close(): Promise<void>;
}

/** Milliseconds; a run without a network takes one second. */
const limit = 30_000;

const tools = ["gog", "jot"];
const paths = ["bin", "lib", "lib/data", "lib/more", "lib/more/data", "lib/link"];
const offers = tools.map((tool) => ({
  tool,
  version: "1.0.0",
  paths: new Set([...paths, `bin/${tool}`]),
}));
const contents = {
  "lib/data": "data",
  "lib/more/data": "more data",
  "lib/link": link("data"),
};

export async function openHostileVolume(): Promise<HostileVolume> {
  const place = await openWorkplace();
  const packageDir = copyPackage(join(place.dir, "package"));
  const sentinel = join(place.dir, "sentinel");
  mkdirSync(join(sentinel, "directory"), { recursive: true });
  writeFileSync(join(sentinel, "file"), "untouched", { mode: 0o640 });
  writeFileSync(join(sentinel, "program"), "#!/bin/sh\necho evil\n", { mode: 0o755 });
  writeFileSync(join(sentinel, "directory", "file"), "untouched");
  for (const tool of tools) {
    const bytes = archive("tar.gz", { ...contents, [`bin/${tool}`]: program(`${tool} 1.0`) });
    const source = { ...place.serve(`${tool}.tar.gz`, bytes), format: "tar.gz" };
    place.recipe(tool, { artifacts: { "linux-x64": source, "linux-arm64": source } });
    place.skill(tool, { bins: [tool] });
  }
  const outside = (): string =>
    JSON.stringify(
      readdirSync(place.dir)
        .filter((name) => name !== "volume")
        .map((name) => [name, snapshotOf(join(place.dir, name))]),
    );
  const environment = (node: string): Record<string, string> => ({
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: place.home,
    OPENCLAW_SKILL_DEPS_NODE: node,
    OPENCLAW_SKILL_PREFIX: place.prefix,
    OPENCLAW_SKILL_DIRS: place.skills,
    OPENCLAW_SKILL_RECIPES: place.recipes,
    OPENCLAW_SKILL_PROFILE_DIR: "",
    npm_config_userconfig: join(place.home, ".npmrc"),
  });
  const run = (node: string, args: string[]): Promise<Measured> =>
    runMeasured({
      argv: ["/bin/sh", join(packageDir, "entrypoint", "openclaw-install-skill-deps"), ...args],
      env: environment(node),
      cwd: place.home,
      limit,
    });
  const provision: HostileVolume["provision"] = (...args) => run(process.execPath, args);
  // The first run leaves its code cache beside the package.
  await provision();
  rmSync(place.prefix, { recursive: true, force: true });
  let before = outside();
  const good = new Map<string, string>();
  return {
    prefix: place.prefix,
    sentinel,
    async renew(fresh) {
      rmSync(place.prefix, { recursive: true, force: true });
      if (fresh) return;
      const { status, stderr } = await provision();
      if (status !== 0) throw new Error(`the first run ended with ${status}: ${stderr}`);
      for (const tool of tools) good.set(tool, describeTree(treeOf(place.prefix, tool) ?? ""));
    },
    provision,
    // A Node that is none: the entrypoint must answer alone, or say that it cannot.
    verify: () => run("/nonexistent", []),
    wrongContents: (said) => wrongContents(place.prefix, good, said),
    stale: () => findStale(place.prefix, offers),
    async hoursLater() {
      letHoursPass(place.prefix, offers);
      await provision();
    },
    touchedOutside() {
      const now = outside();
      const touched = now !== before;
      before = now;
      return touched;
    },
    close: () => place.close(),
  };
}

/**
 * Runs each program by its link, and compares each linked tree with the one that was published. What the
 * run said matters where its script could not be written.
 */
function wrongContents(prefix: string, good: ReadonlyMap<string, string>, said: string): string[] {
  const script = join(prefix, "etc/profile.d/openclaw-skill-deps.sh");
  const isOurs = readPlainly(script)?.includes("evil") === false;
  const isSaid = said.includes(`${prefix}/etc`);
  const wrong =
    isOurs || isSaid ? [] : ["the login shells' script is not ours, and nothing is said"];
  return [...wrong, ...tools.flatMap((tool) => wrongContent(prefix, tool, good.get(tool)))];
}

function readPlainly(path: string): string | undefined {
  try {
    return realpathSync(path) === path && lstatSync(path).isFile()
      ? readFileSync(path, "utf8")
      : undefined;
  } catch {
    return undefined;
  }
}

function wrongContent(prefix: string, tool: string, good: string | undefined): string[] {
  const said = says(join(prefix, "bin", tool));
  const wrong = said === `${tool} 1.0\n` ? [] : [`bin/${tool} says ${JSON.stringify(said)}`];
  const tree = treeOf(prefix, tool);
  if (tree === undefined) return [...wrong, `${tool} has no tree`];
  const place = realpathSync(join(prefix, "bin", tool));
  if (place !== join(tree, "bin", tool)) wrong.push(`bin/${tool} leads to ${place}`);
  if (describeTree(tree) !== good) wrong.push(`the tree of ${tool} has changed`);
  return wrong;
}

function says(file: string): string {
  try {
    return execFileSync(file, [], {
      timeout: 5000,
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** The directory that the manifest names, where it is one. */
export function treeOf(prefix: string, tool: string): string | undefined {
  try {
    const listed = readListed(prefix)?.tools;
    const tree = join(prefix, listed?.[tool]?.dir ?? "");
    return realpathSync(tree) === tree ? tree : undefined;
  } catch {
    return undefined;
  }
}

function describeTree(tree: string): string {
  const all = Object.entries(snapshotOf(tree));
  return JSON.stringify(all.filter(([path]) => path !== ".openclaw-skill-deps.json"));
}

/** A file of so many zeros that take no room. */
export function makeLarge(file: string, bytes: number): void {
  writeFileSync(file, "");
  truncateSync(file, bytes);
}

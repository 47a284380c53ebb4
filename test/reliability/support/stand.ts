/**
 * Everything but the volume, for cases in which only the volume survives: a server, catalogues of
 * several versions, skills, a copy of the built package, and containers that come and go.
 *
 *   const stand = await openStand();
 *   const volume = stand.volume();
 *   const { status, stderr } = await volume.run({ catalogue: stand.first });
 *   volume.renew();                       // a new container: another home, another /tmp
 *   await volume.wrongPrograms([stand.first]);
 *   await stand.close();
 */
import { execFile, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Loopback, startLoopback } from "../../support/loopback.ts";
import { commandName } from "../../support/own-command.ts";
import { copyPackage } from "../../support/package.ts";
import { findStale, letHoursPass, readListed } from "./account.ts";
import { type Offer, offerArchive, offerClosure, offerNode, writeSkills } from "./programs.ts";

/** A directory of recipes, and what they offer. */
export interface Catalogue {
  readonly recipes: string;
  readonly offers: readonly Offer[];
}

export interface Command {
  readonly catalogue: Catalogue;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Programs to start it with, such as `unshare --pid`. */
  readonly before?: readonly string[];
  /** Milliseconds; its whole process group is killed then. */
  readonly limit?: number;
}

export interface Finished {
  /** Undefined where a signal ended it. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  /** What it has written so far. */
  readonly said: { readonly stdout: string; readonly stderr: string };
  readonly finished: Promise<Finished>;
  /** Sends a signal to it and to all that it started. */
  signal(signal: NodeJS.Signals): void;
}

export interface Volume {
  readonly prefix: string;
  run(command: Command): Promise<Finished>;
  start(command: Command): Running;
  /** A home and a /tmp without anything: what a new container has. */
  renew(): void;
  /** Replaces what is in the volume with a copy of another one. */
  copyFrom(prefix: string): void;
  /** Takes away all that is in the volume. */
  empty(): void;
  /**
   * A line for each program of the newest catalogue's tools that is missing or prints what none of them
   * promises, and for the volume's own command.
   */
  wrongPrograms(catalogues: readonly Catalogue[]): Promise<string[]>;
  stale(): string[];
  letHoursPass(): void;
  remove(): void;
}

export interface Stand {
  readonly dir: string;
  readonly server: Loopback;
  /** gog (tar.gz; programs gog and gogx), pak (zip), hub (npm), node. */
  readonly first: Catalogue;
  /** gog and hub in a newer version. */
  readonly newer: Catalogue;
  /** gog in a newer version that has no gogx. */
  readonly fewer: Catalogue;
  /** `at`: a directory on a file system of its own. `uid`: who runs, where that is not this user. */
  volume(at?: string, uid?: number): Volume;
  close(): Promise<void>;
}

/** About how many bytes each tool comes with; the server's files are as large, as nothing in them can be packed. */
export interface Sizes {
  readonly gog: number;
  readonly pak: number;
  readonly hub: number;
  readonly node: number;
}

const small: Sizes = { gog: 300_000, pak: 200_000, hub: 60_000, node: 100_000 };

export async function openStand(sizes: Sizes = small): Promise<Stand> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "reliability-")));
  chmodSync(dir, 0o755); // for other users
  const server = await startLoopback();
  const packageDir = copyPackage(join(dir, "package"));
  const skills = join(dir, "skills");
  writeSkills(skills, ["gog", "pak", "hub"]);

  const gog = (version: string, bins: readonly string[]): Offer =>
    offerArchive({ server, tool: "gog", version, bytes: sizes.gog }, { format: "tar.gz", bins });
  const hub = (version: string): Offer =>
    offerClosure({ server, tool: "hub", version, bytes: sizes.hub });
  const pak = offerArchive(
    { server, tool: "pak", version: "1.0.0", bytes: sizes.pak },
    { format: "zip" },
  );
  const node = offerNode({ server, version: "24.0.0", bytes: sizes.node });
  const both = ["gog", "gogx"];
  const first = [gog("1.0.0", both), pak, hub("1.0.0"), node];
  const newer = [gog("1.1.0", both), pak, hub("1.1.0"), node];
  const fewer = [gog("1.2.0", ["gog"]), pak, first[2] as Offer, node];
  const catalogue = (name: string, offers: readonly Offer[]): Catalogue => {
    const recipes = join(dir, "recipes", name);
    for (const offer of offers) offer.write(recipes);
    return { recipes, offers };
  };
  const all = [...first, ...newer, ...fewer];
  let volumes = 0;
  return {
    dir,
    server,
    first: catalogue("first", first),
    newer: catalogue("newer", newer),
    fewer: catalogue("fewer", fewer),
    volume(at, uid = -1) {
      volumes += 1;
      const home = join(dir, `${volumes}`);
      const prefix = at ?? join(home, "volume");
      return openVolume({ home, uid, prefix, packageDir, skills, registry: server.registry, all });
    },
    async close() {
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

interface Around {
  readonly home: string;
  readonly uid: number;
  readonly prefix: string;
  readonly packageDir: string;
  readonly skills: string;
  readonly registry: string;
  readonly all: readonly Offer[];
}

function openVolume(around: Around): Volume {
  const { home: dir, uid, prefix, packageDir, skills, registry, all } = around;
  const [home, tmp] = [join(dir, "home"), join(dir, "tmp")];
  const renew = (): void => {
    for (const made of [home, tmp]) {
      rmSync(made, { recursive: true, force: true });
      mkdirSync(made, { recursive: true });
      chownSync(made, uid, -1);
    }
  };
  renew();
  const start = ({ catalogue, args = [], env = {}, before = [], limit = 90_000 }: Command) => {
    const entrypoint = join(packageDir, "entrypoint", "openclaw-install-skill-deps");
    const [file = "", ...rest] = [...before, "/bin/sh", entrypoint, ...args];
    return startGroup(file, rest, home, limit, {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: home,
      TMPDIR: tmp,
      OPENCLAW_SKILL_DEPS_NODE: process.execPath,
      OPENCLAW_SKILL_PREFIX: prefix,
      OPENCLAW_SKILL_DIRS: skills,
      OPENCLAW_SKILL_RECIPES: catalogue.recipes,
      OPENCLAW_SKILL_PROFILE_DIR: "",
      npm_config_registry: registry,
      npm_config_userconfig: join(home, ".npmrc"),
      npm_config_globalconfig: join(home, "global-npmrc"),
      ...env,
    });
  };
  return {
    prefix,
    start,
    run: (command) => start(command).finished,
    renew,
    empty: () => rmSync(prefix, { recursive: true, force: true }),
    copyFrom(other) {
      rmSync(prefix, { recursive: true, force: true });
      execFileSync("cp", ["-a", other, prefix]);
    },
    wrongPrograms: (catalogues) => wrongPrograms(prefix, catalogues),
    stale: () => findStale(prefix, all),
    letHoursPass: () => letHoursPass(prefix, all),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Starts a program as the leader of a process group of its own, which is killed at its limit (ms). */
export function startGroup(
  file: string,
  args: readonly string[],
  cwd: string,
  limit: number,
  env: Readonly<Record<string, string>>,
): Running {
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
  });
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, name);
  };
  const timer = setTimeout(() => {
    said.stderr += `\nkilled by the test after ${limit} ms\n`;
    signal("SIGKILL");
  }, limit);
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      clearTimeout(timer);
      resolve({ status: status ?? undefined, ...said });
    });
  });
  return { said, finished, signal };
}

async function wrongPrograms(prefix: string, catalogues: readonly Catalogue[]): Promise<string[]> {
  const offers = catalogues.flatMap((catalogue) => catalogue.offers);
  const listed = readListed(prefix)?.tools ?? {};
  // A program that the newest version has not is only asked for while an older one is installed.
  const wanted = new Set(
    (catalogues.at(-1)?.offers ?? []).flatMap(({ tool, outputs }) =>
      Object.keys(listed[tool]?.bins ?? outputs).filter((name) => name in outputs),
    ),
  );
  const lines = await Promise.all(
    [...wanted].map(async (name) => {
      const promised = offers.flatMap(({ outputs }) => outputs[name] ?? []);
      const got = await ask(join(prefix, "bin", name));
      return promised.includes(got) ? [] : [`${name} says ${JSON.stringify(got.slice(0, 300))}`];
    }),
  );
  return [...lines.flat(), ...(await wrongCommand(prefix))];
}

/** The volume's own command is a program as any, where the manifest lists it. */
async function wrongCommand(prefix: string): Promise<string[]> {
  const record = readListed(prefix)?.tools[commandName];
  if (!record) return [];
  const got = await ask(join(prefix, "bin", commandName), "--version");
  return got === `${record.version}\n`
    ? []
    : [`${commandName} says ${JSON.stringify(got.slice(0, 300))}`];
}

/** What a program prints, or why it does not. */
export function ask(path: string, ...args: string[]): Promise<string> {
  const options = { env: { PATH: "/usr/bin:/bin" }, cwd: "/", timeout: 20_000 };
  return new Promise((resolve) => {
    execFile(path, args, options, (error, stdout, stderr) => {
      resolve(error ? `${stdout}${stderr}${error.message}` : stdout);
    });
  });
}

/** Does `work` for each of the items, so many at once, and gives what came of them in order. */
export async function forEachOf<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T, i);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  return results;
}

/** What a run said: its errors and its last words. */
export function describeEnd({ status, stderr }: Finished): string {
  const lines = stderr.trim().split("\n");
  const errors = lines.filter((line) => /error|bug/.test(line));
  return `status ${status}: ${[...errors, ...lines.slice(-2)].join(" | ").slice(0, 800)}`;
}

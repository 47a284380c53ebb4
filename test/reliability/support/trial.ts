/**
 * One try of a reliability case: a workplace, programs that a server offers in it, and the built
 * command, copied so that a build that is under way disturbs nothing.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { archive, type Content, describe, program } from "../../support/archives.ts";
import type { ServeOptions } from "../../support/loopback.ts";
import { madeOnce } from "../../support/shared.ts";
import { openWorkplace, repository, type Workplace } from "../../support/workplace.ts";
import type { Result } from "../case.ts";
import { findStale } from "./account.ts";
import type { Offer } from "./programs.ts";

/** The package as it is built now; any user may run it. */
export function builtCopy(): string {
  return madeOnce("built", (dir) => {
    mkdirSync(dir);
    chmodSync(dir, 0o755);
    for (const part of ["dist", "entrypoint", "recipes", "package.json"]) {
      cpSync(join(repository, part), join(dir, part), { recursive: true });
    }
  });
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Words that lead to the command: another namespace, another user. */
  readonly through?: readonly string[];
  /** Start the sh entrypoint instead of Node. */
  readonly entrypoint?: boolean;
  readonly prefix?: string;
}

/** A run that hangs is killed after this long (ms): what it was to prove has failed. */
const tooLongMs = 150_000;

/** Runs the built command for a workplace. */
export async function runBuilt(place: Workplace, options: RunOptions = {}): Promise<Ran> {
  const { args = [], env = {}, through = [], entrypoint = false, prefix = place.prefix } = options;
  const built = builtCopy();
  const command = entrypoint
    ? [join(built, "entrypoint/openclaw-install-skill-deps")]
    : [process.execPath, join(built, "dist/openclaw-install-skill-deps.cjs")];
  const [file, ...words] = [...through, ...command, ...args] as [string, ...string[]];
  const child = spawn(file, words, {
    cwd: place.home,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH ?? "",
      HOME: place.home,
      OPENCLAW_SKILL_PREFIX: prefix,
      OPENCLAW_SKILL_DIRS: place.skills,
      OPENCLAW_SKILL_RECIPES: place.recipes,
      OPENCLAW_SKILL_PROFILE_DIR: "",
      OPENCLAW_SKILL_DEPS_NODE: process.execPath,
      npm_config_registry: place.server.registry,
      npm_config_userconfig: join(place.home, ".npmrc"),
      npm_config_globalconfig: join(place.home, "global-npmrc"),
      ...env,
    },
  });
  const began = performance.now();
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
    });
  }
  const killer = setTimeout(() => child.kill("SIGKILL"), tooLongMs);
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      clearTimeout(killer);
      resolve({ status, ...said, seconds: (performance.now() - began) / 1000 });
    });
  });
}

export interface Goods extends Offer {
  /** Of its archive. */
  readonly url: string;
  readonly packed: Buffer;
}

export interface OfferOptions extends ServeOptions {
  readonly version?: string;
  /** Of what the program comes with; it does not compress. */
  readonly bytes?: number;
  /** Sources that go before the server's own. */
  readonly before?: readonly string[];
  /** The only sources, instead of the server's own. */
  readonly only?: readonly string[];
  /** The bare program, packed in nothing. */
  readonly raw?: boolean;
  /** False: the recipe does not say how many bytes come. */
  readonly size?: boolean;
}

/** Serves a program, and writes a recipe and a skill that asks for it. */
export function offer(place: Workplace, tool: string, options: OfferOptions = {}): Goods {
  const { version = "1.0.0", bytes = 300_000, raw = false, before = [], ...rest } = options;
  const { only, size: named = true, ...serve } = rest;
  const packed = packedOnce(tool, version, raw ? undefined : bytes);
  const { sha256, size } = describe(packed);
  const path = raw ? `/${version}/${tool}` : `/${tool}-${version}.tar.gz`;
  const url = place.server.serve(path, packed, serve);
  const write = (): void => {
    const pins = { sha256, ...(named ? { size } : {}), ...(raw ? {} : { strip: 1 }) };
    const sources = (only ?? [...before, url]).map((from) => ({ url: from, ...pins }));
    place.recipe(tool, { version, artifacts: { "linux-x64": sources } });
  };
  write();
  place.skill(tool, { bins: [tool] });
  return {
    tool,
    version,
    url,
    packed,
    outputs: { [tool]: `${version}\n` },
    paths: new Set(["bin", `bin/${tool}`, "share", "share/part"]),
    downloads: [path],
    write,
  };
}

const packedBefore = new Map<string, Buffer>();

/** A program, in an archive with so many bytes that do not compress; the same for every try. */
function packedOnce(tool: string, version: string, bytes?: number): Buffer {
  const key = `${tool} ${version} ${bytes}`;
  const before = packedBefore.get(key);
  if (before !== undefined) return before;
  const tree: Record<string, Content> = { [`bin/${tool}`]: program(version) };
  const packed =
    bytes === undefined
      ? archive("raw", tree)
      : archive("tar.gz", { ...tree, "share/part": { body: randomBytes(bytes) } }, { top: "top" });
  packedBefore.set(key, packed);
  return packed;
}

export interface Expected {
  readonly status: number;
  readonly says?: RegExp;
  /** Seconds that it may take at most. */
  readonly within?: number;
  readonly installed?: readonly Goods[];
  readonly absent?: readonly Goods[];
}

/** A line for everything about a run that is not as expected. `root`: where the volume is seen. */
export function judge(ran: Ran, expected: Expected, root: string): string[] {
  const { status, says, within = 20, installed = [], absent = [] } = expected;
  const wrong: string[] = [];
  const said = ran.stderr.trim().slice(-1500);
  if (ran.status !== status) wrong.push(`status ${ran.status} instead of ${status}: ${said}`);
  if (says && !says.test(ran.stderr)) wrong.push(`does not say ${says}: ${said}`);
  if (/This is a bug/.test(ran.stderr)) wrong.push(`calls itself a bug: ${said}`);
  if (ran.seconds > within) wrong.push(`took ${ran.seconds.toFixed(1)} s of ${within}`);
  for (const goods of installed) wrong.push(...judgeProgram(goods, root));
  for (const { tool } of absent) {
    if (answer(root, tool) !== undefined) wrong.push(`${tool} is there`);
  }
  return wrong;
}

function judgeProgram({ tool, outputs }: Goods, root: string): string[] {
  const said = answer(root, tool);
  return said === outputs[tool] ? [] : [`${tool} says ${JSON.stringify(said)}`];
}

/** What a program of the volume prints; undefined where it does not run. */
export function answer(root: string, tool: string): string | undefined {
  try {
    return execFileSync(join(root, "bin", tool), ["--version"], {
      encoding: "utf8",
      stdio: "pipe",
    });
  } catch {
    return undefined;
  }
}

export interface Tried {
  readonly wrong: readonly string[];
  readonly stale: readonly string[];
}

/** Tries something so many times, `atOnce` of them at a time, each in a workplace of its own. */
export async function repeat(
  tries: number,
  atOnce: number,
  once: (place: Workplace, n: number) => Promise<Tried>,
): Promise<Result> {
  builtCopy();
  const wrong: string[] = [];
  let stale = 0;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < tries) {
      const n = next++;
      const place = await openWorkplace();
      try {
        const tried = await once(place, n);
        wrong.push(...tried.wrong);
        stale += tried.stale.length;
        if (tried.stale.length > 0) process.stderr.write(`stale: ${tried.stale.join(" ")}\n`);
      } catch (error) {
        wrong.push(`the try itself failed: ${error instanceof Error ? error.stack : error}`);
      } finally {
        await place.close();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, tries) }, work));
  return { tries, wrong, stale };
}

/** What lies in a volume and belongs to nothing. */
export function staleIn(root: string, goods: readonly Goods[]): string[] {
  return findStale(root, goods);
}

import { join } from "node:path";
import pLimit from "p-limit";
import { UserError } from "../core/errors.ts";
import { type PypiLock, renderPypiLock } from "../core/locks/pypi-lock.ts";
import { isSameVersion, parseWheelName, wheelRank } from "../core/locks/wheel-tags.ts";
import { placeOf } from "../core/locks/wheels.ts";
import { type Arch, machineNames, type Platform } from "../core/platform.ts";
import { rm, writeFile } from "../io/disk.ts";
import { run } from "../io/exec.ts";
import { withTemporaryDirectory } from "../io/temporary.ts";
import type { PipConfig } from "../net/pip-config.ts";
import {
  fetchListed,
  type IndexFile,
  listFiles,
  type PythonIndexes,
} from "../sources/python/index.ts";
import type { DraftContext } from "./draft-context.ts";
import { ownProgram, ownVariables } from "./own-programs.ts";

/** The Python versions of a lock: OpenClaw's sandbox image has the oldest. */
const minors = ["3.11", "3.12", "3.13", "3.14"];
const arches: readonly Arch[] = ["x64", "arm64"];
/** The oldest libc first: that of OpenClaw's images (2.36) is used only if nothing runs on older ones. */
const uvLibcs = ["manylinux_2_28", "manylinux_2_36"] as const;
/** Old and new libcs for which the best wheels are kept. */
const libcs = [
  ["glibc", "2.17"],
  ["glibc", "2.28"],
  ["glibc", "2.36"],
  ["musl", "1.2"],
] as const;

type Locked = PypiLock["packages"][number];

/**
 * The text of a lock for a Python program. uv, an author's tool, resolves it once per Python and
 * architecture; every wheel is fetched and verified once. A Python without wheels is left out with
 * a warning. Throws a UserError if none is left.
 * @param requirement NAME@VERSION
 */
export async function lockPypi(requirement: string, draft: DraftContext): Promise<string> {
  const indexes = { http: draft.http, pip: await draft.pip() };
  const resolved = await resolveAll(requirement, indexes.pip, draft);
  const places = [...new Set([...resolved.values()].flat())].sort();
  const packages: Locked[] = [];
  for (const [pinned, needed] of resolved) {
    const [name = "", version = ""] = pinned.split("==");
    const files = await listFiles(name, indexes);
    const only = needed.length === places.length ? {} : { only: [...needed].sort() };
    const wheels = await hashAll(bestWheels(version, files, needed), indexes, draft);
    packages.push({ name, version, ...only, wheels });
  }
  return renderPypiLock({ pypiLockVersion: 1, places, packages });
}

/** `name==version` to the environments that need it. */
async function resolveAll(
  requirement: string,
  pip: PipConfig,
  { env, emit, signal }: DraftContext,
): Promise<Map<string, string[]>> {
  const uv = ownProgram("uv", env);
  if (uv === undefined) {
    throw new UserError("E_AUTHOR_PROGRAM", "uv, which resolves a Python program, is not on PATH", {
      hint: "Install it on this machine: pip install uv. Installing tools does not need it.",
    });
  }
  const resolved = new Map<string, string[]>();
  await withTemporaryDirectory("pypi-lock", async (dir) => {
    const input = join(dir, "requirements.in");
    await writeFile(input, `${requirement.replace("@", "==")}\n`);
    const compile: Compile = (target) => compileByUv(uv, [...target, input], pip, { env, signal });
    for (const minor of minors) {
      for (const arch of arches) {
        const place = placeOf(minor, { arch } as Platform);
        const pins = await resolveOldest(compile, minor, arch);
        if (typeof pins !== "string") {
          for (const pin of pins) resolved.set(pin, [...(resolved.get(pin) ?? []), place]);
          continue;
        }
        const message = `${requirement} has no wheels for ${place}: ${pins}`;
        emit({ type: "warning", problem: "E_RECIPE_ADVICE", message });
      }
    }
  });
  if (resolved.size > 0) return resolved;
  throw new UserError("E_NO_WHEEL", `${requirement} is not available as wheels`);
}

/** The pins that uv finds for a target, or what it says if there are none. */
type Compile = (target: readonly string[]) => Promise<readonly string[] | string>;

/** The pins for the oldest libc that has any, or what uv said about the newest. */
async function resolveOldest(compile: Compile, minor: string, arch: Arch): ReturnType<Compile> {
  let pins: Awaited<ReturnType<Compile>> = "";
  for (const libc of uvLibcs) {
    const platform = `${machineNames[arch]}-${libc}`;
    pins = await compile(["--python-version", minor, "--python-platform", platform]);
    if (typeof pins !== "string") break;
  }
  return pins;
}

async function compileByUv(
  uv: string,
  words: readonly string[],
  { indexes, findLinks }: PipConfig,
  { env, signal }: Pick<DraftContext, "env" | "signal">,
): ReturnType<Compile> {
  const [first = "", ...more] = indexes;
  const options = ["--only-binary", ":all:", "--no-header", "--no-annotate", "--no-config", "-q"];
  const { status, stdout, stderr } = await run({
    argv: [uv, "pip", "compile", ...options, ...words],
    // In the environment, because an argument would show a password to all users.
    env: {
      ...ownVariables(env),
      UV_DEFAULT_INDEX: first,
      UV_INDEX: more.join(" "),
      UV_FIND_LINKS: findLinks.join(","),
      ...(indexes.length === 0 && { UV_NO_INDEX: "1" }),
    },
    cwd: "/",
    timeout: 5 * 60_000,
    signal,
  });
  if (status !== 0) return stderr.trim().split("\n").slice(0, 3).join(" ").slice(0, 300);
  return stdout.split("\n").flatMap((line) => /^[a-z0-9-]+==[^\s;]+/.exec(line)?.[0] ?? []);
}

/** The wheels of a version that are the best for some environment, with any of the libcs. */
function bestWheels(
  version: string,
  files: readonly IndexFile[],
  places: readonly string[],
): IndexFile[] {
  const named = files.flatMap((file) => {
    const wheel = parseWheelName(file.name);
    return wheel && isSameVersion(wheel.version, version) ? [{ file, wheel }] : [];
  });
  const best = new Set<IndexFile>();
  for (const place of places) {
    const [minor = "", arch] = place.split("-");
    for (const [libc, libcVersion] of libcs) {
      const platform: Platform = { os: "linux", arch: arch as Arch, libc, libcVersion };
      const ranked = named
        .map(({ file, wheel }) => ({ file, rank: wheelRank(wheel, minor, platform) }))
        .filter(({ rank }) => rank !== undefined)
        .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
      if (ranked[0]) best.add(ranked[0].file);
    }
  }
  return [...best];
}

async function hashAll(
  files: readonly IndexFile[],
  indexes: PythonIndexes,
  { emit }: DraftContext,
): Promise<Locked["wheels"]> {
  const limit = pLimit(4);
  return await withTemporaryDirectory("pypi-lock", (dir) => {
    const hash = async (listed: IndexFile, index: number): Promise<Locked["wheels"][number]> => {
      const { name } = listed;
      if (listed.sha256 === undefined) {
        const message = `the index gives no sha256 of ${name}: that of the download is pinned`;
        emit({ type: "warning", problem: "E_RECIPE_ADVICE", message });
      }
      const file = join(dir, String(index));
      const { sha256, size } = await fetchListed(listed, indexes, file);
      await rm(file);
      return { file: name, sha256: sha256.hex, size };
    };
    return Promise.all(files.map((listed, index) => limit(() => hash(listed, index))));
  });
}

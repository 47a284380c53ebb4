import { join } from "node:path";
import pLimit from "p-limit";
import { UserError } from "../core/errors.ts";
import { type PypiLock, renderPypiLock } from "../core/locks/pypi-lock.ts";
import { isSameVersion, parseWheelName, wheelRank } from "../core/locks/wheel-tags.ts";
import { placeOf } from "../core/locks/wheels.ts";
import type { Arch, Platform } from "../core/platform.ts";
import { rm, writeFile } from "../io/disk.ts";
import { run } from "../io/exec.ts";
import { findOnPath } from "../io/on-path.ts";
import { temporaryDirectory } from "../io/temporary.ts";
import type { Http } from "../net/http.ts";
import { type PipConfig, readPipConfig } from "../net/pip-config.ts";
import type { Emit } from "../report/events.ts";
import { fetchListed, type IndexFile, listFiles } from "../sources/python/index.ts";

/** The Python versions of a lock: OpenClaw's sandbox image has the oldest. */
const minors = ["3.11", "3.12", "3.13", "3.14"];
const arches: readonly Arch[] = ["x64", "arm64"];
const uvArches = { x64: "x86_64", arm64: "aarch64" } as const;
/** The oldest libc first: that of OpenClaw's images (2.36) is used only if nothing runs on older ones. */
const uvLibcs = ["manylinux_2_28", "manylinux_2_36"] as const;
/** Old and new libcs for which the best wheels are kept. */
const libcs = [
  ["glibc", "2.17"],
  ["glibc", "2.28"],
  ["glibc", "2.36"],
  ["musl", "1.2"],
] as const;

export interface PypiLockContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly http: Http;
  readonly emit: Emit;
}

type Locked = PypiLock["packages"][number];

/**
 * The text of a lock for a Python program. uv, an author's tool, resolves it once per Python and
 * architecture; every wheel is fetched and verified once. A Python without wheels is left out with
 * a warning. Throws a UserError if none is left.
 * @param requirement NAME@VERSION
 */
export async function lockPypi(requirement: string, place: PypiLockContext): Promise<string> {
  const pip = await readIndexes(place);
  const resolved = await resolveAll(requirement, pip, place);
  const places = [...new Set([...resolved.values()].flat())].sort();
  const packages: Locked[] = [];
  for (const [pinned, needed] of resolved) {
    const [name = "", version = ""] = pinned.split("==");
    const files = await listFiles(name, { http: place.http, pip });
    const only = needed.length === places.length ? {} : { only: [...needed].sort() };
    const wheels = await hashAll(bestWheels(version, files, needed), pip, place);
    packages.push({ name, version, ...only, wheels });
  }
  return renderPypiLock({ pypiLockVersion: 1, places, packages });
}

/** The indexes of the machine's pip: those that it is configured with, after its own default. */
export async function readIndexes({ env, home }: PypiIndexes): Promise<PipConfig> {
  const pip = await readPipConfig(env, home);
  const own = pip.isDefaultReplaced ? undefined : await defaultIndex(env);
  if (own !== undefined) return { ...pip, indexes: [own, ...pip.indexes] };
  if (pip.indexes.length + pip.findLinks.length > 0) return pip;
  throw new UserError("E_NO_REGISTRY", "no Python index is configured here");
}

/** What pip itself asks where nothing is configured; undefined without pip. */
async function defaultIndex(env: PypiIndexes["env"]): Promise<string | undefined> {
  const python = findOnPath(["python3"], env.PATH ?? "", "/nonexistent").get("python3");
  if (python === undefined) return undefined;
  const script = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
  const argv = [python, "-I", "-c", script] as const;
  const { status, stdout } = await run({ argv, env: defined(env), cwd: "/", timeout: 30_000 });
  const [url = ""] = stdout.split("\n");
  return status === 0 && URL.canParse(url) ? `${url.replace(/\/$/, "")}/` : undefined;
}
type PypiIndexes = Pick<PypiLockContext, "env" | "home">;

/** `name==version` to the environments that need it. */
async function resolveAll(
  requirement: string,
  pip: PipConfig,
  { env, emit }: PypiLockContext,
): Promise<Map<string, string[]>> {
  const uv = findOnPath(["uv"], env.PATH ?? "", "/nonexistent").get("uv");
  if (uv === undefined) {
    throw new UserError("E_AUTHOR_PROGRAM", "uv, which resolves a Python program, is not on PATH", {
      hint: "Install it on this machine: pip install uv. Installing tools does not need it.",
    });
  }
  const dir = temporaryDirectory("pypi-lock");
  const resolved = new Map<string, string[]>();
  try {
    const input = join(dir, "requirements.in");
    await writeFile(input, `${requirement.replace("@", "==")}\n`);
    for (const minor of minors) {
      for (const arch of arches) {
        const place = placeOf(minor, { arch } as Platform);
        const pins = await resolveOldest(uv, input, minor, arch, pip, env);
        if (typeof pins === "string") {
          emit({
            type: "warning",
            problem: "E_RECIPE_ADVICE",
            message: `${requirement} has no wheels for ${place}: ${pins}`,
          });
        } else for (const pin of pins) resolved.set(pin, [...(resolved.get(pin) ?? []), place]);
      }
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  if (resolved.size > 0) return resolved;
  throw new UserError("E_NO_WHEEL", `${requirement} is not available as wheels`);
}

/** The pins for the oldest libc that has any, or what uv said about the newest. */
async function resolveOldest(
  uv: string,
  input: string,
  minor: string,
  arch: Arch,
  pip: PipConfig,
  env: PypiLockContext["env"],
): Promise<readonly string[] | string> {
  let pins: readonly string[] | string = "";
  for (const libc of uvLibcs) {
    pins = await resolveOne(uv, input, [minor, `${uvArches[arch]}-${libc}`], pip, env);
    if (typeof pins !== "string") break;
  }
  return pins;
}

async function resolveOne(
  uv: string,
  input: string,
  [minor, platform]: readonly [minor: string, platform: string],
  { indexes, findLinks }: PipConfig,
  env: PypiLockContext["env"],
): Promise<readonly string[] | string> {
  const [first = "", ...more] = indexes;
  const options = ["--only-binary", ":all:", "--no-header", "--no-annotate", "--no-config", "-q"];
  const target = ["--python-version", minor, "--python-platform", platform];
  const { status, stdout, stderr } = await run({
    argv: [uv, "pip", "compile", ...options, ...target, input],
    // In the environment, because an argument would show a password to all users.
    env: {
      ...defined(env),
      UV_DEFAULT_INDEX: first,
      UV_INDEX: more.join(" "),
      UV_FIND_LINKS: findLinks.join(","),
      ...(indexes.length === 0 && { UV_NO_INDEX: "1" }),
    },
    cwd: "/",
    timeout: 5 * 60_000,
  });
  if (status !== 0) return stderr.trim().split("\n").slice(0, 3).join(" ").slice(0, 300);
  return stdout.split("\n").flatMap((line) => /^[a-z0-9-]+==[^\s;]+/.exec(line)?.[0] ?? []);
}

function defined(env: PypiLockContext["env"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
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
  pip: PipConfig,
  { http, emit }: PypiLockContext,
): Promise<Locked["wheels"]> {
  const dir = temporaryDirectory("pypi-lock");
  const limit = pLimit(4);
  try {
    return await Promise.all(
      files.map((listed, index) =>
        limit(async () => {
          const { name } = listed;
          if (listed.sha256 === undefined) {
            const message = `the index gives no sha256 of ${name}: that of the download is pinned`;
            emit({ type: "warning", problem: "E_RECIPE_ADVICE", message });
          }
          const file = join(dir, String(index));
          const { sha256, size } = await fetchListed(listed, { http, pip }, file);
          await rm(file);
          return { file: name, sha256: sha256.hex, size };
        }),
      ),
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

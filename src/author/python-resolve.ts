import { join } from "node:path";
import { sha256Hex } from "../core/digest.ts";
import { offlineCause, UserError } from "../core/errors.ts";
import { renderPypiLock } from "../core/locks/pypi-lock.ts";
import { minorOf, normalName, parseWheelName } from "../core/locks/wheel-tags.ts";
import { placeOf } from "../core/locks/wheels.ts";
import type { Platform } from "../core/platform.ts";
import { mkdir, readdir, readFile } from "../io/disk.ts";
import { run } from "../io/exec.ts";
import type { Toolchains } from "../sources/toolchains.ts";

/** A program of a Python index, and the lock of its wheels and those of its dependencies. */
export interface ResolvedPython {
  readonly name: string;
  readonly version: string;
  readonly lock: string;
}

/**
 * Resolves the wheels for a requirement (`zog[extra]>=1`) with the volume's own pip, and pins what
 * was fetched. Only wheels: nothing of a package is run.
 */
export async function resolvePython(
  requirement: string,
  { dir, platform }: { readonly dir: string; readonly platform: Platform },
  toolchains: Toolchains,
): Promise<ResolvedPython> {
  if (toolchains.offline) {
    throw new UserError("E_OFFLINE", `${requirement} is needed, but this run is offline`, {
      shared: offlineCause,
    });
  }
  const python = await toolchains.python();
  const [home, wheels] = [join(dir, "pip"), join(dir, "wheels")];
  for (const made of [home, wheels]) await mkdir(made);
  const { environment } = await toolchains.pip();
  const options = ["--quiet", "--no-input", "--no-cache-dir", "--only-binary", ":all:"];
  const { status, stderr } = await run({
    argv: [
      python.program,
      "-I",
      "-m",
      "pip",
      "download",
      ...options,
      "--dest",
      wheels,
      "--",
      requirement,
    ],
    env: {
      ...toolchains.networkEnv,
      // In the environment, because an argument would show a password to all users.
      ...environment,
      PATH: "/usr/local/bin:/usr/bin:/bin",
      HOME: home,
      TMPDIR: home,
      LANG: "C.UTF-8",
      PIP_CONFIG_FILE: "/dev/null",
      PIP_DISABLE_PIP_VERSION_CHECK: "1",
    },
    cwd: home,
    timeout: 10 * 60_000,
  });
  if (status !== 0) {
    const said = stderr.trim().split("\n").slice(-3).join(" | ").slice(0, 500);
    throw new UserError(
      "E_WHEELS_UNRESOLVED",
      `pip cannot resolve wheels for ${requirement}: ${said}`,
    );
  }
  const packages = await Promise.all(
    (await readdir(wheels)).map(async (file) => {
      const bytes = await readFile(join(wheels, file));
      const { name = "", version = "" } = parseWheelName(file) ?? {};
      return { name, version, wheels: [{ file, sha256: sha256Hex(bytes), size: bytes.length }] };
    }),
  );
  const name = normalName(/^[A-Za-z0-9._-]+/.exec(requirement)?.[0] ?? "");
  const version = packages.find((one) => one.name === name)?.version;
  if (version === undefined)
    throw new UserError("E_WHEELS_UNRESOLVED", `pip returned no wheel for ${name}`);
  const places = [placeOf(minorOf(python.version) ?? "", platform)];
  return { name, version, lock: renderPypiLock({ pypiLockVersion: 1, places, packages }) };
}

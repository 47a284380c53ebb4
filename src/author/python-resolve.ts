import { join } from "node:path";
import { sha256Hex } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { renderPypiLock } from "../core/locks/pypi-lock.ts";
import { minorOf, normalName, parseWheelName } from "../core/locks/wheel-tags.ts";
import { placeOf } from "../core/locks/wheels.ts";
import type { Platform } from "../core/platform.ts";
import { mkdir, readdir, readFile } from "../io/disk.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import { lastWords, runPip } from "./pip-command.ts";

/** A program of a Python index, and the lock of its wheels and those of its dependencies. */
export interface ResolvedPython {
  readonly name: string;
  readonly version: string;
  readonly lock: string;
}

/**
 * Resolves the wheels for a requirement (`zog[extra]>=1`) with the volume's own pip, and pins what
 * was fetched.
 */
export async function resolvePython(
  requirement: string,
  { dir, platform }: { readonly dir: string; readonly platform: Platform },
  toolchains: Toolchains,
): Promise<ResolvedPython> {
  const wheels = join(dir, "wheels");
  await mkdir(wheels);
  const words = ["download", "--dest", wheels, "--", requirement];
  const finished = await runPip(words, { dir, toolchains, wanted: requirement });
  if (finished.status !== 0) {
    throw new UserError(
      "E_WHEELS_UNRESOLVED",
      `pip cannot resolve wheels for ${requirement}: ${lastWords(finished)}`,
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
  const { version: python } = await toolchains.python();
  const places = [placeOf(minorOf(python) ?? "", platform)];
  return { name, version, lock: renderPypiLock({ pypiLockVersion: 1, places, packages }) };
}

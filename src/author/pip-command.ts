import { join } from "node:path";
import { offlineError } from "../core/errors.ts";
import type { PipTarget } from "../core/locks/pip-target.ts";
import { saidIn } from "../core/wording.ts";
import { mkdir } from "../io/disk.ts";
import { type Finished, run } from "../io/exec.ts";
import { bareEnv, type Toolchains } from "../sources/toolchains.ts";

interface PipContext {
  /** Absolute; an empty directory of this run. */
  readonly dir: string;
  readonly toolchains: Toolchains;
  readonly signal?: AbortSignal | undefined;
  /** What is resolved, for messages. */
  readonly wanted: string;
  /** PEP 508's variables for markers, for another environment than that of the running pip. */
  readonly markers?: PipTarget["markers"];
}

/**
 * pip chooses wheels for another Python or machine if it is told to, but evaluates markers for its own. Its own
 * options do not change that; this does, in its process alone.
 */
const withMarkers = `
import json, sys
from pip._vendor.packaging import markers
from pip._internal.cli.main import main
own, given = markers.default_environment, json.loads(sys.argv.pop(1))
markers.default_environment = lambda: {**own(), **given}
sys.exit(main())
`;

/**
 * Runs the volume's own pip with the machine's indexes and no other configuration. Only wheels: nothing of a
 * package is run.
 */
export async function runPip(
  words: readonly string[],
  { dir, toolchains, signal, wanted, markers }: PipContext,
): Promise<Finished> {
  if (toolchains.offline) throw offlineError(wanted);
  const python = await toolchains.python();
  const home = join(dir, "pip");
  await mkdir(home, { recursive: true });
  const { environment } = await toolchains.pip();
  const start = markers ? ["-c", withMarkers, JSON.stringify(markers)] : ["-m", "pip"];
  const options = ["--quiet", "--no-input", "--no-cache-dir", "--only-binary", ":all:"];
  const [command = "", ...rest] = words;
  return await run({
    argv: [python.program, "-I", "-B", ...start, command, ...options, ...rest],
    env: {
      ...toolchains.networkEnv,
      // In the environment, because an argument would show a password to all users.
      ...environment,
      ...bareEnv(home),
      PIP_CONFIG_FILE: "/dev/null",
      PIP_DISABLE_PIP_VERSION_CHECK: "1",
    },
    cwd: home,
    timeout: 10 * 60_000,
    signal,
  });
}

/** The last lines of pip's messages, as one. */
export function lastWords({ stderr }: Finished): string {
  return saidIn(stderr, -3).slice(0, 500);
}

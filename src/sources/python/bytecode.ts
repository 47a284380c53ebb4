import { availableParallelism } from "node:os";
import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { shortageSaid } from "../../core/system-error.ts";
import { saidIn } from "../../core/wording.ts";
import { readdir } from "../../io/disk.ts";
import { run } from "../../io/exec.ts";
import { bareEnv } from "../toolchains.ts";

/** A PyTorch of 1.5 GB compiles in two minutes on two cores. */
const timeout = 10 * 60_000;

/**
 * Compiles all Python modules below a directory, so that programs start fast from a read-only
 * volume and write nothing into a writable one. The bytecode is valid whatever times the files have
 * (`unchecked-hash`). Files that do not compile (templates, tests of syntax errors) are skipped, as
 * Python does. No foreign code is run.
 */
export async function compileBytecode(
  program: string,
  modules: string,
  home: string,
  signal?: AbortSignal,
): Promise<void> {
  const names = (await readdir(modules)).sort();
  // compileall's own workers use sockets, whose paths in a volume can be too long.
  const workers = Math.min(4, availableParallelism());
  const shares = Array.from({ length: workers }, (_, worker) =>
    names.filter((_name, i) => i % workers === worker).map((name) => join(modules, name)),
  );
  const filled = shares.filter((share) => share.length > 0);
  await Promise.all(filled.map((share) => compileShare(program, share, modules, home, signal)));
}

async function compileShare(
  program: string,
  share: readonly string[],
  modules: string,
  home: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = ["--invalidation-mode", "unchecked-hash", "-q", "-q", "-s", modules];
  const command = {
    argv: [program, "-I", "-B", "-W", "ignore", "-m", "compileall", ...options, ...share],
    env: bareEnv(home),
    cwd: home,
    timeout,
    signal,
  } as const;
  const finished = await run(command, (cause) => {
    const hint =
      "The image lacks a library that python3 needs, or the mount does not allow programs.";
    return new UserError("E_DOES_NOT_RUN", `${program} does not start here`, { cause, hint });
  });
  // With -q -q files that do not compile give no output and status 1, as does a general failure.
  if (finished.status <= 1 && !/^Traceback /m.test(finished.stderr)) return;
  const said = saidIn(finished.stderr, -2);
  const short = shortageSaid(`${program} cannot compile its modules`, finished.stderr);
  if (short) throw short;
  throw new UserError("E_SETUP", `${program} cannot compile its modules: ${said}`);
}

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { shortageSaid } from "../../core/system-error.ts";
import { readdir } from "../../io/disk.ts";
import { run } from "../../io/exec.ts";

/** A PyTorch of 1.5 GB compiles in two minutes on two cores. */
const timeout = 10 * 60_000;

/**
 * Has a Python compile all modules below a directory, so that programs start as fast from a volume
 * that they may not write to, and write nothing into one that they may. The bytecode holds for
 * whatever times the files have (`unchecked-hash`). A file that does not compile (a template, a
 * test's wrong syntax) is passed over: Python does it as well. No code of others is run.
 */
export async function compileBytecode(
  program: string,
  modules: string,
  home: string,
  signal?: AbortSignal,
): Promise<void> {
  const names = (await readdir(modules)).sort();
  // compileall's own workers speak through sockets, whose paths in a volume can be too long for one.
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
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: home, TMPDIR: home, LANG: "C.UTF-8" },
    cwd: home,
    timeout,
    signal,
  } as const;
  const finished = await run(command, (cause) => {
    const hint =
      "The image lacks a library that python3 needs, or the mount does not allow programs.";
    return new UserError("E_DOES_NOT_RUN", `${program} does not start here`, { cause, hint });
  });
  // Files that do not compile are silent (-q -q) and end in 1, as does what went wrong altogether.
  if (finished.status <= 1 && !/^Traceback /m.test(finished.stderr)) return;
  const said = finished.stderr.trim().split("\n").slice(-2).join(" | ");
  const short = shortageSaid(`${program} cannot compile what it runs`, finished.stderr);
  if (short) throw short;
  throw new UserError("E_SETUP", `${program} cannot compile what it runs: ${said}`);
}

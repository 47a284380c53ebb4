import { UserError } from "../core/errors.ts";
import { type Finished, run } from "../io/exec.ts";

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
  const options = ["--invalidation-mode", "unchecked-hash", "-q", "-q", "-j", "0", "-s", modules];
  let finished: Finished;
  try {
    finished = await run({
      argv: [program, "-I", "-m", "compileall", ...options, modules],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: home, TMPDIR: home, LANG: "C.UTF-8" },
      cwd: home,
      timeout,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new UserError("unmet", `${program} does not start here`, {
      cause,
      hint: "The image lacks a library that python3 needs, or the mount does not allow programs.",
    });
  }
  if (finished.status <= 1) return;
  const said = finished.stderr.trim().split("\n").slice(-2).join(" | ");
  throw new UserError("unmet", `${program} cannot compile what it runs: ${said}`, {
    hint: "Look at memory and time limits of this container; run it again.",
  });
}

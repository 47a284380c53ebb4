import { type ChildProcess, spawn } from "node:child_process";
import { orNothing } from "../core/or-nothing.ts";
import { type Command, endTree } from "./exec.ts";

/** Starts programs through a small process, and says of each whether it ended with status 0. */
export interface Starter {
  /**
   * Runs a program without output, with its working directory as HOME and TMPDIR. False if it failed, timed out or
   * was not run at all: only a run of its own says why.
   */
  passes(command: Pick<Command, "argv" | "cwd" | "timeout">): Promise<boolean>;
  /** Kills what still runs. */
  end(): void;
}

/**
 * Reads programs and runs them side by side: a number of words, then each word on a line of its own: a name for the
 * answer, a directory, the program, its arguments. They are never interpreted as shell text.
 */
const script = `exec 3>&1 >/dev/null 2>&1
while IFS= read -r count; do
  set --
  while [ "$count" -gt 0 ]; do
    IFS= read -r word
    set -- "$@" "$word"
    count=$((count - 1))
  done
  (
    name=$1
    cd "$2" || exit
    HOME=$2 TMPDIR=$2
    shift 2
    "$@" </dev/null 3>&-
    echo "$name $?" >&3
  ) &
done`;

/**
 * A starter whose programs have this environment; `stop` ends it. To start a program, Linux copies the tables of all
 * memory of the process that starts it: milliseconds of this one, more with every download, a tenth of that for sh.
 */
export function openStarter(env: Readonly<Record<string, string>>, stop: AbortSignal): Starter {
  const waiting = new Map<string, (passed: boolean) => void>();
  let isEnded = stop.aborted;
  let said = "";
  let names = 0;
  const answer = (name: string, passed: boolean): void => {
    waiting.get(name)?.(passed);
    waiting.delete(name);
  };
  const end = (): void => {
    isEnded = true;
    if (child?.exitCode === null && child.signalCode === null) endTree(child);
    for (const name of [...waiting.keys()]) answer(name, false);
  };
  stop.addEventListener("abort", end, { once: true });
  const begin = (): ChildProcess | undefined => {
    if (isEnded) return undefined;
    const begun = spawn("/bin/sh", ["-c", script], { env, stdio: ["pipe", "pipe", "ignore"] });
    begun.on("error", end).on("exit", end);
    begun.stdin.on("error", end);
    begun.stdout.setEncoding("latin1").on("data", (text: string) => {
      const lines = `${said}${text}`.split("\n");
      said = lines.pop() ?? "";
      for (const [name = "", status] of lines.map((line) => line.split(" "))) {
        answer(name, status === "0");
      }
    });
    return begun;
  };
  const child = orNothing(begin);
  return {
    async passes({ argv, cwd, timeout }) {
      names += 1;
      const words = [String(names), cwd, ...argv];
      if (!child || isEnded || words.some((word) => word.includes("\n"))) return false;
      const timer = setTimeout(end, timeout);
      const passed = new Promise<boolean>((resolve) => waiting.set(String(names), resolve));
      child.stdin?.write(`${[words.length, ...words].join("\n")}\n`);
      try {
        return await passed;
      } finally {
        clearTimeout(timer);
      }
    },
    end,
  };
}

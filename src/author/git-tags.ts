import { UserError } from "../core/errors.ts";
import { run } from "../io/exec.ts";
import { hostCause } from "../net/errors.ts";
import type { DraftContext } from "./draft-context.ts";
import { ownProgram, ownVariables } from "./own-programs.ts";

/** What git says, in English, where the host is the trouble and not the repository. */
const ofHost =
  /Could not resolve|(?:Failed|Could(?: not|n't)) (?:to )?connect|timed out|Connection (?:refused|reset)/i;

/**
 * The tags of a repository (`github.com/cli/cli`), by git, which has its own settings for proxies, mirrors and
 * tokens. Throws a UserError; it has a shared cause if nothing of this host can be reached.
 */
export async function gitTags(
  name: string,
  { env, offline, signal }: DraftContext,
): Promise<readonly string[]> {
  const shown = name.replace(/^[^/@]*@/, "");
  const git = ownProgram("git", env);
  if (git === undefined || offline) {
    const why = git === undefined ? "git is not on PATH" : "this run is offline";
    throw new UserError("E_AUTHOR_PROGRAM", `the tags of ${shown} cannot be listed: ${why}`);
  }
  const { status, stdout, stderr } = await run({
    argv: [git, "ls-remote", "--tags", "--refs", "--", `https://${name}`],
    env: { ...ownVariables(env), GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" },
    cwd: "/",
    timeout: 60_000,
    maxOutput: 16 * 1024 ** 2,
    signal,
  });
  if (status === 0) return stdout.split("\n").flatMap((line) => line.split("refs/tags/")[1] ?? []);
  const why = stderr.trim().split("\n").at(-1) || "git did not end in time";
  const [host = shown] = shown.split("/");
  throw new UserError("E_AUTHOR_PROGRAM", `the tags of ${shown} cannot be listed: ${why}`, {
    ...((stderr.trim() === "" || ofHost.test(stderr)) && {
      shared: hostCause(host, "cannot be reached"),
    }),
  });
}

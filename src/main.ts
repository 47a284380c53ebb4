import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { notFirst, type Options, parseOptions, reasonOf } from "./cli.ts";
import type { Context } from "./context.ts";
import { describeError, exitStatus, exitStatusFor, UserError } from "./core/errors.ts";
import { asUserError } from "./core/system-error.ts";
import { removeTemporaryDirectories } from "./io/temporary.ts";
import { findPackage, homeDirectory, machinePlatform } from "./machine.ts";
import { createReporter, type Reporter } from "./report/reporter.ts";
import { guardStreams } from "./report/streams.ts";
import { terminalOf, withColour } from "./report/terminal.ts";
import { renderProblemLine, type Verbosity } from "./report/text.ts";
import type { Verb } from "./usage/commands.ts";

/** Milliseconds that a run has to end cleanly after a signal. */
const graceMs = 5000;
const stderr = withColour(process.stderr, process.env);
const bug = "This is a bug in openclaw-install-skill-deps; please report it with these lines:";

/**
 * Only this file, machine.ts and those that are started use `process`. It reads the arguments and the
 * machine into a `Context`, runs the command, and returns the exit status.
 */
async function main(): Promise<number> {
  process.umask(0o022); // others can read what is created; a volume with a writing group changes it later
  let options: Options | undefined;
  let reporter: Reporter | undefined;
  try {
    refuseGarbled();
    options = parseOptions(process.argv.slice(2), process.env, availableParallelism());
    leaveGoneDirectory(options);
    const own = findPackage(dirname(process.argv[1] ?? ""));
    if (options.verb === "help") return print(await helpOn(options.names));
    if (options.verb === "version") return print(`${own.version}\n`);
    const context = await createContext(options, own);
    reporter = context.reporter;
    const status = await (runs[options.verb] ?? runInstall)(context);
    reporter.finish();
    return status;
  } catch (error) {
    reporter?.finish();
    return report(error, options);
  }
}

async function createContext(
  options: Options,
  own: Pick<Context, "packageDir" | "version">,
): Promise<Context> {
  const stdout = options.json === false ? withColour(process.stdout, process.env) : process.stdout;
  const reporter = await createReporter({
    verbosity: verbosityOf(options),
    progress: options.progress,
    strict: options.strict,
    isRepeat: reasonOf(options).isRepeat,
    events: options.json === "events",
    stdout,
    stderr,
    terminal: terminalOf(process.stderr, process.env),
  });
  process.env.HOME = homeDirectory(); // libraries use it too, and throw if it is unset
  return {
    ...own,
    options,
    env: process.env,
    home: process.env.HOME,
    uid: process.getuid?.() ?? -1,
    gid: process.getegid?.() ?? -1,
    setUmask: (mask) => void process.umask(mask),
    machine: machinePlatform(),
    stdout,
    stderr,
    reporter,
    signal: abortOnSignals(),
    clock: () => new Date(),
  };
}

function verbosityOf({ quiet, verbose, reason }: Options): Verbosity {
  if (quiet || verbose) return quiet ? "quiet" : "verbose";
  return reason === undefined ? "normal" : "change";
}

/**
 * Node replaces invalid UTF-8 in names, and would then use another directory than the one that was
 * meant.
 */
function refuseGarbled(): void {
  const named = Object.entries(process.env).filter(
    ([name]) =>
      /^(OPENCLAW_|HOME$)/.test(name) && !/^OPENCLAW_SKILL_DEPS_(VIEW|REASON)$/.test(name),
  );
  const words = process.argv.slice(2).map((word) => ["an argument", word] as const);
  const found = [...words, ...named].find(([, value]) => value?.includes("\uFFFD"));
  if (found === undefined) return;
  throw new UserError("E_USAGE", `${found[0]} is not UTF-8: ${found[1]}`, {
    hint: "Use names of directories that are.",
  });
}

/** Libraries use the working directory, and throw if it has been removed. */
function leaveGoneDirectory({ verb, names, recipeDirs, skillsDirs, ...one }: Options): void {
  try {
    process.cwd();
    return;
  } catch {
    process.chdir("/");
  }
  const files = verb === "recipe" || verb === "bundle" ? names.slice(1) : [];
  const catalogue = one.catalogue?.includes(":") ? undefined : one.catalogue;
  const named = [...recipeDirs, ...skillsDirs, ...files, catalogue, one.seed, one.requestsDir];
  const relative = named.find((path) => path && !path.startsWith("/"));
  if (relative === undefined) return;
  throw new UserError(
    "E_WORKING_DIRECTORY",
    `the working directory was removed, and ${relative} would be in it`,
  );
}

type Run = (context: Context) => Promise<number>;

/** Each command's modules are loaded only when it runs. */
const runInstall: Run = async (it) => (await import("./commands/install.ts")).install(it);

/** All other verbs are `install`, which is also what `update` is. */
const runs: Readonly<Partial<Record<Verb, Run>>> = {
  requirements: async (it) => (await import("./commands/requirements.ts")).requirements(it),
  list: async (it) => (await import("./commands/list.ts")).list(it),
  info: async (it) => (await import("./commands/info.ts")).info(it),
  search: async (it) => (await import("./commands/search.ts")).search(it),
  why: async (it) => (await import("./commands/why.ts")).why(it),
  hold: async (it) => (await import("./commands/hold.ts")).hold(it, true),
  unhold: async (it) => (await import("./commands/hold.ts")).hold(it, false),
  rollback: async (it) => (await import("./commands/rollback.ts")).rollback(it),
  outdated: async (it) => (await import("./commands/list.ts")).outdated(it),
  doctor: async (it) => (await import("./commands/doctor.ts")).doctor(it),
  recipe: async (it) => (await import("./commands/recipe.ts")).recipe(it),
  remove: async (it) => (await import("./commands/remove.ts")).remove(it),
  gc: async (it) => (await import("./commands/gc.ts")).gc(it),
  bundle: async (it) => (await import("./commands/bundle.ts")).bundle(it),
  config: async (it) => (await import("./commands/config.ts")).config(it),
  completion: async (it) => (await import("./commands/completion.ts")).completion(it),
  health() {
    throw notFirst("health");
  },
  policy() {
    throw notFirst("policy");
  },
};

async function helpOn(words: readonly string[]): Promise<string> {
  const { renderHelp, renderTopic } = await import("./usage/help.ts");
  return words.length > 0 ? renderTopic(words) : renderHelp();
}

function print(text: string): number {
  process.stdout.write(text);
  return exitStatus.done;
}

function report(thrown: unknown, options: Options | undefined): number {
  const error = asUserError(thrown);
  const expected = error instanceof UserError;
  const message = expected
    ? renderProblemLine("error", describeError(error), error)
    : `${bug}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  stderr.write(`${message}\n`);
  if (!expected) return exitStatus.bug;
  if (options?.json === "document") {
    const { kind: code, problem, hint } = error;
    const message = describeError(error);
    process.stdout.write(
      `${JSON.stringify({ schema: 1, error: { code, problem, message, hint } })}\n`,
    );
  }
  return exitStatusFor([error.kind], options?.strict ?? false);
}

/** A first signal ends the run cleanly; a second one ends it at once. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.once(signal, () => {
      process.exitCode = status;
      controller.abort(new UserError("E_STOPPED", `stopped by ${signal}`));
      process.once(signal, () => process.exit(status));
      // Work that does not stop is left as after a kill: the next run prunes what it has in the volume.
      setTimeout(() => process.exit(status), graceMs).unref();
    });
  }
  return controller.signal;
}

guardStreams(process.stdout, process.stderr, (error) => {
  process.exitCode ||= report(error, undefined);
});
// An error that no code waits for: the state is unknown after it.
process.once("uncaughtException", (error) => process.exit(report(error, undefined)));
process.once("exit", removeTemporaryDirectories); // also where the work did not end by itself
let hasEnded = false;
process.once("beforeExit", () => {
  if (hasEnded) return;
  process.stderr.write(`${bug}\nno work is pending, but the run has not finished\n`);
  process.exitCode = exitStatus.bug;
});
main()
  .then(
    (status) => {
      process.exitCode ||= status;
    },
    (error) => {
      process.exitCode = report(error, undefined);
    },
  )
  .finally(() => {
    hasEnded = true;
  });

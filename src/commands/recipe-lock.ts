import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { type DebWanted, parseDebWanted } from "../author/deb-wanted.ts";
import { debLocker } from "../author/lock-deb.ts";
import { lockGoModule } from "../author/lock-go.ts";
import { lockPypi } from "../author/lock-pypi.ts";
import type { Context } from "../context.ts";
import { exitStatus, reworded, UserError } from "../core/errors.ts";
import { placedSources } from "../core/recipes/findings.ts";
import { rm, writeFile } from "../io/disk.ts";
import { readInput } from "../io/input.ts";
import { temporaryDirectory } from "../io/temporary.ts";
import { createHttp } from "../net/http.ts";
import { readNetworkSettings } from "../net/network-settings.ts";
import { readNpmConfig } from "../net/npm-config.ts";

/** What makes the pins of each kind of source. */
interface Lockers {
  /** The text of a lock. */
  readonly deb: (wanted: DebWanted) => Promise<string>;
  /** The text of a lock for NAME@VERSION. */
  readonly pypi: (requirement: string) => Promise<string>;
  /** The checksum of MODULE@VERSION. */
  readonly go: (module: string) => Promise<string>;
}

/**
 * `recipe lock FILE…`: makes the locks that recipes name for Debian packages and Python programs anew,
 * and says the checksums of the Go modules that they build. Nothing is written for a recipe's kind of
 * source that is wrong.
 */
export async function lockRecipes(context: Context, files: readonly string[]): Promise<number> {
  const { env, home, options, reporter, clock } = context;
  if (files.length === 0) {
    throw new UserError("E_USAGE", "recipe lock: no file is named", {
      hint: "Write openclaw-install-skill-deps recipe lock recipes/tmux.yaml.",
    });
  }
  const { mirrors, offline } = options;
  const http = createHttp({
    env,
    mirrors,
    offline,
    settings: () => readNetworkSettings(env, home, () => readNpmConfig(env, home)),
    onDetail: (message) => reporter.emit({ type: "detail", message }),
  });
  const dir = temporaryDirectory("openclaw-lock");
  const authors: Lockers = {
    deb: debLocker({ env, http, clock, dir }),
    pypi: (requirement) => lockPypi(requirement, { env, home, http, emit: reporter.emit }),
    go: async (module) => (await lockGoModule(module, env)).sum,
  };
  try {
    for (const file of files.map((name) => resolve(name))) {
      const say = (line: string): void => void context.stdout.write(`${line}\n`);
      await lockRecipe(file, authors, say).catch((error: unknown) => {
        throw error instanceof UserError ? inFile(file, error) : error;
      });
    }
    return exitStatus.done;
  } finally {
    await http.close();
    await rm(dir, { recursive: true, force: true });
  }
}

async function lockRecipe(
  file: string,
  authors: Lockers,
  say: (line: string) => void,
): Promise<void> {
  const text = readInput(file).toString("utf8");
  const sources = placedSources(parse(text)).map(({ source }) => source);
  const wheels = new Map(sources.flatMap(({ pypi, lock }) => (pypi && lock ? [[lock, pypi]] : [])));
  const modules = new Set(sources.flatMap(({ go, sum }) => (go && sum ? [go] : [])));
  const hasDeb = sources.some(({ deb }) => deb !== undefined);
  if (!hasDeb && wheels.size === 0 && modules.size === 0) {
    throw new UserError("E_LOCK_SOURCE", "has nothing to lock", {
      hint: "It needs a source with deb and lock, with pypi and lock, or with go and sum.",
    });
  }
  const write = async (lock: string, from: string, made: string): Promise<void> => {
    const target = join(dirname(file), lock);
    await writeFile(target, made);
    say(`${target}: ${from}`);
  };
  if (hasDeb) {
    const wanted = parseDebWanted(text);
    await write(wanted.lock, wanted.name, await authors.deb(wanted));
  }
  for (const [lock, pypi] of wheels) await write(lock, pypi, await authors.pypi(pypi));
  for (const module of modules) say(`${file}: ${module}\n  sum: ${await authors.go(module)}`);
}

function inFile(file: string, error: UserError): UserError {
  return reworded(error, `${file}: ${error.message}`);
}

import { UserError } from "../core/errors.ts";
import type { Env } from "../core/platform.ts";
import { run } from "../io/exec.ts";
import { findOnPath } from "../io/on-path.ts";
import { type PipConfig, readPipConfig } from "../net/pip-config.ts";

/** A program of the author's machine, absolute. */
export function ownProgram(name: string, env: Env): string | undefined {
  return findOnPath([name], env.PATH ?? "", "/nonexistent").get(name);
}

/** The variables that have a value, for such a program. */
export function ownVariables(env: Env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}

/** The indexes of the machine's pip: those that it is configured with, after its own default. */
export async function readIndexes(env: Env, home: string): Promise<PipConfig> {
  const pip = await readPipConfig(env, home);
  const own = pip.isDefaultReplaced ? undefined : await defaultIndex(env);
  if (own !== undefined) return { ...pip, indexes: [own, ...pip.indexes] };
  if (pip.indexes.length + pip.findLinks.length > 0) return pip;
  throw new UserError("E_NO_REGISTRY", "no Python index is configured here");
}

/** What pip itself asks where nothing is configured; undefined without pip. */
async function defaultIndex(env: Env): Promise<string | undefined> {
  const python = ownProgram("python3", env);
  if (python === undefined) return undefined;
  const script = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
  const argv = [python, "-I", "-c", script] as const;
  const own = { env: ownVariables(env), cwd: "/", timeout: 30_000 };
  const { status, stdout } = await run({ argv, ...own });
  const [url = ""] = stdout.split("\n");
  return status === 0 && URL.canParse(url) ? `${url.replace(/\/$/, "")}/` : undefined;
}

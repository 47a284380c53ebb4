import type { Context } from "../context.ts";
import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import type { Env } from "../core/platform.ts";
import { withTemporaryDirectory } from "../io/temporary.ts";
import { type AptConfig, readAptConfig } from "../net/apt-config.ts";
import type { Http } from "../net/http.ts";
import { machineHttp } from "../net/machine-http.ts";
import type { NpmConfig } from "../net/npm-config.ts";
import type { PipConfig } from "../net/pip-config.ts";
import type { Emit } from "../report/events.ts";
import { type OpenRelease, releaseOpener } from "./deb-index.ts";
import { readIndexes } from "./own-programs.ts";

/** What writing a recipe needs of this machine. Each configuration is read once, at its first use. */
export interface DraftContext {
  readonly env: Env;
  readonly home: string;
  readonly offline: boolean;
  readonly http: Http;
  readonly npm: () => Promise<NpmConfig>;
  readonly apt: () => Promise<AptConfig>;
  /** With the indexes of this machine's own pip. */
  readonly pip: () => Promise<PipConfig>;
  /** A release of Debian: the first one of this machine's apt, or the named one from its mirrors. */
  readonly release: OpenRelease;
  readonly clock: () => Date;
  readonly emit: Emit;
  /** Absolute; an empty directory of this draft. */
  readonly dir: string;
  readonly signal?: AbortSignal | undefined;
}

/** Adds what is read of the machine at its first use. */
export function draftContext(base: Omit<DraftContext, "apt" | "pip" | "release">): DraftContext {
  const { env, home } = base;
  const apt = once(() => readAptConfig(env));
  const pip = once(() => readIndexes(env, home));
  return { ...base, apt, pip, release: releaseOpener({ ...base, apt }) };
}

/** The day, as recipes say it: `2026-11-30`. */
export function today({ clock }: Pick<DraftContext, "clock">): string {
  return clock().toISOString().slice(0, 10);
}

/**
 * Runs an author's command with a network and a scratch directory, and closes both. Failures that a
 * run would tolerate as unmet are errors here: no recipe is written.
 */
export async function withDraftContext<T>(
  { env, home, options, reporter, clock, signal }: Context,
  work: (context: DraftContext) => Promise<T>,
): Promise<T> {
  const { offline } = options;
  const { emit } = reporter;
  const onDetail = (message: string) => emit({ type: "detail", message });
  const network = machineHttp({ env, home }, { ...options, onDetail });
  try {
    return await withTemporaryDirectory("openclaw-recipe", (dir) =>
      work(draftContext({ ...network, env, home, offline, clock, emit, dir, signal })),
    );
  } catch (error) {
    if (!(error instanceof UserError) || error.kind !== "unmet") throw error;
    const { message, hint, cause } = error;
    throw new UserError("E_DRAFT", message, { cause, hint });
  } finally {
    await network.http.close();
  }
}

import type { Context } from "../context.ts";
import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import { rm } from "../io/disk.ts";
import { temporaryDirectory } from "../io/temporary.ts";
import { readCredentials } from "../net/credentials.ts";
import { createHttp } from "../net/http.ts";
import { readNetworkSettings } from "../net/network-settings.ts";
import { readNpmConfig } from "../net/npm-config.ts";
import type { DraftContext } from "./draft.ts";

/**
 * Runs an author's command with a network and a scratch directory, and closes both. Failures that a
 * run would tolerate as unmet are errors here: no recipe is written.
 */
export async function withDraftContext<T>(
  { env, home, options, reporter, clock, signal }: Context,
  work: (context: DraftContext) => Promise<T>,
): Promise<T> {
  const npm = once(() => readNpmConfig(env, home));
  const { mirrors, offline } = options;
  const http = createHttp({
    env,
    mirrors,
    offline,
    settings: () => readNetworkSettings(env, home, npm),
    credentials: readCredentials(env, home, npm),
    onDetail: (message) => reporter.emit({ type: "detail", message }),
  });
  const dir = temporaryDirectory("openclaw-recipe");
  try {
    return await work({ env, home, offline, http, npm, clock, emit: reporter.emit, dir, signal });
  } catch (error) {
    if (!(error instanceof UserError) || error.kind !== "unmet" || options.offline) throw error;
    const { message, hint, cause } = error;
    throw new UserError("E_DRAFT", message, { cause, hint });
  } finally {
    await http.close();
    await rm(dir, { recursive: true, force: true });
  }
}

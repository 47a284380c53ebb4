import type { Context } from "../context.ts";
import { UserError } from "../core/errors.ts";
import { rm } from "../io/disk.ts";
import { temporaryDirectory } from "../io/temporary.ts";
import { machineHttp } from "../net/machine-http.ts";
import type { DraftContext } from "./draft.ts";

/**
 * Runs an author's command with a network and a scratch directory, and closes both. Failures that a
 * run would tolerate as unmet are errors here: no recipe is written.
 */
export async function withDraftContext<T>(
  { env, home, options, reporter, clock, signal }: Context,
  work: (context: DraftContext) => Promise<T>,
): Promise<T> {
  const { offline } = options;
  const onDetail = (message: string) => reporter.emit({ type: "detail", message });
  const { http, npm } = machineHttp({ env, home }, { ...options, onDetail });
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

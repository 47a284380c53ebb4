import { outputOf } from "./child.ts";
import { findCommand, type Location } from "./location.ts";
import type { WatcherState } from "./watcher.ts";

/** The answer to `skilldeps.status`. */
export interface Status {
  readonly schema: 1;
  readonly prefix: string;
  readonly command: string;
  /** Null where the watcher does not run in this process. */
  readonly watch: WatcherState | null;
  /** What is there, what is missing and why: the document of `doctor --json`. */
  readonly doctor: unknown;
}

/** Milliseconds after which `doctor` is ended. */
const timeout = 60_000;

/** Asks the command what is there. Throws if it gives no document. */
export async function readStatus(
  location: Location,
  options: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  watch: WatcherState | null,
  signal: AbortSignal,
): Promise<Status> {
  const command = await findCommand(location);
  const argv = [command, "doctor", "--json", ...options];
  const { stdout, stderr } = await outputOf(argv, env, { timeout, signal });
  const doctor = parse(stdout);
  if (doctor === undefined) throw new Error(stderr.trim().slice(-2000) || "doctor printed nothing");
  return { schema: 1, prefix: location.prefix, command, watch, doctor };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

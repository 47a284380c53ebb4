import type { Plan } from "./plan.ts";

/** An installed tool of which the catalogue has a newer version. */
export interface Behind {
  readonly tool: string;
  readonly version: string;
  readonly newer: string;
  /** Why the newer one could not be installed when that was tried last. */
  readonly reason?: string | undefined;
  /** It is held: `update` leaves it. */
  readonly held?: boolean | undefined;
}

export function behindOf({ steps }: Plan): Behind[] {
  return steps.flatMap((step) => {
    if (step.action !== "keep" || step.newer === undefined) return [];
    const { tool, version, newer, unreachable: reason, held } = step;
    return [{ tool, version, newer, reason, held }];
  });
}

/** `gog 1.0.0: …`, and what brings the newer one. */
export function describeBehind({ tool, version, newer, reason, held }: Behind): string {
  const what = `${tool} ${version}`;
  if (held) return `${what}: held, so ${newer} is left (unhold ${tool})`;
  if (reason === undefined) return `${what}: update installs ${newer}`;
  return `${what}: ${newer} is not available (${reason}); update tries again`;
}

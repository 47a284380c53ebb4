import type { Env } from "../core/platform.ts";
import type { NetworkSettings } from "./network-settings.ts";
import type { RetryPolicy } from "./retry.ts";
import { unquoted, wrongSetting } from "./setting.ts";

const ownName = "OPENCLAW_SKILL_TIMEOUT";
const ofUv = ["UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT"] as const;
/** A Node timer counts milliseconds in 31 bits; a day is enough. */
const longest = 24 * 3_600_000;
const mostRetries = 10;

/**
 * The timing with this machine's timeouts: our own variable decides; those of npm, pip and uv can
 * only lengthen it, as npm's `fetch-retries` only adds to our own. Invalid values are ignored, as
 * in most of these tools. Throws a UserError (`config`) if our own variable is invalid.
 */
export function withWaiting(usual: RetryPolicy, env: Env, settings: NetworkSettings): RetryPolicy {
  const asked = /^\d+$/.test(settings.retries ?? "") ? Number(settings.retries) : 0;
  const timing = { ...usual, retries: Math.max(usual.retries, Math.min(asked, mostRetries)) };
  const own = unquoted(env[ownName] ?? "");
  if (own !== "") {
    const ms = parseTime(own, 1000);
    const right = `Set it to the seconds to wait for a server that does not respond: ${ownName}=300.`;
    if (ms === undefined) throw wrongSetting({ name: ownName, value: own }, "is not a time", right);
    return waitingFor(ms, timing);
  }
  const uv = ofUv.map((name) => parseTime(env[name], 1000));
  const others = (settings.waits ?? []).map(({ value, unit }) => parseTime(value, unit));
  const ms = Math.max(...[...uv, ...others].map((time) => time ?? 0), 0);
  return ms > timing.stallMs ? waitingFor(ms, timing) : timing;
}

function waitingFor(ms: number, policy: RetryPolicy): RetryPolicy {
  const shorter = ms < policy.stallMs;
  return {
    ...policy,
    stallMs: ms,
    firstByteMs: shorter ? ms : Math.max(ms, policy.firstByteMs),
    deadMs: shorter ? ms * 2 : Math.max(ms + policy.connectMs, policy.deadMs),
    isSet: true,
  };
}

/** Milliseconds. In npm zero means no timeout. */
function parseTime(text: string | undefined, unit: number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)$/.exec(unquoted(text ?? ""));
  if (!match) return undefined;
  const ms = Number(match[1]) * unit;
  return ms === 0 ? longest : Math.min(ms, longest);
}

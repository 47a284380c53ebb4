import { remedyOf, type SharedCause, UserError } from "../core/errors.ts";
import { plural } from "../core/plural.ts";
import { shortageError } from "../core/system-error.ts";
import type { NetworkProxy } from "./proxy.ts";
import { isTransient, meaningOf, problemOfStatus, type StatusError, statusHint } from "./status.ts";
import { type Attempted, factsOf, meaningOfError } from "./transport-errors.ts";

/** What an attempt's failure means: what to tell the person, and whether trying again may help. */
export interface NetworkFailure {
  readonly error: UserError;
  readonly retry: "never" | "once" | "again";
  /** Milliseconds that the server asked us to wait. */
  readonly waitMs?: number;
  /** True where it let us wait in vain. */
  readonly timedOut?: boolean;
}

/**
 * Whatever a transport threw, in `cause`. What comes from outside can break the transport in ways that
 * nobody has listed, so that all of it is a failed transfer; other errors are bugs of ours.
 */
export class TransportError extends Error {
  constructor(cause: unknown) {
    super("the transfer failed", { cause });
    this.name = "TransportError";
  }
}

export type { Attempted };

/** The URL for messages and records: signed queries and `user:password@` are secrets. */
export function shownUrl(url: URL | string): string {
  if (!URL.canParse(String(url))) return "(not a URL)";
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === "" ? "" : "?..."}`;
}

/** The body ended before its time. */
export function cutError(received: number, expected: number): TransportError {
  const message = `the connection was cut after ${received} of ${plural(expected, "byte")}`;
  return new TransportError(Object.assign(new Error(message), { code: "CUT" }));
}

/** True where a UserError of `Http` says that the server has no such file (any more). */
export function isNotFound(error: unknown): boolean {
  const cause = error instanceof UserError ? (error.cause as Partial<StatusError>) : undefined;
  return cause?.status === 404 || cause?.status === 410;
}

/**
 * A transfer that was given up within seconds because there was somewhere else to go, although this
 * machine's settings want servers to be waited for: where nothing else serves, it is worth asking again.
 */
export class HurriedError extends UserError {
  constructor(of: UserError) {
    super(of.problem, of.message, {
      cause: of.cause,
      hint: of.hint,
      ...(of.shared && { shared: of.shared }),
    });
  }
}

const aboutTheWay = new Set([407, 408, 425, 429, 502, 503, 504]);

/**
 * True where a UserError of `Http` says that the server itself said no to this request, by whatever
 * status: what it has may be at another address of it.
 */
export function isRefusal(error: unknown): boolean {
  const cause = error instanceof UserError ? (error.cause as Partial<StatusError>) : undefined;
  return cause?.status !== undefined && !aboutTheWay.has(cause.status);
}

/** True where something could not be had from where it was asked for. */
export function isNetwork(error: unknown): boolean {
  return error instanceof UserError && error.kind === "network";
}

/** What everything else that this host was asked for fails with, too. */
export function hostCause(host: string, what: string): SharedCause {
  return { key: `host ${host}`, message: `${host} ${what}` };
}

/** A full sentence about the proxy, for hints: a wrong one looks like a dead server. */
export function proxyNotes(proxy: NetworkProxy | undefined): string[] {
  return proxy ? [`A proxy is set: ${proxy.url.host} (${proxy.setting}).`] : [];
}

/** Translates what an attempt threw. Rethrows what is a bug of ours. */
export function explain(thrown: unknown, attempted: Attempted): NetworkFailure {
  if (thrown instanceof UserError) return { error: thrown, retry: "never" };
  const { url, proxy } = attempted;
  const notes = proxyNotes(proxy);
  if ((thrown as Partial<StatusError>).status !== undefined) {
    return explainStatus(thrown as StatusError, url, notes);
  }
  if (!(thrown instanceof TransportError)) throw thrown;
  const { cause } = thrown;
  if (cause instanceof UserError) return { error: cause, retry: "never" };
  const short = shortageError(`cannot download ${shownUrl(attempted.asked)}`, cause);
  if (short && (cause as NodeJS.ErrnoException).code !== "EAGAIN")
    return { error: short, retry: "never" };
  const meaning = meaningOfError(factsOf(cause), attempted);
  const { problem, why, retry, hint = remedyOf(problem), advice = [], timedOut = false } = meaning;
  const error = new UserError(problem, `cannot download ${shownUrl(attempted.asked)}: ${why}`, {
    hint: [hint, ...advice, ...notes].join(" "),
    shared: sharedCause(cause, attempted),
  });
  return { error, retry, timedOut };
}

/** What stops everything else that would come from this host, or through this proxy. */
function sharedCause(cause: unknown, attempted: Attempted): SharedCause {
  const { url, proxy } = attempted;
  const { address: _, ...facts } = factsOf(cause); // a host may have several
  const { why } = meaningOfError(facts, attempted);
  const isProxy = proxy !== undefined && !why.includes(url.hostname);
  const host = isProxy ? proxy.url.host : url.host;
  const isNamed = why.includes(isProxy ? proxy.url.hostname : url.hostname);
  return { key: `host ${host}`, message: isNamed ? why : `${host}: ${why}` };
}

function explainStatus(thrown: StatusError, url: URL, notes: readonly string[]): NetworkFailure {
  const { status, waitMs } = thrown;
  const message = `${shownUrl(url)} answered ${status}${meaningOf(status)}`;
  const error = new UserError(problemOfStatus(status), message, {
    hint: [statusHint(status, url.host), ...notes].join(" "),
    cause: thrown,
    // That a file is not there is of this file only.
    ...(status !== 404 &&
      status !== 410 && {
        shared: hostCause(url.host, `answered ${status}${meaningOf(status)}`),
      }),
  });
  const retry = isTransient(status) ? "again" : "never";
  return waitMs === undefined ? { error, retry } : { error, retry, waitMs };
}

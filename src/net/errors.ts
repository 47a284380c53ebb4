import { remedyOf, type SharedCause, UserError } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { shortageError } from "../core/system-error.ts";
import { plural } from "../core/wording.ts";
import type { NetworkProxy } from "./proxy.ts";
import { isTransient, meaningOf, problemOfStatus, type StatusError, statusHint } from "./status.ts";
import {
  type Attempted,
  factsOf,
  meaningOfError,
  type NetworkFailure,
} from "./transport-errors.ts";

/**
 * What a transport threw is in `cause`. Servers can break the transport in unexpected ways, so any
 * such error is a failed transfer; other errors are bugs.
 */
export class TransportError extends Error {
  constructor(cause: unknown) {
    super("the transfer failed", { cause });
    this.name = "TransportError";
  }
}

export type { Attempted };

/** The body ended too early. */
export function cutError(received: number, expected: number): TransportError {
  const message = `the connection was cut after ${received} of ${plural(expected, "byte")}`;
  return new TransportError(Object.assign(new Error(message), { code: "CUT" }));
}

/** True if a UserError of `Http` means that the server does not have the file. */
export function isNotFound(error: unknown): boolean {
  const cause = error instanceof UserError ? (error.cause as Partial<StatusError>) : undefined;
  return cause?.status === 404 || cause?.status === 410;
}

/**
 * A transfer that was given up within seconds because there was another source, although the
 * settings ask for a longer wait: it is tried again if no other source works.
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

const aboutTheWay = new Set([407, 408, 421, 425, 429, 502, 503, 504]);

/**
 * True if a UserError of `Http` means that the server itself rejected this request, with any
 * status: it may have the file at another URL.
 */
export function isRefusal(error: unknown): boolean {
  const cause = error instanceof UserError ? (error.cause as Partial<StatusError>) : undefined;
  return cause?.status !== undefined && !aboutTheWay.has(cause.status);
}

/** True if a download from its source failed. */
export function isNetwork(error: unknown): boolean {
  return error instanceof UserError && error.kind === "network";
}

/** For `catch`: after an expected error there is nothing; any other is thrown again. */
export function nothingIf(isExpected: (error: unknown) => boolean): (error: unknown) => undefined {
  return (error) => {
    if (!isExpected(error)) throw error;
  };
}

/** The shared cause of all downloads from this host. */
export function hostCause(host: string, what: string): SharedCause {
  return { key: `host ${host}`, message: `${host} ${what}` };
}

/** A full sentence about the proxy, for hints: a wrong proxy looks like a dead server. */
export function proxyNotes(proxy: NetworkProxy | undefined): string[] {
  return proxy ? [`A proxy is set: ${proxy.url.host} (${proxy.setting}).`] : [];
}

/** Translates what an attempt threw. Rethrows bugs. */
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

/** The cause that affects everything else from this host, or through this proxy. */
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
  const message = `${shownUrl(url)} responded with ${status}${meaningOf(status)}`;
  const error = new UserError(problemOfStatus(status), message, {
    hint: [statusHint(status, url.host), ...notes].join(" "),
    cause: thrown,
    // A missing file does not affect other files.
    ...(status !== 404 &&
      status !== 410 && {
        shared: hostCause(url.host, `responded with ${status}${meaningOf(status)}`),
      }),
  });
  const retry = isTransient(status) ? "again" : "never";
  return waitMs === undefined ? { error, retry } : { error, retry, waitMs };
}

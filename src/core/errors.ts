/**
 * Errors that a person can act on. The message of a `UserError` says what went wrong and where; its
 * hint says what to do next. Anything else that is thrown is a bug in this program.
 */

import type { ProblemKind } from "./problems/problem.ts";
import { type ErrorCode, type ProblemCode, problems } from "./problems/table.ts";

export type { ErrorCode, ProblemCode } from "./problems/table.ts";
export type { ProblemKind };

/** The process's exit statuses. */
export const exitStatus = {
  done: 0,
  bug: 1,
  usage: 2,
  unmet: 3,
  integrity: 4,
  unavailable: 5,
} as const;

/** A cause that failures of several tools can share: a host that is down, a full disk. */
export interface SharedCause {
  /** Failures with the same key are reported as one. */
  readonly key: string;
  /** What is wrong, without naming the tool: `github.com refused the connection`. */
  readonly message: string;
}

interface ErrorOptions {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  readonly shared?: SharedCause | undefined;
  /** The errors of the other sources of the same tool. */
  readonly also?: readonly string[];
}

/**
 * An expected failure. `problem` is its code in the table of problems, which gives its kind and the
 * default hint. `hint` is full sentences: the next step for the reader.
 */
export class UserError extends Error {
  readonly problem: ErrorCode;
  readonly hint: string;
  readonly shared: SharedCause | undefined;
  readonly also: readonly string[];

  constructor(problem: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "UserError";
    this.problem = problem;
    this.hint = options.hint ?? remedyOf(problem);
    this.shared = options.shared;
    this.also = options.also ?? [];
  }

  get kind(): ProblemKind {
    return problems[this.problem].kind;
  }
}

/** The error for something that only a network has, in an offline run. */
export function offlineError(what: string): UserError {
  return new UserError("E_OFFLINE", `${what} is needed, but this run is offline`, {
    shared: { key: "offline", message: "this run is offline" },
  });
}

/** The remedy in the table of problems. */
export function remedyOf(problem: ErrorCode): string {
  return problems[problem].remedy;
}

/** What is wrong, in general: the cause in the table of problems. */
export function causeOf(problem: ProblemCode): string {
  return problems[problem].cause;
}

export function isProblemCode(text: string): text is ProblemCode {
  return Object.hasOwn(problems, text);
}

/** The same error with another message; keeps the code and all options that are not replaced. */
export function reworded(error: UserError, message: string, options: ErrorOptions = {}): UserError {
  const { problem, cause, hint, shared } = error;
  return new UserError(problem, message, { cause, hint, shared, ...options });
}

/** Of other kinds of failures it is `usage`. */
const statuses: Readonly<Partial<Record<ProblemKind, number>>> = {
  integrity: exitStatus.integrity,
  network: exitStatus.unavailable,
  disk: exitStatus.unavailable,
  permission: exitStatus.unavailable,
  busy: exitStatus.unavailable,
  unmet: exitStatus.unmet,
};

/** The most serious one first. */
const gravity = [exitStatus.integrity, exitStatus.usage, exitStatus.unavailable, exitStatus.unmet];

/**
 * The exit status for a set of failures: the most serious one decides. `unmet` counts only under
 * `--strict`, because failing on something that a retry cannot fix would keep an agent down for
 * good.
 */
export function exitStatusFor(kinds: readonly ProblemKind[], strict: boolean): number {
  const counted = kinds.filter((kind) => strict || kind !== "unmet");
  const found = new Set(counted.map((kind) => statuses[kind] ?? exitStatus.usage));
  return gravity.find((status) => found.has(status)) ?? exitStatus.done;
}

/**
 * The message of anything thrown, with the messages of its causes. `path` is one that the message will stand behind, so
 * that it need not be named again.
 */
export function describeError(error: unknown, path = ""): string {
  const parts: string[] = [];
  for (let current = error; current !== undefined && current !== null && parts.length < 5; ) {
    const message = messageOf(current, [path, ...parts]);
    if (!parts.some((part) => part.includes(message))) parts.push(message);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(": ");
}

/** Of a system call's error without the call and its path, if `outer` names the path already. */
function messageOf(thrown: unknown, outer: readonly string[]): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { syscall, path } = thrown as NodeJS.ErrnoException;
  const message = thrown.message || thrown.name;
  const isSaid = path !== undefined && outer.some((part) => part.includes(path));
  const call = `, ${syscall} '${path}'`;
  return isSaid && message.endsWith(call) ? message.slice(0, -call.length) : message;
}

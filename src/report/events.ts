import type {
  ErrorCode,
  ProblemCode,
  ProblemKind,
  SharedCause,
  UserError,
} from "../core/errors.ts";

export type Phase = "download" | "copy" | "unpack" | "build" | "wait" | "test" | "publish";

/**
 * What happens during a run, as data. `title`: what people read in place of a library set's name and version.
 * Renderers turn it into lines, bars or NDJSON.
 */
export type Event =
  | {
      readonly type: "start";
      readonly tool: string;
      readonly version: string;
      readonly title?: string | undefined;
      readonly size?: number | undefined;
    }
  | { readonly type: "phase"; readonly tool: string; readonly phase: Phase }
  | {
      readonly type: "progress";
      readonly tool: string;
      /** Bytes so far, and in total if the server or the recipe says. */
      readonly received: number;
      readonly total?: number | undefined;
    }
  | {
      readonly type: "installed";
      readonly tool: string;
      readonly version: string;
      readonly title?: string | undefined;
      readonly bins: readonly string[];
      /** Bytes downloaded; 0 for a copy, or if a complete tree was already there. */
      readonly size: number;
      readonly milliseconds: number;
      /** The seed or bundle that it was copied from. */
      readonly copyOf?: string | undefined;
    }
  | {
      readonly type: "linked";
      readonly tool: string;
      readonly version: string;
      readonly title?: string | undefined;
      readonly bins: readonly string[];
    }
  | {
      readonly type: "removed";
      readonly tool: string;
      readonly version: string;
      readonly title?: string | undefined;
      readonly bins: readonly string[];
      /** Bytes of its tree. */
      readonly size: number;
    }
  | ({ readonly type: "failed" } & Failure)
  | {
      readonly type: "warning";
      readonly problem: ProblemCode;
      readonly message: string;
      readonly hint?: string | undefined;
    }
  | { readonly type: "note"; readonly message: string }
  /** The end of a run that `watch` started: why, and what came of it. */
  | {
      readonly type: "change";
      readonly reason: string;
      readonly result: string;
      readonly exitStatus: number;
    }
  /** Printed only with --verbose: a request, redirect, retry, mirror or skipped source. */
  | { readonly type: "detail"; readonly message: string };

/** One tool that could not be installed. */
export interface Failure {
  readonly tool: string;
  /** What people read in place of its name, for a library set. */
  readonly title?: string | undefined;
  /** Its kind. */
  readonly code: ProblemKind;
  /** Its code in the table of problems. */
  readonly problem: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  /** A cause that other tools may share. */
  readonly shared?: SharedCause | undefined;
  /** The errors of the tool's other sources. */
  readonly also?: readonly string[];
}

export type Emit = (event: Event) => void;

/** The warning that an error is where the run goes on. */
export function warningOf({ problem, message, hint }: UserError, said = message): Event {
  return { type: "warning", problem, message: said, hint };
}

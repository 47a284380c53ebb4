/** What kind of failure a problem is; decides the exit status and nothing else. */
export type ProblemKind =
  /** The command line is wrong. */
  | "usage"
  /** openclaw.json, an environment variable or a directory named by the operator is wrong. */
  | "config"
  /** A recipe is wrong. */
  | "recipe"
  /** The volume belongs to another platform, or its manifest cannot be used. */
  | "volume"
  /** Bytes are not those that the recipe promises, or an archive is hostile. */
  | "integrity"
  /** This host can never provide it: no recipe, wrong platform, read-only, offline, will not run. */
  | "unmet"
  /** The network failed; trying again may help. */
  | "network"
  /** The disk is full or failing. */
  | "disk"
  /** The file system does not let us. */
  | "permission"
  /** Another process holds what is needed, or this machine is short of something. */
  | "busy";

/** What is known of a problem before it happens; its code is its name in the table. */
export interface Problem {
  /** `warning`: never ends a run by itself. */
  readonly kind: ProblemKind | "warning";
  /** A full sentence: what is wrong, wherever it happens. */
  readonly cause: string;
  /** Full sentences: what to do. It is the hint where a message has no better one. */
  readonly remedy: string;
}

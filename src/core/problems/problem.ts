/** The kind of a failure; decides only the exit status. */
export type ProblemKind =
  /** The command line is wrong. */
  | "usage"
  /** openclaw.json, an environment variable or a directory named by the operator is wrong. */
  | "config"
  /** A recipe is wrong. */
  | "recipe"
  /** The volume belongs to another platform, or its manifest cannot be used. */
  | "volume"
  /** Bytes do not match the recipe, or an archive is hostile. */
  | "integrity"
  /**
   * This host can never provide it: no recipe, wrong platform, read-only, offline, does not run.
   */
  | "unmet"
  /** The network failed; trying again may help. */
  | "network"
  /** The disk is full or failing. */
  | "disk"
  /** The file system denies access. */
  | "permission"
  /** Another process holds a resource, or this machine has reached a limit. */
  | "busy";

/** The fixed part of a problem; its code is its key in the table. */
export interface Problem {
  /** `warning`: never ends a run by itself. */
  readonly kind: ProblemKind | "warning";
  /** A full sentence: what is wrong, in general. */
  readonly cause: string;
  /** Full sentences: what to do. The default hint of a message. */
  readonly remedy: string;
}

import * as v from "@badrap/valita";
import { orNothing } from "./or-nothing.ts";
import { count, matching, named } from "./record-fields.ts";

const traits = v.object({
  /**
   * Change times (ctime). `move`: every change of a file sets a new one, which no user can choose.
   * `settable`: they equal modification times, which users can set. `fixed`: they do not change on
   * writes, or are not the current time.
   */
  changeTimes: v.union(v.literal("move"), v.literal("settable"), v.literal("fixed")),
  /**
   * `stable`: a file keeps its inode, and no other file has it. `unstable`: the inode may change at
   * each call or mount.
   */
  inodes: v.union(v.literal("stable"), v.literal("unstable")),
  /** Times are rounded down to multiples of this (ns). */
  stampNs: v.number().assert((ns) => Number.isInteger(ns) && ns >= 1 && ns <= 10_000_000_000),
  /** The effect of chmod. */
  chmod: v.union(v.literal("set"), v.literal("ignored"), v.literal("refused")),
  /** `A` and `a` are different names. */
  caseSensitive: v.boolean(),
  /** The same letter in two Unicode forms is two names. */
  formSensitive: v.boolean(),
  /** Names that cannot be created, by kind: `colon`, `trailing dot`, … */
  refusedNames: v.array(v.string()),
  /** A non-empty directory can be renamed. */
  renameDirectory: v.boolean(),
  /** A file can be renamed onto another one. */
  renameOver: v.boolean(),
  hardLinks: v.boolean(),
  /** Files and directories can be synced to disk. */
  fsync: v.boolean(),
});

/**
 * How a file system differs from others, beyond what every volume needs. `probe` and `knownTraits`
 * of src/io/volume/probe.ts return those of a volume.
 */
export type Traits = v.Infer<typeof traits>;

/** The traits of nearly all file systems. */
export const usualTraits: Traits = {
  changeTimes: "move",
  inodes: "stable",
  stampNs: 1,
  chmod: "set",
  caseSensitive: true,
  formSensitive: true,
  refusedNames: [],
  renameDirectory: true,
  renameOver: true,
  hardLinks: true,
  fsync: true,
};

const digits = matching(/^-?\d{1,30}$/);

/** One mount of a volume, and what was found there. */
const probed = v.object({
  traits,
  /** A file of the volume that is never rewritten, as it was found then. */
  kept: v.object({ inode: digits, changed: digits }),
  /**
   * How often that file had another inode and another change time: the volume was copied, or
   * neither is stable.
   */
  copies: count,
});

export type Probed = v.Infer<typeof probed>;
type Kept = Probed["kept"];

/** A volume's record, by the identity of a mount. */
const record = v.object({
  schema: v.literal(1),
  mounts: named((mount) => /^[0-9a-f]{16}$/.test(mount), probed),
});

/** Sandboxes, a provisioner and a gateway may each mount it differently. */
const maxMounts = 8;

/** Empty if the text is not a record: any user who can write to the volume may have written it. */
export function parseProbed(text: string | undefined): Record<string, Probed> {
  return orNothing(() => record.parse(JSON.parse(text ?? "")).mounts) ?? {};
}

/** The record with one mount's entry replaced; the oldest entries are dropped. */
export function renderProbed(
  mounts: Readonly<Record<string, Probed>>,
  mount: string,
  entry: Probed,
): string {
  const { [mount]: _, ...others } = mounts;
  const latest = [...Object.entries(others), [mount, entry] as const].slice(-maxMounts);
  return `${JSON.stringify({ schema: 1, mounts: Object.fromEntries(latest) })}\n`;
}

/**
 * What is known of a mount, given the current state of the kept file. Another inode with the same
 * change time: inodes are unstable. Another change time too: the volume was copied and must be
 * probed again (undefined); but only once, because some hosts also change the times of all files at
 * each start.
 */
export function recognize(known: Probed, seen: Kept): Probed | undefined {
  if (known.kept.inode === seen.inode) return known;
  const traits: Traits = { ...known.traits, inodes: "unstable" };
  const isSame = known.kept.changed === seen.changed;
  if (known.traits.inodes === "unstable") return known;
  return isSame || known.copies > 0 ? { ...known, traits } : undefined;
}

/** Step sizes to which file systems round their times (ns). */
const steps = [2_000_000_000, 1_000_000_000, 10_000_000, 1_000_000, 1000, 100];

/** The largest step that all these times (ns) are multiples of. */
export function stampStep(times: readonly bigint[]): number {
  return steps.find((step) => times.every((time) => time % BigInt(step) === 0n)) ?? 1;
}

/** Times of a file (ns). */
export interface Times {
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** A file's times after each operation. */
export interface TimesSeen {
  readonly made: Times;
  /** After its modification time was set to `past` (ns); undefined if that was refused. */
  readonly setBack: Times | undefined;
  readonly past: bigint;
  /** Before and after it was written in place. */
  readonly written: readonly [Times, Times];
  /** Before and after its mode was set; used only if times cannot be set. */
  readonly moded: readonly [Times, Times];
}

/** Maximum difference between the change time and the modification time of a new file (ns). */
const slack = 10_000_000_000n;

/** The value of `Traits.changeTimes` for a file with these times. */
export function judgeChangeTimes(seen: TimesSeen): Traits["changeTimes"] {
  const { made, setBack, past, written, moded } = seen;
  const isNear = (a: bigint, b: bigint) => (a < b ? b - a : a - b) < slack;
  const [before, after] = written;
  if (setBack && isNear(setBack.mtimeNs, past) && isNear(setBack.ctimeNs, past)) return "settable";
  if (!isNear(made.ctimeNs, made.mtimeNs) || after.ctimeNs === before.ctimeNs) return "fixed";
  const [modeBefore, modeAfter] = moded;
  const follows = [after, modeAfter].every(({ ctimeNs, mtimeNs }) => ctimeNs === mtimeNs);
  const isStill = modeAfter.ctimeNs === modeBefore.ctimeNs;
  return setBack === undefined && follows && isStill ? "settable" : "move";
}

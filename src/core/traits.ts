import * as z from "zod/mini";

const traits = z.strictObject({
  /**
   * Change times (ctime). `move`: whatever is done to a file gives it another one, which nobody can set.
   * `settable`: they are modification times, which anybody can set. `fixed`: they do not move with what
   * is written, or are not of its time.
   */
  changeTimes: z.enum(["move", "settable", "fixed"]),
  /**
   * `stable`: a file keeps its inode as long as it is there, and has it alone. `unstable`: at each call,
   * or at each mount, it may have another.
   */
  inodes: z.enum(["stable", "unstable"]),
  /** Times are rounded down to multiples of this (ns). */
  stampNs: z.int().check(z.minimum(1), z.maximum(10_000_000_000)),
  /** What becomes of a mode that is set. */
  chmod: z.enum(["set", "ignored", "refused"]),
  /** `A` and `a` are two names. */
  caseSensitive: z.boolean(),
  /** The same letter in two forms of Unicode is two names. */
  formSensitive: z.boolean(),
  /** Names that cannot be had, by kind: `colon`, `trailing dot`, … */
  refusedNames: z.array(z.string()),
  /** A directory with files in it can be moved. */
  renameDirectory: z.boolean(),
  /** A file can be moved onto another one. */
  renameOver: z.boolean(),
  hardLinks: z.boolean(),
  /** Files and directories can be put on disk. */
  fsync: z.boolean(),
});

/**
 * What a file system does that others do not, beyond what a volume cannot be without. `probe` and
 * `knownTraits` of src/io/volume/probe.ts give those of a volume.
 */
export type Traits = z.infer<typeof traits>;

/** What nearly all file systems are like. */
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

const digits = z.string().check(z.regex(/^-?\d{1,30}$/));

/** One way in which a volume is mounted, and what was found there. */
const probed = z.strictObject({
  traits,
  /** A file of the volume that is never written again, as it was seen then. */
  kept: z.strictObject({ inode: digits, changed: digits }),
  /** How often that file was another one with another change time: a copy, or a sign of neither. */
  copies: z.int().check(z.minimum(0)),
});

export type Probed = z.infer<typeof probed>;
type Kept = Probed["kept"];

/** What a volume's record says: by what tells one mount from another. */
const record = z.strictObject({
  schema: z.literal(1),
  mounts: z.record(z.string().check(z.regex(/^[0-9a-f]{16}$/)), probed),
});

/** Sandboxes, a provisioner and a gateway may each mount it in another way. */
const maxMounts = 8;

/** None where it is no record: anybody who can write to the volume may have made it. */
export function parseProbed(text: string | undefined): Record<string, Probed> {
  try {
    return record.parse(JSON.parse(text ?? "")).mounts;
  } catch {
    return {};
  }
}

/** The record with one mount's entry replaced; the oldest ones go. */
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
 * What is known of a mount now that the kept file is seen like this. Another inode with the same change
 * time: inodes do not last. Another change time too: the volume was copied, and is looked at anew
 * (undefined); but once only, because some hosts also touch every file at each start.
 */
export function recognize(known: Probed, seen: Kept): Probed | undefined {
  if (known.kept.inode === seen.inode) return known;
  const traits: Traits = { ...known.traits, inodes: "unstable" };
  const isSame = known.kept.changed === seen.changed;
  if (known.traits.inodes === "unstable") return known;
  return isSame || known.copies > 0 ? { ...known, traits } : undefined;
}

/** Whole steps to which file systems round their times (ns). */
const steps = [2_000_000_000, 1_000_000_000, 10_000_000, 1_000_000, 1000, 100];

/** The coarsest step that all these times (ns) are multiples of. */
export function stampStep(times: readonly bigint[]): number {
  return steps.find((step) => times.every((time) => time % BigInt(step) === 0n)) ?? 1;
}

/** Times of a file (ns). */
export interface Times {
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** A file's times, as they were seen by turns. */
export interface TimesSeen {
  readonly made: Times;
  /** After its modification time was set to `past` (ns); undefined where that is refused. */
  readonly setBack: Times | undefined;
  readonly past: bigint;
  /** Before and after it was written to in place. */
  readonly written: readonly [Times, Times];
  /** Before and after its mode was set; it counts only where times cannot be set. */
  readonly moded: readonly [Times, Times];
}

/** As far as the change time of a new file may be from its modification time (ns). */
const slack = 10_000_000_000n;

/** What `Traits.changeTimes` says of a file whose times were seen like this. */
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

import { expect, test } from "vitest";
import {
  judgeChangeTimes,
  type Probed,
  parseProbed,
  recognize,
  renderProbed,
  stampStep,
  type Times,
  type TimesSeen,
  usualTraits,
} from "../../src/core/traits.ts";

const second = 1_000_000_000n;
const now = 1_700_000_000n * second;
const past = second * 1_000_000_001n;

const at = (mtimeNs: bigint, ctimeNs = mtimeNs): Times => ({ mtimeNs, ctimeNs });

/** A file that is made now, set back, and written to and given a mode a moment later. */
const usual: TimesSeen = {
  made: at(now),
  setBack: at(past, now + 5n),
  past,
  written: [at(past, now + 5n), at(now + 9n)],
  moded: [at(now + 9n), at(now + 9n, now + 12n)],
};

test.each<[string, Partial<TimesSeen>, string]>([
  ["as usual", {}, "move"],
  ["set with the modification time", { setBack: at(past) }, "settable"],
  ["set with it, in steps of 2 s", { setBack: at(past - second) }, "settable"],
  ["1970", { made: at(now, 0n), written: [at(now, 0n), at(now + 9n, 0n)] }, "fixed"],
  ["the time of birth", { written: [at(now), at(now + 9n, now)] }, "fixed"],
  ["an hour ahead", { made: at(now, now + 3600n * second) }, "fixed"],
  ["an hour behind", { made: at(now, now - 3600n * second) }, "fixed"],
  ["of a clock of their own, as all times there", { made: at(now, now + second) }, "move"],
  ["not to be set back, and usual", { setBack: undefined }, "move"],
  [
    "modification times that cannot be set",
    { setBack: undefined, moded: [at(now + 9n), at(now + 9n)] },
    "settable",
  ],
  ["a setting that does nothing", { setBack: at(now) }, "move"],
])("change times that are %s", (_, seen, expected) => {
  expect(judgeChangeTimes({ ...usual, ...seen })).toBe(expected);
});

test.each<[readonly bigint[], number]>([
  [[4n * second, 6n * second], 2_000_000_000],
  [[4n * second, 7n * second], 1_000_000_000],
  [[4n * second, 7n * second + 120_000_000n], 10_000_000],
  [[7n * second + 120_000_000n, 7n * second + 123_000_000n], 1_000_000],
  [[7n * second + 123_457_000n], 1000],
  [[7n * second + 123_456_700n], 100],
  [[7n * second + 123_457_000n, 8n * second + 1n], 1],
])("stamps of %o are multiples of %i ns", (times, step) => {
  expect(stampStep(times)).toBe(step);
});

const known: Probed = {
  traits: usualTraits,
  kept: { inode: "12", changed: "1700000000000000000" },
  copies: 0,
};

test("a file that has its inode still is no news, whatever touched it", () => {
  expect(recognize(known, known.kept)).toBe(known);
  expect(recognize(known, { ...known.kept, changed: "5" })).toBe(known);
});

test("another inode for the same file: they do not last", () => {
  const found = recognize(known, { ...known.kept, inode: "13" });
  expect(found?.traits).toEqual({ ...usualTraits, inodes: "unstable" });
  expect(recognize(found as Probed, { inode: "14", changed: "7" })).toBe(found);
});

test("another inode and change time is a copy, but not twice", () => {
  const seen = { inode: "13", changed: "1700000001000000000" };
  expect(recognize(known, seen)).toBeUndefined();
  expect(recognize({ ...known, copies: 1 }, seen)?.traits.inodes).toBe("unstable");
});

const name = (n: number): string => n.toString(16).padStart(16, "0");

test("what was written is read again, for each mount, and the oldest go", () => {
  let text = "";
  for (let n = 0; n < 12; n += 1) {
    text = renderProbed(parseProbed(text), name(n), { ...known, copies: n });
  }
  const mounts = parseProbed(renderProbed(parseProbed(text), name(5), known));
  expect(Object.keys(mounts).sort()).toEqual([4, 5, 6, 7, 8, 9, 10, 11].map(name));
  expect(mounts[name(5)]).toEqual(known);
});

const broken = (change: (probed: Record<string, unknown>) => void): string => {
  const record = JSON.parse(renderProbed({}, name(1), known));
  change(record.mounts[name(1)]);
  return JSON.stringify(record);
};

test.each([
  ["none", undefined],
  ["cut short", renderProbed({}, name(1), known).slice(0, 40)],
  ["of a newer form", renderProbed({}, name(1), known).replace('"schema":1', '"schema":2')],
  ["with an unknown word", broken((it) => Object.assign(it.traits as object, { chmod: "maybe" }))],
  ["with more", broken((it) => Object.assign(it, { more: 1 }))],
  ["with less", broken((it) => delete it.kept)],
  [
    "of steps without an end",
    broken((it) => Object.assign(it.traits as object, { stampNs: 1e300 })),
  ],
  ["for another kind of mount", renderProbed({}, "../../x", known)],
])("a record that is %s is none", (_, text) => {
  expect(parseProbed(text)).toEqual({});
});

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stampsOf, timeAfter } from "../../src/io/volume/stamps.ts";

let dir: string;
const at = (path: string): string => join(dir, path);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stamps-"));
  mkdirSync(at("deep/er"), { recursive: true });
  for (const name of ["one", "two", "deep/er/three"]) writeFileSync(at(name), name);
  symlinkSync("one", at("link"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const changedAt = (path: string): bigint => lstatSync(at(path), { bigint: true }).ctimeNs;

describe("a tree has another fingerprint where", () => {
  const changes: [string, () => void][] = [
    [
      "a file has other bytes, at its old time",
      () => {
        writeFileSync(at("deep/er/three"), "eerht");
        utimesSync(at("deep/er/three"), 1, 1);
      },
    ],
    ["a file has another time only", () => utimesSync(at("one"), 1, 1)],
    ["a mode is set", () => chmodSync(at("one"), 0o755)],
    ["a file comes", () => writeFileSync(at("deep/four"), "")],
    ["a file goes", () => rmSync(at("two"))],
    ["a file has another name", () => renameSync(at("two"), at("four"))],
    [
      "two files are exchanged",
      () => {
        renameSync(at("one"), at("x"));
        renameSync(at("two"), at("one"));
        renameSync(at("x"), at("two"));
      },
    ],
    [
      "a link is recreated",
      () => {
        rmSync(at("link"));
        symlinkSync("two", at("link"));
      },
    ],
  ];
  test.each(changes)("%s", async (_what, change) => {
    const { fingerprint, latest } = stampsOf(dir);
    expect(stampsOf(dir)).toEqual({ fingerprint, latest });
    const { latest: last } = stampsOf(dir);
    expect(await timeAfter(dir, last)).toBeGreaterThan(last);
    change();
    expect(stampsOf(dir).fingerprint).not.toBe(fingerprint);
  });
});

test("the latest time is that of what was changed last, whatever it is", async () => {
  await sleep(20);
  utimesSync(at("deep/er/three"), 1, 1);
  expect(stampsOf(dir).latest).toBe(changedAt("deep/er/three"));
});

describe("the clock of a file system", () => {
  test("goes on, and leaves nothing behind", async () => {
    const { latest } = stampsOf(dir);
    expect(await timeAfter(at("deep/er"), latest)).toBeGreaterThan(latest);
    expect(readdirSync(at("deep/er"))).toEqual(["three"]);
  });

  test("does not reach what is an hour ahead", async () => {
    const ahead = BigInt(Date.now() + 3_600_000) * 1_000_000n;
    expect(await timeAfter(dir, ahead, true)).toBeUndefined();
  });

  test("cannot be told where nothing can be written", async () => {
    expect(await timeAfter("/proc/self", 0n)).toBeUndefined();
  });
});

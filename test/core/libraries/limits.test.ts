import { expect, test } from "vitest";
import { refuseMany, refuseSize } from "../../../src/core/libraries/limits.ts";

const mb = 1_000_000;

test("a set within the limits", () => {
  const names = Array.from({ length: 400 }, (_, i) => `zog-${i}`);
  expect(() => refuseMany(names)).not.toThrow();
  expect(() => refuseSize([{ name: "zog", size: 600 * mb }])).not.toThrow();
});

test("too many packages", () => {
  const names = Array.from({ length: 401 }, (_, i) => `zog-${i}`);
  expect(() => refuseMany(names)).toThrow(/are 401 .*the limit is 400/);
});

test("too many bytes: the largest packages are named, and machine learning as such", () => {
  const packages = [
    { name: "small", size: 1 * mb },
    { name: "zog", size: 601 * mb },
    { name: "words", size: 3 * mb },
    { name: "tiny", size: 2 * mb },
  ];
  expect(() => refuseSize(packages)).toThrow(
    "607 MB to download, the limit is 600 MB; the largest are zog (601 MB), words (3 MB), tiny (2 MB)",
  );
  expect(() => refuseSize(packages)).not.toThrow(/machine-learning/);
  const heavy = [{ name: "nvidia-cublas-cu12", size: 700 * mb }];
  expect(() => refuseSize(heavy)).toThrow(/machine-learning packages/);
});

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { releaseWrittenFiles } from "../../src/io/volume/release-files.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "release-files-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("under gVisor, more files are written than its cache holds", () => {
  releaseWrittenFiles(dir, "4.19.0-gvisor");
  expect(readdirSync(dir).length).toBeGreaterThan(1000);
});

test("other kernels keep nothing open, and nothing is written", () => {
  releaseWrittenFiles(dir, "6.12.0-gvisor-host");
  releaseWrittenFiles(dir);
  expect(readdirSync(dir)).toEqual([]);
});

test("a directory that cannot be written to is no failure", () => {
  releaseWrittenFiles(join(dir, "gone"), "4.19.0-gvisor");
  expect(readdirSync(dir)).toEqual([]);
});

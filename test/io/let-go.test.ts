import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { letGoOfWrittenFiles } from "../../src/io/volume/let-go.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "let-go-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("under gVisor, more files are written than its cache holds", () => {
  letGoOfWrittenFiles(dir, "4.19.0-gvisor");
  expect(readdirSync(dir).length).toBeGreaterThan(1000);
});

test("other kernels keep nothing open, and nothing is written", () => {
  letGoOfWrittenFiles(dir, "6.12.0-gvisor-host");
  letGoOfWrittenFiles(dir);
  expect(readdirSync(dir)).toEqual([]);
});

test("a directory that cannot be written to is no failure", () => {
  letGoOfWrittenFiles(join(dir, "gone"), "4.19.0-gvisor");
  expect(readdirSync(dir)).toEqual([]);
});

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { asUserError, shortageSaid } from "../../src/core/system-error.ts";

const system = (code: string, syscall: string, more: object = {}): Error =>
  Object.assign(new Error(`${code}: the system's words, ${syscall}`), {
    code,
    errno: -1,
    syscall,
    ...more,
  });

describe("what the system refuses is told to a person", () => {
  test.each<[string, unknown, string, RegExp]>([
    ["EAGAIN", system("EAGAIN", "spawn x"), "E_PROCESS_LIMIT", /processes or threads/],
    ["EMFILE", system("EMFILE", "open"), "E_OPEN_FILES", /too many files are open/],
    ["ENFILE", system("ENFILE", "open"), "E_OPEN_FILES", /too many files are open on this machine/],
    ["ENOMEM", system("ENOMEM", "spawn"), "E_MEMORY", /not enough memory/],
    ["ETXTBSY", system("ETXTBSY", "spawn"), "E_PROGRAM_BUSY", /another process/],
    [
      "ENOSPC",
      system("ENOSPC", "write", { path: "/v/x" }),
      "E_DISK_FULL",
      /write \/v\/x failed: the disk/,
    ],
    ["EIO", system("EIO", "read"), "E_DISK_FAILING", /the disk/],
    ["EROFS", system("EROFS", "mkdir"), "E_PERMISSION", /read-only/],
    ["EACCES", system("EACCES", "open"), "E_PERMISSION", /permission denied/],
    ["one without words of ours", system("EXDEV", "rename"), "E_SYSTEM_CALL", /the system's words/],
    [
      "no working directory",
      system("ENOENT", "uv_cwd"),
      "E_WORKING_DIRECTORY",
      /working directory/,
    ],
    [
      "V8's memory",
      new RangeError("Array buffer allocation failed"),
      "E_MEMORY",
      /not enough memory/,
    ],
    [
      "WebAssembly's memory",
      new RangeError("WebAssembly.Memory(): could not allocate memory"),
      "E_MEMORY",
      /not enough memory/,
    ],
  ])("%s", (_what, thrown, problem, message) => {
    const error = asUserError(thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ problem, message: expect.stringMatching(message) });
    expect((error as UserError).hint).toMatch(/\.$/);
  });

  test("as Node really throws it", async () => {
    const failed = await promisify(execFile)("/nowhere/x").catch((error: unknown) => error);
    expect(asUserError(failed)).toBeInstanceOf(UserError);
    let thrown: unknown;
    try {
      readFileSync("/");
    } catch (error) {
      thrown = error;
    }
    expect(asUserError(thrown)).toBeInstanceOf(UserError);
  });
});

test.each<[string, unknown]>([
  ["a TypeError", new TypeError("x is not a function")],
  ["a RangeError of ours", new RangeError("Invalid array length")],
  [
    "Node's word about a wrong argument",
    Object.assign(new Error("x"), { code: "ERR_INVALID_ARG" }),
  ],
  ["no error", "text"],
])("%s remains a bug", (_what, thrown) => {
  expect(asUserError(thrown)).toBe(thrown);
});

test("a UserError remains what it is", () => {
  const error = new UserError("E_RECIPE", "it is wrong");
  expect(asUserError(error)).toBe(error);
});

test.each([
  ["sh: fork: retry: Resource temporarily unavailable", "E_PROCESS_LIMIT"],
  ["sh: 1: Cannot fork", "E_PROCESS_LIMIT"],
  ["runtime: failed to create new OS thread (have 2 already; errno=11)", "E_PROCESS_LIMIT"],
  ["RuntimeError: can't start new thread", "E_PROCESS_LIMIT"],
  ["zog: open /x: too many open files", "E_OPEN_FILES"],
  ["zog: mmap: Cannot allocate memory", "E_MEMORY"],
  ["some output\nOSError: [Errno 28] No space left on device\nmore", "E_DISK_FULL"],
])("a program says %j", (output, problem) => {
  expect(shortageSaid("zog fails", output)?.problem).toBe(problem);
});

test("a missing library is no shortage", () => {
  const output = "zog: error while loading shared libraries: libz.so.1: cannot open shared object";
  expect(shortageSaid("zog fails", output)).toBeUndefined();
});

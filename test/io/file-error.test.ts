/** What the errors of files mean, as the system really gives them where a test can make it do so. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { isLasting, saying, tolerate } from "../../src/io/file-error.ts";
import {
  fileError,
  isThere,
  linkTarget,
  listNames,
  lstatIfExists,
  statIfExists,
  textOf,
} from "../../src/io/files.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "file-error-"));
  writeFileSync(join(dir, "file"), "text");
  symlinkSync("loop", join(dir, "loop"));
  symlinkSync("nothing", join(dir, "dangling"));
  mkdirSync(join(dir, "closed"));
  writeFileSync(join(dir, "closed", "file"), "");
  chmodSync(join(dir, "closed"), 0);
});
afterAll(() => {
  chmodSync(join(dir, "closed"), 0o700);
  rmSync(dir, { recursive: true, force: true });
});

const system = (code: string, errno = -1): Error =>
  Object.assign(new Error(`${code}: the system's words`), { code, errno, syscall: "open" });

describe("only what is not there is absent", () => {
  test.each([
    ["no such name", "nothing"],
    ["below a file", "file/below"],
    ["below links without an end", "loop/below"],
    ["too long a name", "n".repeat(300)],
  ])("%s", async (_what, name) => {
    const path = join(dir, name);
    expect(await lstatIfExists(path)).toBeUndefined();
    expect(await statIfExists(path)).toBeUndefined();
    expect(await linkTarget(path)).toBeUndefined();
    expect(await textOf(path)).toBe("");
    expect(isThere(path)).toBe(false);
    expect(listNames(path)).toEqual([]);
  });

  test("a link that leads nowhere is there, and what it leads to is not", async () => {
    expect((await lstatIfExists(join(dir, "dangling")))?.isSymbolicLink()).toBe(true);
    expect(await statIfExists(join(dir, "dangling"))).toBeUndefined();
    expect(await linkTarget(join(dir, "dangling"))).toBe("nothing");
    expect(await linkTarget(join(dir, "file"))).toBeUndefined();
  });

  test.skipIf(process.getuid?.() === 0)(
    "what this user may not look at is not absent",
    async () => {
      await expect(lstatIfExists(join(dir, "closed", "file"))).rejects.toMatchObject({
        kind: "permission",
      });
      expect(() => listNames(join(dir, "closed"))).toThrow(UserError);
    },
  );
});

describe("what a disk answers is told as that", () => {
  const failing = "the disk, or the connection to it, reports errors";
  test.each<[string, number, string, string]>([
    ["EIO", -5, "E_DISK_FAILING", failing],
    ["Unknown system error -116", -116, "E_DISK_FAILING", failing],
    ["Unknown system error -117", -117, "E_DISK_FAILING", failing],
    ["EREMOTEIO", -121, "E_DISK_FAILING", failing],
    ["ETIMEDOUT", -110, "E_DISK_FAILING", failing],
    ["ENOTCONN", -107, "E_DISK_FAILING", failing],
    ["EHOSTDOWN", -112, "E_DISK_FAILING", failing],
    ["ENOSPC", -28, "E_DISK_FULL", "the disk is full"],
    ["Unknown system error -122", -122, "E_DISK_QUOTA", "the disk quota is used up"],
  ])("%s", (code, errno, problem, says) => {
    const error = fileError("read", "/proc/x", system(code, errno));
    expect(error).toMatchObject({ kind: "disk", problem });
    expect(error.message).toContain(`cannot read /proc/x: ${says}`);
    expect(error.message).toMatch(/\(proc, mounted at \/proc\)$/);
    expect(error.hint).toMatch(/\.$/);
    expect(isLasting(system(code, errno))).toBe(false);
  });

  test.each(["EMFILE", "ENOMEM"])("%s is this machine's", (code) => {
    expect(fileError("read", "/proc/x", system(code))).toMatchObject({ kind: "busy" });
    expect(isLasting(system(code))).toBe(false);
  });
});

test("the first words are kept, and bugs are not tolerated", async () => {
  const first = fileError("read", "/proc/x", system("EIO", -5));
  const fail = (error: unknown) => (): never => {
    throw error;
  };
  expect(() => saying("write", "/proc/y", fail(first))).toThrow(first);
  expect(await tolerate(fail(first))).toBeUndefined();
  expect(await tolerate(fail(system("EIO", -5)))).toBeUndefined();
  await expect(tolerate(fail(new TypeError("a bug")))).rejects.toThrow("a bug");
});

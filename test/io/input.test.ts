import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeError, UserError } from "../../src/core/errors.ts";
import {
  readInput,
  readInputIfThere,
  readPlain,
  readSettingsFile,
  tryRead,
} from "../../src/io/input.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "input-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const at = (name: string): string => join(dir, name);
const file = (name: string, text: string): string => {
  writeFileSync(at(name), text);
  return at(name);
};

/** The whole message of what is thrown. */
function said(read: () => unknown): string {
  try {
    read();
    return "nothing was thrown";
  } catch (error) {
    return describeError(error);
  }
}

describe("a regular file", () => {
  test.each(["", "a", "b".repeat(100_000)])("is read whole", (text) => {
    expect(readInput(file("f", text)).toString()).toBe(text);
  });

  test("through a link, but not where other users may have made the link", () => {
    symlinkSync(file("f", "text"), at("link"));
    expect(readInput(at("link")).toString()).toBe("text");
    expect(readPlain(at("link"), 10)).toBeUndefined();
    expect(readPlain(at("f"), 10)).toBe("text");
  });

  test("that has no size, of /proc, is read to its end", () => {
    expect(readSettingsFile("/proc/self/status")).toMatch(/^Name:/);
  });

  test("up to its limit, also where it does not tell its size", () => {
    truncateSync(file("f", ""), 10_000_000_000);
    expect(tryRead(at("f"))).toEqual({ why: "it is larger than 16777216 bytes" });
    expect(tryRead("/proc/self/status", { maxBytes: 9 })).toEqual({
      why: "it is larger than 9 bytes",
    });
    expect(tryRead(file("f", "123456789"), { maxBytes: 9 }).bytes?.toString()).toBe("123456789");
  });

  test("is refused for the caller's reason", () => {
    expect(tryRead(file("f", "x"), { refuse: () => "it is odd" })).toEqual({ why: "it is odd" });
  });
});

describe("what is no regular file is not read, and nobody waits for it", () => {
  const table: [string, () => string, string][] = [
    [
      "a pipe",
      () => {
        execFileSync("mkfifo", [at("pipe")]);
        return at("pipe");
      },
      "it is a pipe, not a regular file",
    ],
    [
      "a directory",
      () => {
        mkdirSync(at("d"));
        return at("d");
      },
      "it is a directory, not a regular file",
    ],
    ["a device without end", () => "/dev/zero", "it is a device, not a regular file"],
    ["an empty device", () => "/dev/null", "it is a device, not a regular file"],
    [
      "a link that dangles",
      () => {
        symlinkSync("nowhere", at("dangling"));
        return at("dangling");
      },
      "ENOENT: no such file or directory",
    ],
    [
      "a link to itself",
      () => {
        symlinkSync("self", at("self"));
        return at("self");
      },
      "ELOOP: too many symbolic links",
    ],
    ["something below a file", () => join(file("f", ""), "x"), "ENOTDIR: not a directory"],
  ];
  test.each(table)("%s", (_what, make, why) => {
    const path = make();
    expect(tryRead(path).why).toContain(why);
    expect(tryRead(path).why).not.toContain(path); // who prints it names the file
    expect(readSettingsFile(path)).toBe("");
    expect(readPlain(path, 100)).toBeUndefined();
    expect(() => readInput(path)).toThrow(UserError);
    expect(() => readInput(path)).toThrow(`cannot read ${path}`);
    expect(said(() => readInput(path)).split(path)).toHaveLength(2); // it is named once
  });

  test("a socket", async () => {
    const server = createServer().listen(at("socket"));
    await new Promise((done) => server.once("listening", done));
    expect(tryRead(at("socket"))).toEqual({ why: "it is a socket, not a regular file" });
    server.close();
  });
});

test("a file that is absent is told from one that cannot be read", () => {
  expect(readInputIfThere(at("absent"))).toBeUndefined();
  expect(readInputIfThere(join(file("f", ""), "below"))).toBeUndefined();
  expect(() => readInputIfThere(dir)).toThrow("it is a directory");
});

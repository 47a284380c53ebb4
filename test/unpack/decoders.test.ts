/** What a decoder says is what is wrong; and what follows an end without harm is passed over. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableMemory } from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ArchiveFormat } from "../../src/core/recipe.ts";
import { decompressed } from "../../src/unpack/decompress.ts";
import { Refusal } from "../../src/unpack/refusals.ts";
import { compress, run } from "../support/archives.ts";

let file: string;
beforeEach(() => {
  file = join(mkdtempSync(join(tmpdir(), "decoders-")), "download");
});
afterEach(() => rmSync(join(file, ".."), { recursive: true }));

/** Not all compressed formats end on a whole byte, and none ends like padding here. */
const body = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * i) >> 5));
const formats = ["tar.gz", "tar.xz", "tar.bz2", "tar.zst"] as const;

async function read(format: ArchiveFormat, bytes: Buffer): Promise<Buffer> {
  writeFileSync(file, bytes);
  const parts: Buffer[] = [];
  for await (const part of decompressed(file, format)) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** Kind and message of the refusal. */
async function refused(format: ArchiveFormat, bytes: Buffer): Promise<string> {
  const error = await read(format, bytes).then(
    () => expect.fail("it was unpacked"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Refusal);
  const { kind, message } = error as Refusal;
  return `${kind}: ${message}`;
}

describe.each(formats)("%s", (format) => {
  const packed = (): Buffer => compress(format, body);

  test.each(["\n", "\r\n", "\0", "\0\0\0\0", "\n\0\0", " \t\n"])(
    "%j behind its end is passed over",
    async (padding) => {
      const bytes = Buffer.concat([packed(), Buffer.from(padding)]);
      expect((await read(format, bytes)).equals(body)).toBe(true);
      const twice = Buffer.concat([packed(), packed(), Buffer.from(padding)]);
      expect((await read(format, twice)).length).toBe(2 * body.length);
    },
  );

  test.each(["x", "xy", "and more", `a page\n`])("%j behind its end is told", async (more) => {
    const message = await refused(format, Buffer.concat([packed(), Buffer.from(more)]));
    expect(message).toMatch(/^integrity: the \S+ file is damaged: other data follows/);
  });

  test("much padding", async () => {
    const bytes = Buffer.concat([packed(), Buffer.alloc(3000)]);
    expect((await read(format, bytes)).equals(body)).toBe(true);
  });

  test.each([1, 2, 5, 9, 30, 1000])("%i bytes missing", async (missing) => {
    expect(await refused(format, packed().subarray(0, -missing))).toBe(
      `integrity: the ${format} file is truncated`,
    );
  });

  test.each([
    ["", "an empty file"],
    ["<!doctype html><html>", "a web page"],
    ["\n <HTML>", "a web page"],
    ['{"message": "Not Found"}', "JSON"],
    ["Not Found\n", "text"],
    ["\x7fELF\x02", "a Linux program"],
    ["PK\x03\x04", "a zip file"],
    ["version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, not the file itself"],
    ["7z\xbc\xaf\x27\x1c", "a 7z archive"],
  ])("%j instead", async (text, what) => {
    expect(await refused(format, Buffer.from(text, "latin1"))).toBe(
      `integrity: the file is not a ${format} file: it looks like ${what}`,
    );
  });

  test("another format of them", async () => {
    const other = format === "tar.gz" ? "tar.xz" : "tar.gz";
    const what = format === "tar.gz" ? "an xz file" : "a gzip file";
    expect(await refused(format, compress(other, body))).toMatch(`it looks like ${what}`);
  });
});

test("a wrong checksum of gzip", async () => {
  const bytes = compress("gz", body);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 6) ^ 1, bytes.length - 6);
  expect(await refused("gz", bytes)).toBe(
    "integrity: the gz file is damaged: incorrect data check",
  );
});

describe("windows and dictionaries", () => {
  const xz = (dictionary: string): Buffer =>
    run("xz", ["-c", `--lzma2=preset=0,dict=${dictionary}`], body);
  const zstd = (log: number): Buffer =>
    run("zstd", ["-c", "-q", "--ultra", `--long=${log}`], Buffer.concat([body, body]));

  test("those of xz -9 and of zstd --long are taken", async () => {
    expect((await read("tar.xz", xz("64MiB"))).equals(body)).toBe(true);
    // 28 is taken where a gigabyte is free.
    for (const log of availableMemory() > 2 ** 30 ? [27, 28] : [27]) {
      expect((await read("tar.zst", zstd(log))).length).toBe(2 * body.length);
    }
  });

  test("a larger one is no damage", async () => {
    expect(await refused("tar.zst", zstd(30))).toMatch(/^unmet: .* a window of more than \d+ MiB$/);
    expect(await refused("tar.xz", xz("128MiB"))).toMatch(
      /^unmet: the tar\.xz file cannot be unpacked here: it needs a dictionary of more than 64 MiB/,
    );
  });

  test("a check and a filter that are not known are no damage", async () => {
    for (const args of [["--check=sha256"], ["--x86", "--lzma2"]]) {
      const bytes = run("xz", ["-c", ...args], body);
      expect(await refused("tar.xz", bytes)).toMatch(/^unmet: .* a filter or a check that/);
    }
  });

  test("frames to be skipped are skipped", async () => {
    const skipped = Buffer.from("\x50\x2a\x4d\x18\x04\0\0\0more", "latin1");
    const bytes = Buffer.concat([skipped, compress("tar.zst", body), skipped]);
    expect((await read("tar.zst", bytes)).equals(body)).toBe(true);
  });
});

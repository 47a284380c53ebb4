import { closeSync, openSync, readSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { type ReadAt, readElf } from "../../src/core/elf.ts";

const descriptor = openSync(process.execPath, "r");
afterAll(() => closeSync(descriptor));

const readNode: ReadAt = (offset, length) => {
  const bytes = Buffer.alloc(Math.min(length, 1 << 20));
  return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, offset));
};
const of =
  (bytes: Buffer): ReadAt =>
  (offset, length) =>
    bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length));

/** A library with these names: headers, one segment of everything, a dynamic table and its strings. */
function library(needed: readonly string[], soname: string): Buffer {
  const strings = Buffer.from(`\0${[soname, ...needed].join("\0")}\0`);
  const at = (name: string) => strings.indexOf(`\0${name}\0`) + 1;
  const tableAt = 64 + 2 * 56;
  const tags = [...needed.map((name) => [1, at(name)]), [14, at(soname)], [5, 0x1000], [0, 0]];
  const bytes = Buffer.alloc(tableAt + tags.length * 16 + strings.length);
  bytes.write("\x7fELF\x02\x01\x01", "latin1");
  bytes.writeUInt16LE(183, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(2, 56);
  const stringsAt = tableAt + tags.length * 16;
  const segments = [
    [1, stringsAt, 0x1000, strings.length],
    [2, tableAt, 0x9000, tags.length * 16],
  ];
  for (const [i, [type = 0, offset = 0, address = 0, size = 0]] of segments.entries()) {
    bytes.writeUInt32LE(type, 64 + i * 56);
    bytes.writeBigUInt64LE(BigInt(offset), 64 + i * 56 + 8);
    bytes.writeBigUInt64LE(BigInt(address), 64 + i * 56 + 16);
    bytes.writeBigUInt64LE(BigInt(size), 64 + i * 56 + 32);
  }
  for (const [i, [kind = 0, value = 0]] of tags.entries()) {
    bytes.writeBigUInt64LE(BigInt(kind), tableAt + i * 16);
    bytes.writeBigUInt64LE(BigInt(value), tableAt + i * 16 + 8);
  }
  strings.copy(bytes, stringsAt);
  return bytes;
}

test("a real program", () => {
  const elf = readElf(readNode);
  expect(elf?.interpreter).toMatch(/^\/lib.*\/ld-.*\.so\.\d$/);
  expect(elf?.needed).toContain("libc.so.6");
  expect(elf?.soname).toBeUndefined();
  expect([62, 183]).toContain(elf?.machine);
});

test("a library", () => {
  expect(readElf(of(library(["libc.so.6", "libm.so.6"], "libx.so.1")))).toEqual({
    machine: 183,
    soname: "libx.so.1",
    needed: ["libc.so.6", "libm.so.6"],
  });
});

describe("is not read:", () => {
  const good = library(["libc.so.6"], "libx.so.1");
  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(good);
    change(bytes);
    return bytes;
  };
  test.each<[string, Buffer]>([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("#!/bin/sh\n".repeat(20))],
    ["half a header", good.subarray(0, 40)],
    ["32 bits", changed((bytes) => bytes.writeUInt8(1, 4))],
    ["big-endian", changed((bytes) => bytes.writeUInt8(2, 5))],
    ["65,535 segments", changed((bytes) => bytes.writeUInt16LE(0xffff, 56))],
    ["segments of another size", changed((bytes) => bytes.writeUInt16LE(1, 54))],
    ["segments past the end", changed((bytes) => bytes.writeBigUInt64LE(2n ** 64n - 1n, 32))],
    ["strings nowhere", changed((bytes) => bytes.writeBigUInt64LE(0x77n, 64 + 16))],
    ["a name past the end", changed((bytes) => bytes.writeBigUInt64LE(2n ** 63n, 64 + 2 * 56 + 8))],
  ])("%s", (_what, bytes) => {
    expect(readElf(of(bytes))).toBeUndefined();
  });

  test("every cut and every byte of 0xff ends", () => {
    for (let at = 0; at < good.length; at += 1) {
      expect(() => readElf(of(good.subarray(0, at)))).not.toThrow();
      expect(() => readElf(of(changed((bytes) => bytes.writeUInt8(0xff, at))))).not.toThrow();
    }
  });
});

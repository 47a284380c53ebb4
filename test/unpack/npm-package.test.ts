/** Packages' tarballs with what no release has: compared with what npm's own tar makes of them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { x } from "tar";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { extract, limitsFor } from "../../src/unpack/extract.ts";
import type { Limits } from "../../src/unpack/tree-state.ts";
import { gnuLong, pax, type TarFields, tarBytes, tarEnd, tarEntry } from "../support/tar-bytes.ts";
import { snapshotOf } from "../support/workplace.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "npm-package-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const plain = tarEntry({ name: "package/package.json", body: "{}" });
const entry = (name: string, more: TarFields = {}): Buffer =>
  tarEntry({ name, body: more.linkname || /[^07]/.test(more.type ?? "0") ? "" : name, ...more });
const linkTo = (name: string, linkname: string, type = "2") => entry(name, { type, linkname });

async function ours(bytes: Buffer, more: { without?: string[]; limits?: Limits } = {}) {
  const into = join(dir, "ours");
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into);
  const file = join(dir, "file.tgz");
  writeFileSync(file, bytes);
  const limits = limitsFor(bytes.length);
  await extract({ file, format: "npm", into, strip: 1, limits, ...more });
  return snapshotOf(into);
}

/** npm's options; modes as we set them. */
async function npms(bytes: Buffer) {
  const cwd = join(dir, "npm");
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd);
  const file = join(dir, "npm.tgz");
  writeFileSync(file, bytes);
  const filter = (_: string, read: object): boolean => {
    if ("type" in read && /Link$/.test(String(read.type))) return false;
    if ("mode" in read) read.mode = Number(read.mode) & 0o111 ? 0o755 : 0o644;
    if ("type" in read && /Dir/.test(String(read.type)) && "mode" in read) read.mode = 0o755;
    return true;
  };
  await x({ file, cwd, strip: 1, filter, preserveOwner: false, noMtime: true, umask: 0o022 });
  return snapshotOf(cwd);
}

const long = `package/${"d".repeat(120)}/file`;
const tarballs: Readonly<Record<string, readonly Buffer[]>> = {
  "a link to the system": [plain, linkTo("package/l", "/usr/lib/x")],
  "a link out of the package": [plain, linkTo("package/test/l", "../../../x")],
  "a link, and a file below it": [linkTo("package/l", "/tmp"), plain, entry("package/l/evil")],
  "a link and a file of one name": [linkTo("package/a", "b"), plain, entry("package/a")],
  "a file and a link of one name": [entry("package/a"), plain, linkTo("package/a", "b")],
  "a hard link to a file": [plain, linkTo("package/l", "package/package.json", "1")],
  "a hard link to nothing": [plain, linkTo("package/l", "package/none", "1")],
  "devices and a pipe": [
    plain,
    ...["3", "4", "6"].map((type) => entry(`package/${type}`, { type })),
  ],
  "entries of unknown types": [
    plain,
    ...["Z", "V", "M"].map((type) => entry("package/z", { type })),
  ],
  "a contiguous file": [plain, entry("package/c", { type: "7" })],
  "modes that are odd": [
    plain,
    ...[0, 0o111, 0o4755, 0o2644, 0o600, 0o7777].map((mode) => entry(`package/${mode}`, { mode })),
  ],
  "directories that nobody may enter": [
    tarEntry({ name: "package/", type: "5", mode: 0o600 }),
    tarEntry({ name: "package/lib/", type: "5", mode: 0 }),
    plain,
    entry("package/lib/index.js"),
  ],
  "another first component": [entry("left-pad-1.0.0/index.js"), entry("other/b.js")],
  "a file beside the package": [plain, entry("pax_global_header"), entry("index.js")],
  "absolute paths": [plain, entry("/etc/passwd"), entry("//root/x")],
  "paths that lead out": [
    plain,
    entry("../a"),
    entry("../../b"),
    entry("package/../c"),
    entry("package/x/../../d"),
    entry("package/x/.."),
    entry("package/x\\..\\e"),
  ],
  "components that say nothing": [plain, entry("package//a//b"), entry("package/./c/./d")],
  "one file twice": [plain, entry("package/a", { body: "old" }), entry("package/a")],
  "a file below a file": [plain, entry("package/a"), entry("package/a/b")],
  "a file in the place of a directory": [plain, entry("package/a/b"), entry("package/a")],
  "headers for all that follow": [pax({ comment: "abc", path: "no" }, "g"), plain],
  "a pax path": [pax({ path: "package/pax.js", mtime: "1" }), entry("short"), plain],
  "a GNU path": [gnuLong("L", long), entry("short"), plain],
  "names of other languages": [plain, entry("package/größe/ファイル.js")],
  "a name that is too long": [pax({ path: `package/${"n".repeat(256)}` }), entry("short"), plain],
  "a header with a wrong sum": [plain, entry("package/a", { sum: 1 }), entry("package/b")],
  "a file with a link's target": [plain, entry("package/a", { linkname: "b", body: "" })],
  "a directory with a file's type": [plain, entry("package/dir/", { type: "0", body: "" })],
  "a bundled package": [plain, entry("package/node_modules/in/index.js")],
};

describe("is unpacked as npm unpacks it", () => {
  test.each(Object.entries(tarballs))("%s", async (_, parts) => {
    const bytes = gzipSync(tarBytes(...parts));
    const made = await ours(bytes);
    expect(made).toEqual(await npms(bytes));
    expect(Object.values(made).filter((what) => !/^(file|directory) /.test(what))).toEqual([]);
    expect(Object.keys(made).length).toBeGreaterThan(1);
  });

  const tar = tarBytes(plain, entry("package/bin/zog", { mode: 0o755 }));
  test.each([
    ["not compressed", tar],
    ["zstd", zstdCompressSync(tar)],
    [
      "several gzip members",
      Buffer.concat([gzipSync(tar.subarray(0, 512)), gzipSync(tar.subarray(512))]),
    ],
    ["without an end", gzipSync(tar.subarray(0, -tarEnd.length))],
    ["one block of zeros at its end", gzipSync(tar.subarray(0, -512))],
    ["with something behind its end", gzipSync(Buffer.concat([tar, Buffer.alloc(2048, "x")]))],
  ])("%s", async (_, bytes) => {
    const made = await ours(bytes);
    expect(made).toMatchObject({ "bin/zog": expect.stringMatching(/^file 755 /) });
    expect(made).toEqual(await npms(bytes));
  });
});

describe("differs where npm's way would be of no use", () => {
  test("names that would spoil a terminal or are no text are left out", async () => {
    const odd = [entry("package/Icon\r"), entry("package/\u001b[2J"), entry(`package/\udcff`)];
    const bad = tarEntry({ name: Buffer.from("package/\xff", "latin1"), body: "" });
    expect(Object.keys(await ours(tarBytes(plain, ...odd, bad)))).toEqual([".", "package.json"]);
  });

  test("a ./ before the package is none of its components", async () => {
    const bytes = tarBytes(entry("./package/index.js"));
    expect(await ours(bytes)).toHaveProperty("index.js");
  });

  test("what other packages fill is left to them", async () => {
    const bytes = tarBytes(
      plain,
      entry("package/node_modules/a/x"),
      entry("package/node_modules/ab"),
    );
    const made = await ours(bytes, { without: ["node_modules/a"] });
    expect(Object.keys(made)).toEqual([".", "node_modules", "node_modules/ab", "package.json"]);
  });
});

describe("refused", () => {
  test.each([
    ["nothing", Buffer.alloc(0), /is not a tar file/],
    ["text", Buffer.from("no such package"), /no readable entry/],
    ["a page", Buffer.from(`<!DOCTYPE html>${" ".repeat(600)}`), /no readable entry/],
    ["a tarball in a tarball", gzipSync(gzipSync(tarBytes(plain))), /looks like a gzip file/],
    ["one that is cut", gzipSync(tarBytes(plain)).subarray(0, 60), /truncated|unexpected end/],
    [
      "a tar that is cut",
      tarBytes(entry("package/a", { body: "x".repeat(900) })).subarray(0, 1000),
      /truncated/,
    ],
  ])("%s", async (_, bytes, message) => {
    await expect(ours(bytes)).rejects.toMatchObject({
      kind: "integrity",
      message: expect.stringMatching(message),
    });
  });

  test("one that unpacks to more than a release does", async () => {
    const names = Array.from({ length: 101 }, (_, i) => entry(`package/${i}`, { body: "" }));
    const limits = { ...limitsFor(1000), entries: 100 };
    expect(Object.keys(await ours(tarBytes(...names.slice(1)), { limits }))).toHaveLength(101);
    await expect(ours(tarBytes(...names), { limits })).rejects.toThrow(/exceeds the limit/);
  });

  test("nothing is written through a link that lay there before", async () => {
    const file = join(dir, "file.tgz");
    const into = join(dir, "into");
    mkdirSync(join(dir, "victim"));
    mkdirSync(into);
    symlinkSync(join(dir, "victim"), join(into, "lib"));
    writeFileSync(file, tarBytes(plain, entry("package/lib/evil")));
    const limits = limitsFor(1000);
    await expect(extract({ file, format: "npm", into, strip: 1, limits })).rejects.toThrow();
    expect(snapshotOf(join(dir, "victim"))).toEqual({ ".": expect.any(String) });
    expect(readFileSync(file).length).toBeGreaterThan(0);
  });
});

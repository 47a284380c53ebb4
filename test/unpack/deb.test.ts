import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { readAr } from "../../src/unpack/ar.ts";
import { isKept, unpackDeb } from "../../src/unpack/deb.ts";
import { treeWriter } from "../../src/unpack/tree.ts";
import { compress, link, program } from "../support/archives.ts";
import { arBytes, control, debAround, debOf } from "../support/deb-bytes.ts";
import { tarBytes, tarEntry } from "../support/tar-bytes.ts";
import { snapshotOf } from "../support/workplace.ts";

let dir: string;
let tree: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "deb-"));
  tree = join(dir, "tree");
  mkdirSync(tree);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const limits = { bytes: 1_000_000, entries: 100 };

function fileOf(bytes: Buffer): string {
  const file = join(dir, "x.deb");
  writeFileSync(file, bytes);
  return file;
}

/** Unpacks packages into one tree, as a closure is; gives what was thrown. */
async function unpack(...packages: Buffer[]): Promise<unknown> {
  const writer = treeWriter(tree, 0, limits);
  try {
    for (const bytes of packages) await unpackDeb(fileOf(bytes), writer);
    writer.finish();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    writer.close();
  }
}

async function expectRefused(message: RegExp, ...packages: Buffer[]): Promise<void> {
  const error = await unpack(...packages);
  const kind = /not supported/.test(String(message)) ? "unmet" : "integrity";
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ kind, message: expect.stringMatching(message) });
}

test("files, modes and links of several packages", async () => {
  const first = debOf({
    "./usr/bin/x": program("1"),
    "./usr/lib/libx.so.1": link("libx.so.1.0"),
    "./lib64/ld.so": link("/usr/lib/ld.so"),
    "./etc/alternatives/x": link("/usr/bin/x"),
  });
  const second = debOf({ "./usr/lib/libx.so.1.0": "library", "./usr/lib/ld.so": "loader" });
  expect(await unpack(first, second)).toBeUndefined();
  expect(lstatSync(join(tree, "usr/bin/x")).mode & 0o7777).toBe(0o755);
  expect(readlinkSync(join(tree, "lib64/ld.so"))).toBe("../usr/lib/ld.so");
  expect(readlinkSync(join(tree, "etc/alternatives/x"))).toBe("../../usr/bin/x");
  expect(readFileSync(join(tree, "usr/lib/libx.so.1"), "utf8")).toBe("library");
});

test("a package that is signed, and one that is packed with bzip2", async () => {
  const tar = tarBytes(tarEntry({ name: "./a", body: "a" }));
  const signed = arBytes([
    ["debian-binary", "2.0\n"],
    ["control.tar.gz", control],
    ["data.tar.gz", gzipSync(tar)],
    ["_gpgorigin", "a signature"],
  ]);
  expect(await unpack(signed)).toBeUndefined();
  expect(readFileSync(join(tree, "a"), "utf8")).toBe("a");
  const other = tarBytes(tarEntry({ name: "./b", body: "b" }));
  expect(await unpack(debAround(compress("tar.bz2", other), "data.tar.bz2"))).toBeUndefined();
  expect(readFileSync(join(tree, "b"), "utf8")).toBe("b");
});

test("documentation is left out, licences are not", async () => {
  const paths = [
    "usr/share/doc/x/copyright",
    "usr/share/doc/x/changelog.gz",
    "usr/share/man/man1/x.1.gz",
    "usr/share/locale/de/LC_MESSAGES/x.mo",
    "etc/init.d/x",
    "usr/share/x/data",
  ];
  expect(
    await unpack(debOf(Object.fromEntries(paths.map((path) => [`./${path}`, path])))),
  ).toBeUndefined();
  const files = Object.keys(snapshotOf(tree)).filter((path) =>
    lstatSync(join(tree, path)).isFile(),
  );
  expect(files).toEqual(["usr/share/doc/x/copyright", "usr/share/x/data"]);
});

test.each([
  ["usr/share/doc/x/copyright", true],
  ["usr/share/doc/x/examples/copyright", false],
  ["usr/share/doc/x", true],
  ["usr/share/manual/x", true],
  ["usr/share/man", false],
  ["usr/share/perl/5.36/pod/perl.pod", false],
  ["usr/share/perl/5.36/strict.pm", true],
  ["usr/lib/locale/C.utf8/LC_CTYPE", true],
  ["var/lib/x", false],
  ["variable", true],
])("%s is kept: %s", (path, kept) => {
  expect(isKept(path)).toBe(kept);
});

describe("what is no package is refused:", () => {
  const version = ["debian-binary", "2.0\n"] as const;
  const meta = ["control.tar.gz", control] as const;
  const data = ["data.tar.gz", gzipSync(tarBytes(tarEntry({ name: "./a", body: "a" })))] as const;
  const cases: [what: string, message: RegExp, bytes: Buffer][] = [
    ["nothing", /not a Debian package: it looks like an empty file/, Buffer.alloc(0)],
    [
      "a tar",
      /not a Debian package: it looks like a tar/,
      tarBytes(tarEntry({ name: "a", body: "a" })),
    ],
    ["a thin archive", /not a Debian package/, Buffer.from("!<thin>\n")],
    ["no member", /does not begin like a package/, arBytes([])],
    ["another order", /does not begin like a package/, arBytes([meta, version, data])],
    ["another version", /not have format 2\.0/, arBytes([["debian-binary", "3.0\n"], meta, data])],
    ["a long version", /does not begin/, arBytes([["debian-binary", "2.0\n\n"], meta, data])],
    ["no control", /no control/, arBytes([version, data, meta])],
    ["no data", /nothing instead/, arBytes([version, meta])],
    [
      "lzma data",
      /data\.tar\.lzma, which is not supported/,
      arBytes([version, meta, ["data.tar.lzma", "x"]]),
    ],
    ["two data", /followed by other data/, arBytes([version, meta, data, data])],
    ["a negative size", /invalid size/, arBytes([version, meta, ["data.tar.gz", "x", "-1"]])],
    ["a hexadecimal size", /invalid size/, arBytes([version, meta, ["data.tar.gz", "x", "0x10"]])],
    [
      "a size past the end",
      /past its end/,
      arBytes([version, meta, ["data.tar.gz", "x", "9999999999"]]),
    ],
    ["a path as a name", /no plain name/, arBytes([version, meta, ["../data.tar", "x"]])],
    ["a cut header", /truncated/, Buffer.concat([arBytes([version, meta]), Buffer.from("data")])],
    ["a cut member", /past its end/, debAround(Buffer.alloc(100)).subarray(0, -50)],
    [
      "a damaged header",
      /header is damaged/,
      Buffer.from(arBytes([version]).toString("latin1").replace("`", "x"), "latin1"),
    ],
    ["many members", /too many members/, arBytes(Array.from({ length: 9 }, () => version))],
    [
      "data that is no gzip",
      /not a tar\.gz file: it looks like text/,
      debAround(Buffer.from("garbage")),
    ],
    [
      "data with a tail",
      /tar\.gz file is damaged: other data follows/,
      debAround(Buffer.concat([data[1], Buffer.from("x")])),
    ],
  ];
  test.each(cases)("%s", async (_what, message, bytes) => {
    await expectRefused(message, bytes);
  });

  test("a byte between members", () => {
    const bytes = arBytes([
      ["a", "1"],
      ["b", "2"],
    ]);
    bytes[8 + 60 + 1] = 0x78;
    expect(() => readAr(fileOf(bytes))).toThrow(/a byte between members/);
  });
});

describe("hostile contents are refused:", () => {
  const around = (...entries: Buffer[]): Buffer => debAround(gzipSync(tarBytes(...entries)));
  const cases: [what: string, message: RegExp, packages: Buffer[]][] = [
    ["..", /leads out of the tree/, [debOf({ "./../x": "x" })]],
    [
      ".. where it would be left out",
      /leads out of the tree|has a name/,
      [debOf({ "./usr/../../x": "x" })],
    ],
    ["an absolute path", /absolute path/, [debOf({ "/etc/x": "x" })]],
    ["a link out of the tree", /links out of the tree/, [debOf({ "./a": link("../../x") })]],
    [
      "a write through another package's link",
      /through the link usr/,
      [debOf({ "./usr": link("/opt") }), debOf({ "./usr/x": "x" })],
    ],
    [
      "a file in place of another's link",
      /replace a link/,
      [debOf({ "./a": link("b") }), debOf({ "./a": "x" })],
    ],
    ["a name of ours", /reserved name/, [debOf({ "./usr/lib/openclaw-libs/libc.so.6": "x" })]],
    [
      "our directory as a link",
      /reserved name/,
      [debOf({ "./usr/lib/openclaw-programs": link("/bin") })],
    ],
    [
      "a device",
      /character device, which is not supported/,
      [around(tarEntry({ name: "./null", type: "3" }))],
    ],
    [
      "a pipe",
      /named pipe, which is not supported/,
      [around(tarEntry({ name: "./pipe", type: "6" }))],
    ],
    [
      "too much",
      /more than 1000000 bytes/,
      [
        debOf({ "./a": Buffer.alloc(600_000).toString() }),
        debOf({ "./b": Buffer.alloc(600_000).toString() }),
      ],
    ],
  ];
  test.each(cases)("%s", async (_what, message, packages) => {
    await expectRefused(message, ...packages);
    expect(
      Object.keys(snapshotOf(dir)).filter((path) => !/^(\.|x\.deb|tree(\/.*)?)$/.test(path)),
    ).toEqual([]);
  });
});

import { gzipSync } from "node:zlib";
import type { ArchiveFormat } from "../../src/core/recipe.ts";
import { compress, run } from "./archives.ts";
import { type Hostile, tarWith, tool } from "./hostile-entry.ts";
import { tarEntry } from "./tar-bytes.ts";
import { zipBytes } from "./zip-bytes.ts";

const packed = ["tar.gz", "tar.xz", "tar.bz2", "tar.zst"] as const;
const garbage = Buffer.from("and then something else follows, long enough to be noticed");
const plain = (): Buffer => tarWith(tarEntry({ name: "x", body: "x" }));
const tree = { x: "644 x" };

/** The same fault in every format that compresses a stream. */
function each(
  name: string,
  refused: RegExp | undefined,
  make: (format: (typeof packed)[number]) => Buffer,
  formats: readonly (typeof packed)[number][] = packed,
): Hostile[] {
  return formats.map((format) => ({
    name: `${format}: ${name}`,
    format,
    bytes: () => make(format),
    ...(refused === undefined ? { tree } : { refused }),
  }));
}

function halves(format: ArchiveFormat): Buffer {
  const bytes = plain();
  return Buffer.concat([
    compress(format, bytes.subarray(0, 700)),
    compress(format, bytes.subarray(700)),
  ]);
}

function flipped(bytes: Buffer): Buffer {
  const middle = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 0x10, middle);
  return bytes;
}

/** Bits of a bzip2 block with one symbol, whose run is so long that its length becomes negative. */
function endlessRun(): Buffer {
  const bits: string[] = [];
  const put = (value: number, count: number): void => {
    bits.push(value.toString(2).padStart(count, "0"));
  };
  for (const byte of Buffer.from("BZh9\x31\x41\x59\x26\x53\x59", "latin1")) put(byte, 8);
  put(0, 32); // checksum
  put(0, 25); // not randomised, origin 0
  put(0x8000, 16); // one range with
  put(0x8000, 16); // one symbol
  put(2, 3); // tables
  put(1, 15); // selectors
  put(0, 1);
  // Lengths 1, 2, 2 of "run", "run twice" and "end", in both tables.
  for (let table = 0; table < 2; table += 1) bits.push("00001", "0", "100", "0");
  bits.push("0".repeat(32), "11");
  const text = bits.join("");
  return Buffer.from(
    (text.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2)),
  );
}

/** Compressed streams that are broken, packed twice, or unpack to far more than they are. */
export const hostileStreams: readonly Hostile[] = [
  ...each("cut short", /./, (format) => compress(format, plain()).subarray(0, -5)),
  ...each("cut in the middle", /./, (format) => {
    const bytes = compress(format, plain());
    return bytes.subarray(0, bytes.length / 2);
  }),
  ...each("something behind its end", /./, (format) =>
    Buffer.concat([compress(format, plain()), garbage]),
  ),
  ...each("a flipped bit", /./, (format) => flipped(compress(format, plain()))),
  ...each("empty", /./, () => Buffer.alloc(0)),
  ...each("not compressed at all", /./, plain),
  ...each("compressed twice", /./, (format) => compress(format, compress(format, plain()))),
  ...each("gzip inside", /not an? tar\S* file: it looks like a gzip file/, (format) =>
    compress(format, gzipSync(plain())),
  ),
  ...each("a zip inside", /./, (format) =>
    compress(format, zipBytes([{ ...tool, mode: 0o100755 }])),
  ),
  ...each("in two streams", undefined, halves),
  ...each("zeros behind the tar's end, 20 MB", undefined, (format) =>
    compress(format, Buffer.concat([plain(), Buffer.alloc(20_000_000)])),
  ),
  {
    name: "tar.gz: zeros behind its end",
    format: "tar.gz",
    tree,
    bytes: () => Buffer.concat([gzipSync(plain()), Buffer.alloc(1000)]),
  },
  {
    name: "tar.bz2: an endless run",
    format: "tar.bz2",
    refused: /damaged/,
    bytes: endlessRun,
  },
  {
    name: "tar.xz: needs 1 GiB to unpack",
    format: "tar.xz",
    refused: /dictionary of more than/,
    bytes: () => run("xz", ["-c", "--lzma2=preset=0,dict=1GiB"], plain()),
  },
  {
    name: "tar.xz: a filter for programs",
    format: "tar.xz",
    refused: /filter/,
    bytes: () => run("xz", ["-c", "--x86", "--lzma2"], plain()),
  },
  {
    name: "tar.zst: needs 1 GiB to unpack",
    format: "tar.zst",
    refused: /window of more than/,
    bytes: () =>
      run(
        "zstd",
        ["-c", "-q", "--ultra", "--long=30"],
        Buffer.concat([plain(), Buffer.alloc(200_000_000)]),
      ),
  },
  {
    name: "tar: a tar in a tar stays one",
    format: "tar",
    tree: { "in.tar": `644 ${plain().toString("latin1")}` },
    bytes: () => tarWith(tarEntry({ name: "in.tar", body: plain() })),
  },
  {
    name: "zip: is a tar",
    format: "zip",
    refused: /not a zip file: it looks like a tar archive/,
    bytes: plain,
  },
  {
    name: "tar: is a zip",
    format: "tar",
    refused: /./,
    bytes: () => zipBytes([{ ...tool, mode: 0o100755 }]),
  },
  {
    name: "tar: a web page",
    format: "tar",
    refused: /./,
    bytes: () => Buffer.from("<!doctype html><html><body>not found</body></html>"),
  },
  {
    name: "gz: compressed twice is a program that is none",
    format: "gz",
    tree: {},
    bare: true,
    bytes: () => gzipSync(gzipSync(tool.body)),
  },
  { name: "tar: empty file", format: "tar", refused: /./, bytes: () => Buffer.alloc(0) },
  { name: "zip: empty file", format: "zip", refused: /./, bytes: () => Buffer.alloc(0) },
];

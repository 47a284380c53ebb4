import { gzipSync } from "node:zlib";
import { type Hostile, tarWith, tool } from "./hostile-entry.ts";
import { base256, gnuLong, octal, pax, tarBytes, tarEntry } from "./tar-bytes.ts";

const long = (length: number): string => "long/".repeat(length / 5);
const x = { name: "x", body: "x" };

function refused(name: string, why: RegExp, bytes: () => Buffer): Hostile {
  return { name: `tar: ${name}`, format: "tar", refused: why, bytes };
}

function unpacked(
  name: string,
  tree: Readonly<Record<string, string>>,
  bytes: () => Buffer,
): Hostile {
  return { name: `tar: ${name}`, format: "tar", tree, bytes };
}

function many(count: number, entry: (i: number) => Buffer): Buffer {
  return tarWith(Buffer.concat(Array.from({ length: count }, (_, i) => entry(i))));
}

/** Tars whose numbers, names and ends are not what they should be, and some that merely look so. */
export const oddTars: readonly Hostile[] = [
  refused("a negative size", /invalid size|checksum/, () =>
    tarWith(tarEntry({ ...x, size: base256(-512n) })),
  ),
  refused("a huge size", /truncated/, () =>
    tarWith(tarEntry({ ...x, size: octal("77777777777") })),
  ),
  refused("a huge size in base 256", /truncated/, () =>
    tarWith(tarEntry({ ...x, size: base256(1n << 50n) })),
  ),
  refused("a size beyond all numbers", /./, () =>
    tarWith(tarEntry({ ...x, size: base256(1n << 87n) })),
  ),
  refused("an endless size by pax", /invalid size/, () =>
    tarWith(pax({ size: "Infinity" }), tarEntry(x)),
  ),
  refused("a larger size by pax", /truncated/, () => tarWith(pax({ size: "99999" }), tarEntry(x))),
  refused("a smaller size by pax", /checksum/, () =>
    tarWith(pax({ size: "1" }), tarEntry({ name: "x", body: Buffer.alloc(2000, "y") })),
  ),
  unpacked("sizes of all files by a global pax header", { x: "644 x", y: "644 x" }, () =>
    tarWith(pax({ size: "700" }, "g"), tarEntry(x), tarEntry({ ...x, name: "y" })),
  ),
  refused("a wrong checksum", /checksum/, () => tarWith(tarEntry({ ...x, sum: 1 }))),
  refused("the rest of a file of another volume", /another volume/, () =>
    tarWith(tarEntry({ ...x, type: "M" })),
  ),
  refused("a pax header of 2 MB", /extended header of/, () =>
    tarWith(pax({ path: "x".repeat(2_000_000) }), tarEntry(x)),
  ),
  refused("a path of 600 kB by pax", /too long a path/, () =>
    tarWith(pax({ path: long(600_000) }), tarEntry(x)),
  ),
  refused("a path of 6 kB by a GNU long name", /too long a path/, () =>
    tarWith(gnuLong("L", long(6000)), tarEntry(x)),
  ),
  refused("a name of 300 bytes", /ENAMETOOLONG/, () =>
    tarWith(pax({ path: "n".repeat(300) }), tarEntry(x)),
  ),
  refused("a link target of 600 kB", /too long a target/, () =>
    tarWith(pax({ linkpath: long(600_000) }), tarEntry({ name: "l", type: "2", linkname: "x" })),
  ),
  unpacked("names with a line feed or an escape sequence are left out", { "a b": "644 y" }, () =>
    tarWith(
      tarEntry({ name: "a\nb", body: "x" }),
      tarEntry({ name: "a\u001b]0;evil\u0007/b", body: "x" }),
      tarEntry({ name: "Icon\r", body: "" }),
      tarEntry({ name: "d\n/", type: "5" }),
      tarEntry({ name: "h", type: "1", linkname: "Icon\r" }),
      tarEntry({ name: "a b", body: "y" }),
    ),
  ),
  unpacked("names that are not UTF-8", { "sm\u00f8rbr\u00f8d": "644 x", l: "-> caf\u00e9" }, () =>
    tarWith(
      tarEntry({ name: Buffer.from("sm\u00f8rbr\u00f8d", "latin1"), body: "x" }),
      pax({ comment: "x" }),
      tarEntry({ name: "l", type: "2", linkname: Buffer.from("caf\u00e9", "latin1") }),
    ),
  ),
  refused("no name", /has no name/, () => tarWith(tarEntry({ name: "", body: "x" }))),
  refused("a link called .", /no name/, () =>
    tarWith(tarEntry({ name: ".", type: "2", linkname: "bin" })),
  ),
  refused("a file with a slash behind its name", /checksum/, () =>
    tarWith(tarEntry({ name: "f/", body: "x" })),
  ),
  unpacked("a file with a link's target", { x: "644 x" }, () =>
    tarWith(tarEntry({ ...x, linkname: "/etc/passwd" })),
  ),
  unpacked("cut within its end", {}, () => tarWith().subarray(0, 1124)),
  unpacked("cut within the padding of its last file", { x: "644 x" }, () =>
    tarWith(tarEntry(x)).subarray(0, 1024 + 513),
  ),
  refused("cut within a header", /truncated/, () => tarWith(tarEntry(x)).subarray(0, 1124)),
  refused("cut behind a pax header", /truncated/, () =>
    tarWith(pax({ path: "y" })).subarray(0, -1024),
  ),
  refused("cut behind a long name", /truncated/, () =>
    tarWith(gnuLong("L", "y")).subarray(0, -1024),
  ),
  refused("a pax header for no entry", /truncated/, () => tarWith(pax({ path: "y" }))),
  refused("cut within a file", /truncated/, () =>
    tarWith(tarEntry({ name: "x", body: Buffer.alloc(4096) })).subarray(0, 3072),
  ),
  refused("another compressed file", /looks like a gzip file/, () =>
    Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]),
  ),
  {
    name: "tar.gz: 52,000 entries",
    format: "tar.gz",
    refused: /exceeds the limit/,
    bytes: () => gzipSync(many(52_000, (i) => tarEntry({ name: `d${i % 1000}/${i}`, type: "5" }))),
  },
  refused("a path of 2,000 directories", /too deep/, () =>
    tarWith(gnuLong("L", `${"a/".repeat(2000)}a`), tarEntry(x)),
  ),
  {
    name: "tar.gz: directories that only a path names",
    format: "tar.gz",
    refused: /exceeds the limit/,
    bytes: () =>
      gzipSync(
        many(400, (i) => Buffer.concat([gnuLong("L", `${i}/${"a/".repeat(190)}a`), tarEntry(x)])),
      ),
  },
  unpacked("names that differ by case", { readme: "644 x", README: "644 y" }, () =>
    tarWith(tarEntry({ name: "readme", body: "x" }), tarEntry({ name: "README", body: "y" })),
  ),
  unpacked("names of the whole tree", {}, () =>
    tarWith(tarEntry({ name: ".", type: "5" }), tarEntry({ name: "./", type: "5" })),
  ),
  unpacked("slashes and dots without end", { a: "directory", "a/b": "644 x" }, () =>
    tarWith(tarEntry({ name: "././/a//./b", body: "x" })),
  ),
  unpacked("names that a shell would run", { "$(touch evil)": "644 x", "-rf *": "644 x" }, () =>
    tarWith(tarEntry({ name: "$(touch evil)", body: "x" }), tarEntry({ name: "-rf *", body: "x" })),
  ),
  unpacked("names that JavaScript knows", { constructor: "644 x", toString: "644 y" }, () =>
    tarWith(
      tarEntry({ name: "constructor", body: "x" }),
      tarEntry({ name: "toString", body: "y" }),
    ),
  ),
  unpacked("a name that is no key", JSON.parse('{ "__proto__": "644 x" }'), () =>
    tarWith(tarEntry({ name: "__proto__", body: "x" })),
  ),
  unpacked("a long name by pax", { ["n".repeat(200)]: "644 x" }, () =>
    tarWith(pax({ path: "n".repeat(200) }), tarEntry(x)),
  ),
  unpacked("a file that pax calls a link", { x: "644 x" }, () =>
    tarWith(pax({ type: "SymbolicLink", linkpath: "/etc/passwd" }), tarEntry(x)),
  ),
  unpacked("no end", {}, () => tarEntry(tool)),
  unpacked("something behind its end", {}, () =>
    Buffer.concat([tarBytes(tarEntry(tool)), tarEntry(x), Buffer.alloc(700_000, "z")]),
  ),
  unpacked("a comment for all", {}, () =>
    tarBytes(pax({ comment: "of a commit" }, "g"), tarEntry(tool)),
  ),
  {
    name: "tar: nothing but its end",
    format: "tar",
    tree: {},
    bare: true,
    bytes: () => tarBytes(),
  },
];

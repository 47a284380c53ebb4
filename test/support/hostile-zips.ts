import { evil, evilPath, type Hostile } from "./hostile-entry.ts";
import { program, refused, unpacked, up, windowsZips, x } from "./windows-zips.ts";
import { type ZipFields, zip64End, zip64Extra, zipBytes } from "./zip-bytes.ts";

const file = (name: string, body = "x"): ZipFields => ({ name, body });
const link = (name: string, body: string): ZipFields => ({ name, body, mode: 0o120777 });
const nothing64 = { count: 1n, length: 54n, start: 0n, at: 0n };
const inner = (): Buffer => zipBytes([program, file("inner")]);

/** The offset of the program's local header is 0, so that these share its bytes. */
const overlapping = Array.from({ length: 200 }, (_, i) => ({
  ...program,
  name: `bin/t${String(i).padStart(3, "0")}`,
  claims: { offset: 0 },
}));

export const hostileZips: readonly Hostile[] = [
  refused("..", /leads out of the tree/, [file(`${up}${evil}`)]),
  refused(".. in the middle", /leads out of the tree/, [file(`a/../../${evil}`)]),
  refused(".. as a directory", /leads out of the tree/, [{ name: "../d/", mode: 0o40755 }]),
  refused("absolute", /absolute path/, [file(evilPath)]),
  refused("backslashes", /leads out of the tree/, [file(`..\\..\\${evil}`)]),
  refused("a drive", /drive/, [file(`C:/${evil}`)]),
  refused("a share", /absolute path/, [file(`\\\\host\\share\\${evil}`)]),
  refused("a NUL in a name", /leads out/, [file(`x\0/../../${evil}`)]),
  unpacked("a line feed in a name", {}, [file("a\nb")]),
  refused("no name", /no name/, [file("")]),
  refused("a name of 5,000 bytes", /too long a path/, [file("n/".repeat(2500).concat("n"))]),
  refused("a link out", /links out of the tree/, [link("l", "../../x")]),
  unpacked("an absolute link is left out", {}, [link("l", "/etc/passwd")]),
  refused("a file through an absolute link", /through the link/, [
    link("l", "/tmp"),
    file(`l/${evil}`),
  ]),
  refused("a link without a target", /link to nothing/, [link("l", "")]),
  refused("a link with a target of 5 kB", /too long a target/, [link("l", "x".repeat(5000))]),
  refused("a file through a link", /through the link/, [link("l", "bin"), file("l/x")]),
  refused("a file over a link", /replace a link/, [link("l", "bin/tool"), file("l")]),
  refused("a fifo", /device/, [{ name: "p", mode: 0o010644 }]),
  refused("a device", /device/, [{ name: "d", mode: 0o020644 }]),
  refused("a socket", /device/, [{ name: "s", mode: 0o140644 }]),
  refused("a directory with content", /content/, [file("d/", "content")]),
  refused("encrypted", /encrypted/, [{ ...x, flags: 1 }]),
  refused("a method of its own", /bzip2 \(method 12\)/, [{ ...x, method: 12 }]),
  refused("two methods", /another compression method/, [{ ...x, localMethod: 0 }]),
  refused("two names", /another name/, [{ ...x, name: "good", localName: "evil" }]),
  refused("a wrong checksum", /checksum/, [{ ...x, claims: { crc: 1 } }]),
  refused("more than it claims", /size/, [{ ...file("x", "abcdef"), claims: { size: 3 } }]),
  refused("less than it claims", /size/, [
    { ...file("x", "abc"), claims: { size: 4_000_000_000 } },
  ]),
  refused("packed beyond the file", /damaged: file data overflows/, [
    { ...x, claims: { packed: 99_999 } },
  ]),
  refused("packed into the directory", /past the end/, [{ ...x, claims: { packed: 60 } }]),
  refused("an offset beyond the file", /truncated/, [{ ...x, claims: { offset: 1_000_000 } }]),
  refused("an offset that is no header", /overlaps|damaged/, [{ ...x, claims: { offset: 7 } }]),
  refused("two hundred entries of the same bytes", /overlaps|another name/, overlapping),
  refused("a number beyond all numbers", /not have its stated size/, [
    { ...x, claims: { size: 0xffffffff }, extra: zip64Extra(1n << 60n) },
  ]),
  refused("an extra field that ends too early", /damaged/, [
    { ...x, claims: { size: 0xffffffff, packed: 0xffffffff }, extra: zip64Extra(1n) },
  ]),
  refused("more entries than it has", /damaged|impossible/, [x], { claims: { count: 3 } }),
  refused("fewer entries than it has", /more entries than it states/, [x], {
    claims: { count: 1 },
  }),
  refused("a directory larger than the file", /not before its end/, [x], {
    claims: { length: 1e9 },
  }),
  refused("a directory elsewhere", /damaged/, [x], { claims: { start: 3 } }),
  refused("one of several disks", /multi-part/, [x], { claims: { disk: 1 } }),
  refused("a second end in its comment", /not before its end|damaged/, [x], {
    comment: zipBytes([file(evil)]).subarray(-22),
  }),
  refused("zip64 with four thousand million entries", /the limit is/, [], {
    claims: { count: 0xffff },
    before: (start, length) =>
      zip64End({
        count: 0xffffffffn,
        length: BigInt(length),
        start: BigInt(start),
        at: BigInt(start + length),
      }),
  }),
  refused("zip64 with a directory of an exabyte", /too large|impossible|before/, [], {
    claims: { count: 0xffff },
    before: (start, length) =>
      zip64End({ ...nothing64, length: 1n << 60n, at: BigInt(start + length) }),
  }),
  refused("zip64 whose end lies elsewhere", /not before its end/, [], {
    claims: { count: 0xffff },
    before: () => zip64End({ ...nothing64, at: 1n << 40n }),
  }),
  unpacked("zip64", { x: "644 x" }, [x], {
    claims: { count: 0xffff, length: 0xffffffff, start: 0xffffffff },
    before: (start, length) =>
      zip64End({
        count: 2n,
        length: BigInt(length),
        start: BigInt(start),
        at: BigInt(start + length),
      }),
  }),
  unpacked("sizes of 64 bits", { x: "644 x" }, [
    {
      ...x,
      method: 0,
      claims: { size: 0xffffffff, packed: 0xffffffff },
      extra: zip64Extra(1n, 1n),
    },
  ]),
  unpacked("special bits are dropped", { suid: "755 x", open: "644 x", d: "directory" }, [
    { ...file("suid"), mode: 0o106777 },
    { ...file("open"), mode: 0o101666 },
    { name: "d/", mode: 0o41777 },
  ]),
  unpacked("something between contents and directory", { x: "644 x" }, [x], {
    gap: Buffer.from("a gap"),
  }),
  unpacked("a zip in a zip stays one", { "in.zip": `644 ${inner().toString("latin1")}` }, [
    { name: "in.zip", body: inner(), method: 0 },
  ]),
  unpacked("a link inside", { l: "-> bin/tool" }, [link("l", "bin/tool")]),
  ...windowsZips,
  { name: "zip: empty", format: "zip", tree: {}, bare: true, bytes: () => zipBytes([]) },
];

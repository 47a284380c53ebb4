import { evil, type Hostile, tool } from "./hostile-entry.ts";
import { unicodePath, type ZipFields, type ZipFrame, zip64End, zipBytes } from "./zip-bytes.ts";

export const up = "../".repeat(12);
export const program: ZipFields = { ...tool, mode: 0o100755 };
export const x: ZipFields = { name: "x", body: "x" };

export function refused(
  name: string,
  why: RegExp,
  entries: ZipFields[],
  frame?: ZipFrame,
): Hostile {
  const bytes = (): Buffer => zipBytes([program, ...entries], frame);
  return { name: `zip: ${name}`, format: "zip", refused: why, bytes };
}

export function unpacked(
  name: string,
  tree: Readonly<Record<string, string>>,
  entries: ZipFields[],
  frame?: ZipFrame,
): Hostile {
  const bytes = (): Buffer => zipBytes([program, ...entries], frame);
  return { name: `zip: ${name}`, format: "zip", tree, bytes };
}

const stub = Buffer.from('#!/bin/sh\nexec unzip "$0"\n');
const signature = Buffer.from("a signature of a few hundred bytes ".repeat(20));
const old = Buffer.from("share/\x81.txt", "latin1");
const dos = { host: 0, mode: 0 } as const;
const end64 =
  (shift: number) =>
  (start: number, length: number): Buffer =>
    zip64End({
      count: 2n,
      length: BigInt(length),
      start: BigInt(start),
      at: BigInt(start + length + shift),
    });
const claims64 = { count: 0xffff, length: 0xffffffff, start: 0xffffffff };

/** Zips of Windows' and older tools, and with something around them; none is an attack. */
export const windowsZips: readonly Hostile[] = [
  unpacked("backslashes of Compress-Archive", { d: "directory", "d/x": "644 x" }, [
    { ...dos, name: "d\\x", body: "x" },
  ]),
  unpacked("a directory with a backslash at its end", { d: "directory" }, [
    { ...dos, name: "d\\" },
  ]),
  unpacked("a directory by its attributes", { d: "directory" }, [{ ...dos, name: "d", dos: 0x10 }]),
  unpacked("a name of code page 437", { share: "directory", "share/\u00fc.txt": "644 x" }, [
    { ...dos, name: old, body: "x" },
  ]),
  unpacked("the same with its Unicode path", { share: "directory", "share/\u00fc.txt": "644 x" }, [
    { ...dos, name: old, body: "x", extra: unicodePath(old, "share/\u00fc.txt") },
  ]),
  unpacked("a Unicode path of another name", { share: "directory", "share/\u00fc.txt": "644 x" }, [
    { ...dos, name: old, body: "x", extra: unicodePath(Buffer.from("y"), "z") },
  ]),
  refused("a Unicode path that leads out", /leads out/, [
    { ...dos, name: old, body: "x", extra: unicodePath(old, `${up}${evil}`) },
  ]),
  unpacked("UTF-8 with and without the flag", { "\u00fc": "644 x", "\u00e4": "644 x" }, [
    { name: "\u00fc", body: "x" },
    { name: "\u00e4", body: "x", flags: 0x800 },
  ]),
  unpacked("the flag for UTF-8 and another encoding", { "\u00fc": "644 x" }, [
    { name: Buffer.from([0x81]), body: "x", flags: 0x800 },
  ]),
  unpacked("backslashes only before the content", { d: "directory", "d/x": "644 x" }, [
    { ...dos, name: "d/x", localName: "d\\x", body: "x" },
  ]),
  unpacked(
    "programs without Unix modes",
    { run: "755 #!/bin/sh\n", native: "755 \u007fELF", text: "644 x" },
    [
      { ...dos, name: "run", body: "#!/bin/sh\n" },
      { host: 0, mode: 0o100666, name: "native", body: "\u007fELF" },
      { ...dos, name: "text", body: "x" },
    ],
  ),
  unpacked("a script that is none by its Unix mode", { run: "644 #!/bin/sh\n" }, [
    { name: "run", body: "#!/bin/sh\n" },
  ]),
  unpacked("a data descriptor", { x: "644 x" }, [
    { ...x, flags: 8, localClaims: { crc: 0, packed: 0, size: 0 }, descriptor: true },
  ]),
  unpacked("a program before it", { x: "644 x" }, [x], { prefix: stub }),
  unpacked("a program before it that is counted", { x: "644 x" }, [x], {
    prefix: stub,
    isAdjusted: true,
  }),
  unpacked("zip64 behind a program", { x: "644 x" }, [x], {
    prefix: stub,
    claims: claims64,
    before: end64(0),
  }),
  unpacked("zip64 behind a program that is counted", { x: "644 x" }, [x], {
    prefix: stub,
    isAdjusted: true,
    claims: claims64,
    before: end64(0),
  }),
  unpacked("a signature behind it", { x: "644 x" }, [x], { behind: signature }),
  unpacked("padding behind its comment", { x: "644 x" }, [x], {
    comment: Buffer.from("a comment"),
    behind: Buffer.alloc(512),
  }),
  unpacked("a line feed behind it", { x: "644 x" }, [x], { behind: Buffer.from("\n") }),
  refused("a comment that is cut", /truncated/, [x], {
    claims: { comment: 100 },
    comment: Buffer.from("a comment"),
  }),
  refused("packed with LZMA", /LZMA \(method 14\)/, [{ ...x, method: 14 }]),
  refused("packed with Deflate64", /Deflate64/, [{ ...x, method: 9 }]),
  refused("strong encryption", /encrypted/, [{ ...x, flags: 0x41 }]),
];

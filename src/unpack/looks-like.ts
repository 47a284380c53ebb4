/** Recognizes files by their first bytes. */

const beginnings: readonly [bytes: string, what: string][] = [
  ["\x1f\x8b", "a gzip file"],
  ["\xfd7zXZ\0", "an xz file"],
  ["BZh", "a bzip2 file"],
  ["\x28\xb5\x2f\xfd", "a zstd file"],
  ["PK\x03\x04", "a zip file"],
  ["PK\x05\x06", "a zip file"],
  ["7z\xbc\xaf\x27\x1c", "a 7z archive"],
  ["Rar!", "a RAR archive"],
  ["!<arch>\ndebian", "a Debian package"],
  ["!<arch>\n", "an ar archive"],
  ["\xed\xab\xee\xdb", "an RPM package"],
  ["\x7fELF", "a Linux program"],
  ["\xcf\xfa\xed\xfe", "a macOS program"],
  ["\xca\xfe\xba\xbe", "a macOS program"],
  ["MZ", "a Windows program"],
  ["hsqs", "a squashfs image"],
  ["\x5d\0\0", "an lzma file"],
  ["\x1f\x9d", "a compress (.Z) file"],
  ["LZIP", "an lzip file"],
  ["%PDF", "a PDF document"],
  ["#!", "a script"],
  ["version https://git-lfs", "a Git LFS pointer, not the file itself"],
];

/** True for the first bytes of a program: a binary, or a script. */
export function isProgram(head: Buffer): boolean {
  const text = head.toString("latin1", 0, 4);
  return text === "\x7fELF" || text.startsWith("#!");
}

/** For messages: `a web page`, `a zip file` …; undefined if it is unknown. */
export function looksLike(head: Buffer): string | undefined {
  if (head.length === 0) return "an empty file";
  const text = head.subarray(0, 300).toString("latin1");
  for (const [bytes, what] of beginnings) if (text.startsWith(bytes)) return what;
  if (head.subarray(257, 262).toString("latin1") === "ustar") return "a tar archive";
  const start = text.replace(/^\xef\xbb\xbf/, "").trimStart();
  if (/^<(!doctype html|html|head|body)/i.test(start)) return "a web page";
  if (start.startsWith("<")) return "XML";
  if (/^[{[]\s*["{[\]}\d]/.test(start)) return "JSON";
  if (/^[\t\n\r -~]*$/.test(text)) return "text";
  return undefined;
}

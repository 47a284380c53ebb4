import { utf8Of } from "./paths.ts";

/** The data of extended headers (pax, GNU's long names) for the next entry. */
export interface Extended {
  path?: string;
  linkpath?: string;
  size?: number;
  /** GNU's keys for sparse files, without `GNU.sparse.`; a repeated key has all of its values. */
  readonly sparse: Map<string, string[]>;
}

/** The records of a pax header, merged with the known ones; undefined if they are invalid. */
export function readPax(body: Buffer, known: Extended | undefined): Extended | undefined {
  const extended: Extended = { ...known, sparse: new Map(known?.sparse) };
  for (let at = 0; at < body.length && body[at] !== 0; ) {
    const digits = /^(\d{1,7}) /.exec(body.toString("latin1", at, at + 8));
    const end = at + Number(digits?.[1]);
    const equals = body.indexOf("=", at);
    if (!digits || equals < at || equals >= end || body[end - 1] !== 0x0a) return undefined;
    const key = body.toString("utf8", at + digits[0].length, equals);
    addRecord(extended, key, body.subarray(equals + 1, end - 1));
    at = end;
  }
  return extended;
}

function addRecord(extended: Extended, key: string, bytes: Buffer): void {
  const value = textOf(bytes);
  if (key === "path" || key === "linkpath") extended[key] = value;
  else if (key === "size") extended.size = Number(value);
  else if (key.startsWith("GNU.sparse.")) {
    const name = key.slice("GNU.sparse.".length);
    extended.sparse.set(name, [...(extended.sparse.get(name) ?? []), value]);
  }
}

/**
 * Text up to the first NUL; names that are not UTF-8 come from older systems, mostly Windows-1252.
 */
export function textOf(bytes: Buffer): string {
  const nul = bytes.indexOf(0);
  const used = nul === -1 ? bytes : bytes.subarray(0, nul);
  return utf8Of(used) ?? new TextDecoder("windows-1252").decode(used);
}

/** The path in a header itself, including the POSIX prefix. */
export function pathIn(block: Buffer): string {
  const name = textOf(block.subarray(0, 100));
  if (block.toString("latin1", 257, 265) !== "ustar\x0000") return name;
  // If the last byte does not belong to a prefix, star stores times after a shorter one.
  const prefix = textOf(block.subarray(345, block[475] === 0 ? 475 : 500));
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Bytes after a header: only data has any, whatever the size field says. GNU tar does the same. */
export function bodySize(
  type: string,
  isDirectory: boolean,
  block: Buffer,
  extended: Extended | undefined,
): number {
  if (isDirectory || /[1-6]/.test(type)) return 0;
  return extended?.size ?? numberIn(block, 124);
}

/**
 * A number in a header: octal digits (none means 0), or base 256 if the first bit is set; or NaN.
 */
export function numberIn(block: Buffer, at: number): number {
  const length = 12;
  if (((block[at] as number) & 0x80) === 0) {
    const digits = textOf(block.subarray(at, at + length)).trim();
    return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
  }
  let value = (block[at] as number) & 0x7f;
  for (const byte of block.subarray(at + 1, at + length)) value = value * 256 + byte;
  return value;
}

/**
 * Tars byte by byte, with whatever a header can be made to say.
 *
 *   const bytes = tarBytes(tarEntry({ name: "../out", body: "x" }), pax({ path: "b" }), …);
 */

export interface TarFields {
  readonly name?: string | Buffer;
  readonly body?: string | Buffer;
  /** The type flag: 0 file, 1 hard link, 2 link, 5 directory … */
  readonly type?: string;
  readonly linkname?: string | Buffer;
  readonly mode?: number;
  readonly prefix?: string;
  /** The size field's 12 bytes, instead of the body's length in octal. */
  readonly size?: Buffer;
  /** A wrong sum. */
  readonly sum?: number;
}

export const tarEnd = Buffer.alloc(1024);

/** Entries, and the end of the archive behind them. */
export function tarBytes(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, tarEnd]);
}

export function tarEntry(fields: TarFields): Buffer {
  const body = Buffer.from(fields.body ?? "");
  return Buffer.concat([header(fields, body.length), body, Buffer.alloc(-body.length & 511)]);
}

/** A pax header for the next entry (`x`) or for all that follow (`g`). */
export function pax(records: Readonly<Record<string, string>>, type: "x" | "g" = "x"): Buffer {
  const lines = Object.entries(records).map(([key, value]) => paxLine(` ${key}=${value}\n`));
  return tarEntry({ name: "PaxHeader", type, body: lines.join("") });
}

function paxLine(rest: string): string {
  const length = Buffer.byteLength(rest);
  const digits = String(length + String(length).length).length;
  return `${length + digits}${rest}`;
}

/** GNU's long name (`L`) or long link target (`K`) of the next entry. */
export function gnuLong(type: "L" | "K", text: string): Buffer {
  return tarEntry({ name: "././@LongLink", type, body: `${text}\0` });
}

/** A size field in base 256, which is how GNU tar writes what octal has no room for. */
export function base256(value: bigint): Buffer {
  const field = Buffer.alloc(12);
  for (let at = 11, rest = value; at >= 0; at -= 1, rest >>= 8n) field[at] = Number(rest & 0xffn);
  if (value >= 0n) field[0] = 0x80;
  return field;
}

export function octal(text: string): Buffer {
  return Buffer.from(text.padEnd(12, "\0"));
}

function header(fields: TarFields, length: number): Buffer {
  const { name = "", mode = 0o644, type = "0", linkname = "", prefix = "" } = fields;
  const block = Buffer.alloc(512);
  Buffer.from(name).copy(block, 0, 0, 100);
  block.write(`${mode.toString(8).padStart(7, "0")}\0`, 100);
  block.write("0001750\0".repeat(2), 108);
  (fields.size ?? octal(`${length.toString(8).padStart(11, "0")}`)).copy(block, 124);
  block.write("00000000000\0", 136);
  block.write(" ".repeat(8), 148);
  block.write(type, 156);
  Buffer.from(linkname).copy(block, 157, 0, 100);
  block.write("ustar\x0000", 257);
  block.write(prefix, 345, 155);
  const sum = fields.sum ?? block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

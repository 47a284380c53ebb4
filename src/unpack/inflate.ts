import * as zlib from "node:zlib";
import { withBuffer } from "./pieces.ts";

const { Z_NO_FLUSH, Z_FINISH } = zlib.constants;

/**
 * What zlib's own synchronous functions use, and those of npm's packages that need speed. Only this takes
 * the buffer to write to; a stream makes one for each piece, which costs a fifth more processor time and
 * leaves some 60 MB of garbage before anybody collects it.
 */
type Inflater = zlib.Gunzip & {
  readonly _handle: {
    writeSync(
      flush: number,
      ...inputAndOutput: [Uint8Array, number, number, Uint8Array, number, number]
    ): void;
  };
  /** What the last call has left: room in the output, bytes of the input. */
  readonly _writeState: Uint32Array;
};

/**
 * Inflates the bytes of a gzip file, with all of its members, or of a raw deflate stream. Each piece is
 * valid only until the next one is asked for; all but the last have `pieceSize` bytes. Throws where the
 * stream is damaged, is cut short (code `Z_BUF_ERROR`), or is followed by anything but zeros.
 */
export function inflate(form: "gzip" | "raw", input: Iterable<Buffer>): Generator<Buffer> {
  return withBuffer((output) => inflateInto(output, form, input));
}

function* inflateInto(
  output: Buffer,
  form: "gzip" | "raw",
  input: Iterable<Buffer>,
): Generator<Buffer> {
  const inflater = (form === "gzip" ? zlib.createGunzip() : zlib.createInflateRaw()) as Inflater;
  inflater.on("error", () => {}); // it is thrown where it happens
  let used = 0;
  /** Gives out full pieces, and returns what of the input is behind the end. */
  function* take(flush: number, bytes: Buffer): Generator<Buffer, Buffer> {
    for (let rest = bytes; ; ) {
      const { length } = rest;
      inflater._handle.writeSync(flush, rest, 0, length, output, used, output.length - used);
      if (inflater.errored) throw inflater.errored;
      const [room = 0, left = 0] = inflater._writeState;
      rest = rest.subarray(length - left);
      used = output.length - room;
      if (room > 0) return rest;
      yield output;
      used = 0;
    }
  }
  try {
    let ended = false;
    for (const bytes of input) {
      const behind: Buffer = ended ? bytes : yield* take(Z_NO_FLUSH, bytes);
      if (behind.some((byte) => byte !== 0)) throw new Error("something follows its end");
      ended ||= behind.length > 0;
    }
    if (!ended) yield* take(Z_FINISH, Buffer.alloc(0));
    if (used > 0) yield output.subarray(0, used);
  } finally {
    inflater.close();
  }
}

import * as zlib from "node:zlib";
import { pieceSize } from "./pieces.ts";

/** zlib, fed step by step. */
export interface Inflater {
  /**
   * Inflates into `output`; returns the remaining space in the output and bytes of the input. If no
   * space is left, it is called again with the remaining input.
   * @param inThread whether to use Node's thread pool
   */
  write(flush: number, input: Buffer, output: Buffer, inThread: boolean): Promise<Left>;
  end(): void;
}

interface Left {
  readonly room: number;
  readonly left: number;
}

type Stream = zlib.Gunzip | zlib.InflateRaw;

/** Uses node:zlib's internal handle; if this Node has a different one, its public stream. */
export function startInflater(form: "gzip" | "raw"): Inflater {
  // The stream's own buffer stays unused, so it is small: an entry of a zip would need 16 kB.
  const stream = createStream(form, zlib.constants.Z_MIN_CHUNK);
  if (hasHandle(stream)) return throughHandle(stream);
  stream.close();
  return throughStream(createStream(form, pieceSize));
}

function createStream(form: "gzip" | "raw", chunkSize: number): Stream {
  return form === "gzip" ? zlib.createGunzip({ chunkSize }) : zlib.createInflateRaw({ chunkSize });
}

/** `flush`; input, offset, length; output, offset, length. */
type Write = (
  flush: number,
  ...inputAndOutput: [Buffer, number, number, Buffer, number, number]
) => void;

/**
 * The handle that zlib's own streams and synchronous functions use, and fast npm packages as well.
 * Only this accepts an output buffer; a stream allocates one for each piece, which costs a sixth
 * more CPU time of a whole install, and 30 MB. It is the same in Node 20 to 26.
 */
type WithHandle = Stream & {
  readonly _handle: {
    readonly writeSync: Write;
    readonly write: Write;
    cb: () => void;
    onerror: (message: string, errno: number, code: string) => void;
  };
  /** After the last call: space in the output, bytes of the input. */
  readonly _writeState: Uint32Array;
};

function hasHandle(stream: Stream): stream is WithHandle {
  const { _handle: handle, _writeState: state } = stream as Partial<WithHandle>;
  const { write, writeSync, onerror } = handle ?? {};
  const isCallable = [write, writeSync, onerror].every((it) => typeof it === "function");
  return isCallable && state instanceof Uint32Array && state.length === 2;
}

function throughHandle(stream: WithHandle): Inflater {
  const { _handle: handle, _writeState: state } = stream;
  let failure: Error | undefined;
  let wake = (): void => {};
  // The stream's own would format a stack, and the end of each gzip file is found by an error.
  handle.onerror = (message, errno, code) => {
    failure = Object.assign(new Error(message), { errno, code });
    wake();
  };
  // Makes the stream ignore the result: it only calls back.
  Object.defineProperty(stream, "destroyed", { value: true });
  return {
    async write(flush, input, output, inThread) {
      const span = [input, 0, input.length, output, 0, output.length] as const;
      if (inThread) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          handle.cb = resolve;
          handle.write(flush, ...span);
        });
      } else {
        handle.writeSync(flush, ...span);
      }
      if (failure) throw failure;
      const [room = 0, left = 0] = state;
      return { room, left };
    },
    end: () => stream.close(),
  };
}

/**
 * Gives the stream no input until all of its output is read, because an error discards unread
 * output.
 */
function throughStream(stream: Stream): Inflater {
  let given = 0;
  let isAsked = false;
  let isTaken = false;
  let held: Buffer = Buffer.alloc(0);
  let failure: Error | undefined;
  let wake = (): void => {};
  stream.on("readable", () => wake());
  stream.on("error", (error) => {
    failure = error;
    wake();
  });
  const ask = (flush: number, input: Buffer): void => {
    [isAsked, isTaken] = [true, false];
    given += input.length;
    const taken = (): void => {
      isTaken = true;
      wake();
    };
    if (flush === zlib.constants.Z_FINISH) stream.end(input, taken);
    else stream.write(input, taken);
  };
  return {
    async write(flush, input, output) {
      if (!isAsked) ask(flush, input);
      for (let used = 0; ; ) {
        if (held.length === 0) held = stream.read() ?? held;
        const count = held.copy(output, used);
        held = held.subarray(count);
        used += count;
        if (used === output.length) return { room: 0, left: input.length };
        if (count > 0) continue;
        if (failure) throw failure;
        if (!isTaken) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        isAsked = false;
        return { room: output.length - used, left: given - stream.bytesWritten };
      }
    },
    end: () => stream.destroy(),
  };
}

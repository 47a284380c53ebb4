import { constants } from "node:zlib";
import { startInflater } from "./inflater.ts";
import { borrow, giveBack } from "./pieces.ts";

const { Z_NO_FLUSH, Z_FINISH } = constants;

/** Compressed bytes for which inflating takes longer than a round trip to Node's thread pool. */
const worthAThread = 16 * 1024;

/**
 * Inflates a gzip file with all its members, or a raw deflate stream, in Node's thread pool, while
 * the previous piece is processed. Each piece is valid only until the next one is requested; all
 * but the last have `pieceSize` bytes. Throws if the stream is damaged, truncated (code
 * `Z_BUF_ERROR`), or followed by anything but zeros and `padding`: line ends that may also belong
 * to it.
 */
export async function* inflate(
  form: "gzip" | "raw",
  input: Iterable<Buffer>,
  padding: Iterable<Buffer> = [],
): AsyncGenerator<Buffer> {
  const outputs: [Buffer, Buffer] = [borrow(), borrow()];
  const pieces = inflateInto(outputs, form, input, padding);
  const ask = (): Promise<IteratorResult<Buffer, void>> => {
    const answer = pieces.next();
    answer.catch(() => {}); // the error is handled when it is awaited
    return answer;
  };
  let next = ask();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = ask();
      yield value;
    }
  } finally {
    await next.catch(() => {}); // a thread may still write to the buffers
    await pieces.return();
    giveBack(...outputs);
  }
}

/** Alternates between the two buffers. */
async function* inflateInto(
  outputs: [Buffer, Buffer],
  form: "gzip" | "raw",
  input: Iterable<Buffer>,
  padding: Iterable<Buffer>,
): AsyncGenerator<Buffer, void> {
  const inflater = startInflater(form);
  let [output, other] = outputs;
  let used = 0;
  /** Yields full pieces, and returns the input after the end. */
  async function* take(flush: number, bytes: Buffer): AsyncGenerator<Buffer, Buffer> {
    const inThread = bytes.length > worthAThread;
    for (let rest = bytes; ; ) {
      const { room, left } = await inflater.write(flush, rest, output.subarray(used), inThread);
      rest = rest.subarray(rest.length - left);
      used = output.length - room;
      if (room > 0) return rest;
      yield output;
      [output, other] = [other, output];
      used = 0;
    }
  }
  /** Throws if the data so far is incomplete. */
  async function* takePadding(): AsyncGenerator<Buffer, void> {
    let isPadded = false;
    let probe = 0;
    try {
      for (const bytes of padding) {
        isPadded = true;
        if ((yield* take(Z_NO_FLUSH, bytes)).length > 0) return;
      }
      // After a complete member zlib expects another one, and rejects the first two bytes that do
      // not start one.
      for (probe = 1; probe <= 2; probe += 1) yield* take(Z_NO_FLUSH, Buffer.from([0xff]));
    } catch (error) {
      const isWhole = (error as Error).message === noMember;
      if (isWhole && (isPadded || probe === 2)) return;
      if (isWhole || probe === 0) throw error;
    }
    throw Object.assign(new Error("unexpected end of file"), { code: "Z_BUF_ERROR" });
  }
  try {
    let ended = false;
    for (const bytes of input) {
      const behind: Buffer = ended ? bytes : yield* take(Z_NO_FLUSH, bytes);
      if (behind.some((byte) => byte !== 0)) throw followed(form);
      ended ||= behind.length > 0;
    }
    if (!ended && form === "gzip") yield* takePadding();
    else if (!ended) yield* take(Z_FINISH, Buffer.alloc(0));
    if (used > 0) yield output.subarray(0, used);
  } catch (error) {
    // The beginning of the first member was checked before.
    throw (error as Error).message === noMember ? followed(form) : error;
  } finally {
    inflater.end();
  }
}

/** zlib's error for bytes that do not start a member. */
const noMember = "incorrect header check";

function followed(form: "gzip" | "raw"): Error {
  const what = form === "gzip" ? "other data" : "something";
  return Object.assign(new Error(`${what} follows its end`), { code: "Z_DATA_ERROR" });
}

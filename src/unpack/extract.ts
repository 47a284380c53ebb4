import { once } from "node:events";
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import pLimit from "p-limit";
import { type ErrorCode, UserError } from "../core/errors.ts";
import { doing } from "../io/files.ts";
import { type ExtractRequest, extractInline } from "./extract-inline.ts";
import type { Limits } from "./tree.ts";

/** Packed bytes for which a thread pays: it takes some 15 ms to start, in which so much is unpacked. */
const largeSize = 2 * 1024 * 1024;
/** A thread takes 13 MB; two keep up with what a disk takes. */
const atOnce = pLimit(Math.min(availableParallelism(), 2));
const idle: Worker[] = [];

/** What a thread is asked. */
export type ThreadRequest = Omit<ExtractRequest, "written">;

/** What a thread answers: digests as `written` takes them and what was taken of the limits, or why not. */
export type ThreadAnswer =
  | { readonly written: readonly [string, string][]; readonly taken: NonNullable<Limits["taken"]> }
  | { readonly refusal: { code: ErrorCode; message: string; hint?: string } }
  | { readonly bug: unknown };

/**
 * What a download of so many bytes may unpack to. Real releases unpack to 2 to 12 times their size,
 * so that 50 times is generous, and a small archive may at worst fill 1 GiB. The largest real tree (a
 * JavaScript closure, a Go toolchain) has some 20,000 entries, of a few kilobytes packed each.
 */
export function limitsFor(downloadSize: number): Limits {
  return {
    bytes: Math.max(1024 ** 3, 50 * downloadSize),
    entries: 50_000 + Math.floor(downloadSize / 1000),
  };
}

/**
 * Unpacks a verified file. Modes become 0755 or 0644 whatever the archive and the umask say; owners,
 * times and attributes are not kept. What is hostile, broken or unsupported is refused whole with a
 * UserError (`integrity`) that names the entry; the caller discards the tree.
 *
 * Unpacking is synchronous, because the hand-over of every piece to a pool and back is a fourth of the
 * work. So a large archive is unpacked in a thread of its own, while others are downloaded.
 */
export async function extract(request: ExtractRequest): Promise<void> {
  const { file, format } = request;
  const { size } = await doing("read", file, stat(file));
  if (size < largeSize || format === "raw") await extractInline(request);
  else await atOnce(() => extractInThread(request));
}

async function extractInThread(whole: ExtractRequest): Promise<void> {
  const worker = idle.pop() ?? startWorker();
  if (!worker) return await extractInline(whole);
  const { written, ...request } = whole;
  const before = { bytes: 0, entries: 0, ...request.limits.taken };
  const limits = { ...request.limits, taken: before };
  const answer = await ask(worker, { ...request, limits });
  idle.push(worker);
  if ("bug" in answer) throw answer.bug;
  if ("refusal" in answer) {
    const { code, message, ...hint } = answer.refusal;
    throw new UserError(code, message, hint);
  }
  for (const [stamp, digest] of answer.written) written?.set(stamp, digest);
  const { taken } = request.limits; // which other archives of the closure may have moved on meanwhile
  if (!taken) return;
  taken.bytes += answer.taken.bytes - before.bytes;
  taken.entries += answer.taken.entries - before.entries;
}

/** The module beside this one, which is bundled as this one is; undefined where no thread can be had. */
function startWorker(): Worker | undefined {
  const own = import.meta.filename;
  try {
    return new Worker(join(dirname(own), `worker${extname(own)}`));
  } catch (error) {
    // A container may have only so many processes, of which each thread is one.
    if ((error as NodeJS.ErrnoException).code === "ERR_WORKER_INIT_FAILED") return undefined;
    throw error;
  }
}

/** An idle thread keeps nobody from ending; one at work does. */
async function ask(worker: Worker, request: ThreadRequest): Promise<ThreadAnswer> {
  const over = new AbortController();
  const { signal } = over;
  const answered = once(worker, "message", { signal }); // rejects with the error that ends a thread
  const ended = once(worker, "exit", { signal }).then(() => {
    throw new Error("the thread that unpacks has ended");
  });
  worker.ref();
  worker.postMessage(request);
  try {
    const [answer] = await Promise.race([answered, ended]);
    return answer;
  } finally {
    over.abort();
    worker.unref();
  }
}

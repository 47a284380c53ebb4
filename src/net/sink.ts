import { createHash, type Hash } from "node:crypto";
import { closeSync, ftruncateSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { type Digest, type DigestAlgorithm, formatDigest } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { saying, tolerate, withContext } from "../io/files.ts";
import { writeAll, writeInPool } from "../io/write.ts";
import { looksLikePage } from "./web-page.ts";

/** The destination of a body. It outlives an attempt, so that the next one can resume. */
export interface Sink {
  /** Bytes received so far. */
  readonly received: number;
  /** Discards what was received. */
  restart(): Promise<void>;
  /** Keeps the chunk, which must not change. Returns a promise if the next one has to wait. */
  write(chunk: Buffer): Promise<void> | undefined;
  /** After the last chunk of an attempt: everything is where it belongs. */
  flush(): Promise<void>;
}

export type FileSink = Awaited<ReturnType<typeof fileSink>>;

/** Bytes that are written by one call. */
const batchBytes = 128 * 1024;

/**
 * Collects what is written to a file, and writes it in batches in Node's thread pool, in the meantime. Small files
 * are written by `flush` alone.
 */
function batchesOf(file: string, descriptor: number) {
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** Of the first byte that is held. */
  let position = 0;
  /** The batch that is being written. */
  let batch: Promise<void> | undefined;
  const take = (): [chunks: Buffer[], position: number] => {
    const taken: [Buffer[], number] = [held, position];
    position += heldBytes;
    [held, heldBytes] = [[], 0];
    return taken;
  };
  const writeBatch = async (): Promise<void> => {
    await batch;
    batch = withContext("write", file, writeInPool(descriptor, ...take()));
    batch.catch(() => {}); // awaited by what comes next
  };
  return {
    add(chunk: Buffer): Promise<void> | undefined {
      held.push(chunk);
      heldBytes += chunk.length;
      return heldBytes < batchBytes ? undefined : writeBatch();
    },
    async flush() {
      await batch;
      saying("write", file, () => writeAll(descriptor, ...take()));
    },
    /** Empties the file. */
    async restart() {
      await batch;
      if (position + heldBytes > 0) saying("write", file, () => ftruncateSync(descriptor));
      take();
      position = 0;
    },
    /** Resolves when no thread uses the descriptor any more. */
    async end() {
      await tolerate(batch ?? Promise.resolve());
    },
  };
}

/** Hashes while receiving: every byte is processed once. The file is created. */
async function fileSink(file: string, algorithms: readonly DigestAlgorithm[]) {
  const descriptor = await withContext("create", file, () => openSync(file, "w", 0o600));
  const batches = batchesOf(file, descriptor);
  const start = (): Hash[] => algorithms.map((algorithm) => createHash(algorithm));
  let hashes = start();
  let received = 0;
  let head = Buffer.alloc(0);
  let isClosed = false;
  const digests = (): Digest[] =>
    algorithms.map((algorithm, i) => ({ algorithm, hex: hashes[i]?.digest("hex") ?? "" }));
  return {
    get received() {
      return received;
    },
    async restart() {
      await batches.restart();
      hashes = start();
      received = 0;
      head = Buffer.alloc(0);
    },
    write(chunk: Buffer) {
      if (head.length < 512) head = Buffer.concat([head, chunk.subarray(0, 512)]);
      for (const hash of hashes) hash.update(chunk);
      received += chunk.length;
      return batches.add(chunk);
    },
    flush: batches.flush,
    /** Throws a UserError (`integrity`) if the content does not match the digest. */
    verify(from: URL, digest: Digest) {
      const got = digests().find(({ algorithm }) => algorithm === digest.algorithm);
      if (got?.hex === digest.hex) return;
      const why = `expected ${formatDigest(digest)}, got ${got && formatDigest(got)}`;
      throw wrongBytes(from, why, looksLikePage(head));
    },
    /** Both digests of the content; throws a UserError (`integrity`) if it is a web page. */
    hashed(from: URL): { sha256: Digest; sha512: Digest } {
      if (looksLikePage(head)) throw wrongBytes(from, "nothing was pinned", true);
      const [sha256, sha512] = digests();
      if (!sha256 || !sha512) throw new Error("a sink has not hashed what it was to hash");
      return { sha256, sha512 };
    },
    /** Only once: after an error, too, the descriptor may already belong to another file. */
    async close() {
      if (isClosed) return;
      isClosed = true;
      await batches.end();
      saying("write", file, () => closeSync(descriptor));
    },
  };
}

/** Creates a file, which `fill` fills; it is removed again if that fails. */
export async function fillFile<T>(
  file: string,
  algorithms: readonly DigestAlgorithm[],
  fill: (sink: FileSink) => Promise<T>,
): Promise<T> {
  const sink = await fileSink(file, algorithms);
  try {
    const result = await fill(sink);
    await sink.flush();
    await sink.close();
    return result;
  } catch (error) {
    await tolerate(sink.close());
    await tolerate(rm(file, { force: true })); // its work directory is removed later anyway
    throw error;
  }
}

/** Holds a small document in memory. */
export function memorySink(): Sink & { bytes(): Buffer } {
  let chunks: Buffer[] = [];
  let received = 0;
  return {
    get received() {
      return received;
    },
    async restart() {
      chunks = [];
      received = 0;
    },
    write(chunk) {
      chunks.push(chunk);
      received += chunk.length;
      return undefined;
    },
    flush: async () => {},
    bytes: () => Buffer.concat(chunks),
  };
}

/** The error for bytes that do not match; `page` if the server sent a web page. */
export function wrongBytes(from: URL, why: string, page: boolean): UserError {
  const what = page ? "the server sent a web page, not an archive: " : "";
  const problem = page ? "E_WEB_PAGE" : "E_DIGEST_MISMATCH";
  return new UserError(problem, `${shownUrl(from)}: ${what}${why}`);
}

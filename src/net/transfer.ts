import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { UserError } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { orNothing } from "../io/files.ts";
import type { Agent } from "./agent.ts";
import {
  bytesPromised,
  refuseCut,
  refuseExcess,
  refuseLength,
  retryAfter,
  startsAt,
  strongEtag,
} from "./answer.ts";
import { type Encodings, encodingsOf } from "./encoding.ts";
import { type Attempted, explain, hostCause, proxyNotes, TransportError } from "./errors.ts";
import { dump, followRedirects } from "./redirects.ts";
import { type RetryPolicy, type StallTimer, startStallTimer } from "./retry.ts";
import type { Setting } from "./setting.ts";
import type { Sink } from "./sink.ts";
import { statusError } from "./status.ts";

export interface Transfer {
  readonly agent: Agent;
  readonly timing: RetryPolicy;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A proxy that replaces the environment's and npm's. */
  readonly proxy?: Setting | undefined;
  readonly sink: Sink;
  /** The expected bytes. */
  readonly size?: number | undefined;
  /** Maximum bytes if no size is known. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((received: number, total?: number) => void) | undefined;
  /** Called when no byte has arrived for a while, and when that is over. */
  readonly onQuiet: (quiet: boolean) => void;
  /** Called when the server has timed out; returns the error to throw. */
  readonly onDead: (error: UserError) => UserError;
  /** Called for each request, redirect and retry. */
  readonly onDetail: (message: string) => void;
}

export interface Transferred {
  /** The final URL. */
  readonly url: URL;
  /** True if the bytes came in several parts. */
  readonly resumed: boolean;
  /** The declared content encodings; usually none. */
  readonly encodings: Encodings;
}

/** Downloads the body into the sink, with retries within the limits. */
export async function transfer(job: Transfer): Promise<Transferred> {
  const life = startStallTimer(job.timing, job.signal, job.onQuiet);
  const memory: Memory = { validator: undefined, url: job.url };
  let best = 0;
  let failures = 0;
  try {
    for (;;) {
      try {
        return await attempt(job, memory, life);
      } catch (thrown) {
        job.signal?.throwIfAborted();
        if (life.signal.aborted) throw deadError(job, best);
        const failure = explain(thrown, attempted(job, memory.url));
        // Progress is a new furthest byte: a server that always cuts at the same point makes none.
        failures = job.sink.received > best ? 1 : failures + 1;
        best = Math.max(best, job.sink.received);
        const allowed = { never: 0, once: 1, again: job.timing.retries }[failure.retry];
        const giveUp = (): never => {
          const isDead = failure.timedOut === true && best === 0;
          throw isDead ? job.onDead(failure.error) : failure.error;
        };
        if (failures > allowed) giveUp();
        const waitMs = pauseBefore(job.timing, failures, failure.waitMs);
        const why = failure.error.message;
        job.onDetail(`retry ${failures} of ${allowed} in ${(waitMs / 1000).toFixed(1)} s: ${why}`);
        await sleep(waitMs, undefined, { signal: life.signal }).catch(() => {
          job.signal?.throwIfAborted();
          giveUp();
        });
      }
    }
  } finally {
    life.end();
  }
}

/** The state that one attempt passes to the next. */
interface Memory {
  /** A strong ETag: if it is unchanged, so are the bytes, and a range can be requested. */
  validator: string | undefined;
  /** The last requested URL. */
  url: URL;
}

function attempted({ agent, proxy, url: asked }: Transfer, url: URL): Attempted {
  return {
    asked,
    url,
    proxy: orNothing(() => agent.proxyFor(url, proxy)),
    certificateProblems: agent.certificateProblems,
  };
}

async function attempt(job: Transfer, memory: Memory, life: StallTimer): Promise<Transferred> {
  const offset = memory.validator === undefined ? 0 : job.sink.received;
  const { response, url } = await request(job, memory, offset, life.signal);
  const { statusCode, headers, body } = response;
  const resumed = statusCode === 206 && offset > 0 && startsAt(headers, offset);
  if (!resumed && statusCode !== 200) {
    memory.validator = undefined;
    await dump(response);
    if (offset > 0 && (statusCode === 206 || statusCode === 416)) throw rangeError();
    throw statusError(statusCode, retryAfter(headers, job.timing));
  }
  const encodings = encodingsOf(headers["content-encoding"]);
  const isPacked = encodings.length > 0;
  try {
    if (!resumed) await job.sink.restart();
    memory.validator = isPacked ? undefined : strongEtag(headers);
    const total = bytesPromised(headers, job.sink.received);
    if (!isPacked) refuseLength(job, url, total, headers);
    await receive(body, (chunk) => {
      life.alive(chunk.length);
      refuseExcess(job, url, job.sink.received + chunk.length, isPacked);
      const written = job.sink.write(chunk);
      job.onProgress?.(job.sink.received, job.size ?? total);
      return written && life.ours(written);
    });
    await life.ours(job.sink.flush());
  } finally {
    body.destroy();
  }
  if (!isPacked) refuseCut(job, job.sink.received, headers);
  return { url, resumed, encodings };
}

/** Asks for the bytes from an offset, if the file is still the same. */
async function request(job: Transfer, memory: Memory, offset: number, signal: AbortSignal) {
  const range = offset > 0 && { range: `bytes=${offset}-`, "if-range": memory.validator ?? "" };
  return await followRedirects({
    ...{ agent: job.agent, url: job.url, proxy: job.proxy, signal },
    ...{ stallMs: job.timing.stallMs, firstByteMs: job.timing.firstByteMs },
    headers: { ...job.headers, ...range },
    onAsk: (asked) => {
      memory.url = asked;
      job.onDetail(`request: ${shownUrl(asked)}${requestNotes(job, asked, offset)}`);
    },
    onDetail: job.onDetail,
  });
}

/**
 * Passes on each chunk of a body, and stops reading while `take` has returned a promise that is not fulfilled. By
 * events: an asynchronous iterator takes five turns for each chunk. Throws what `take` throws, and a TransportError.
 */
async function receive(
  body: Dispatcher.ResponseData["body"],
  take: (chunk: Buffer) => Promise<void> | undefined,
): Promise<void> {
  let taken: Promise<void> | undefined;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: unknown): void => {
      reject(error);
      body.destroy();
    };
    body.on("data", (chunk: Buffer) => {
      try {
        taken = take(chunk);
        if (!taken) return;
        body.pause();
        taken.then(() => body.resume(), fail);
      } catch (error) {
        fail(error);
      }
    });
    body.once("end", () => resolve(taken));
    body.once("error", (cause) => reject(new TransportError(cause)));
  });
}

/** The server sent the wrong range; the next request is for the whole file. */
function rangeError(): TransportError {
  const message = "it did not send the requested part of the file";
  return new TransportError(Object.assign(new Error(message), { code: "RANGE" }));
}

/** A mirror may first fetch the file itself, or a scanner may hold it back. */
const waitHint = "try again later, or set OPENCLAW_SKILL_TIMEOUT to a longer time (seconds).";

function deadError(job: Transfer, best: number): UserError {
  const { host } = job.url;
  const notes = proxyNotes(attempted(job, job.url).proxy);
  const why = `the download stalled for ${job.timing.deadMs / 1000} s`;
  const error = new UserError(
    "E_DOWNLOAD_STALLED",
    `cannot download ${shownUrl(job.url)}: ${why}`,
    {
      hint: [`${host} or the network hangs; ${waitHint}`, ...notes].join(" "),
      shared: hostCause(host, `is too slow: ${why}`),
    },
  );
  return best === 0 ? job.onDead(error) : error;
}

/** Milliseconds to wait before the next attempt; `asked` is the server's Retry-After. */
function pauseBefore(policy: RetryPolicy, failures: number, asked: number | undefined): number {
  const backoff = policy.backoffMs * 2 ** (failures - 1) * (0.5 + Math.random() / 2);
  return Math.max(backoff, asked ?? 0);
}

function requestNotes(job: Transfer, asked: URL, offset: number): string {
  const { proxy } = attempted(job, asked);
  const notes = [
    ...(proxy ? [`through ${proxy.url.host}, ${proxy.setting}`] : []),
    ...(offset > 0 ? [`from byte ${offset}`] : []),
  ];
  return notes.length > 0 ? ` (${notes.join("; ")})` : "";
}

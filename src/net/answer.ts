/** The headers of a response, and which responses are rejected. */
import type { Dispatcher } from "undici";
import { UserError } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { cutError } from "./errors.ts";
import type { RetryPolicy } from "./retry.ts";
import { wrongBytes } from "./sink.ts";
import type { Transfer } from "./transfer.ts";

type Headers = Dispatcher.ResponseData["headers"];

export function strongEtag(headers: Headers): string | undefined {
  const etag = headers.etag;
  return typeof etag === "string" && etag.startsWith('"') ? etag : undefined;
}

export function startsAt(headers: Headers, offset: number): boolean {
  return String(headers["content-range"] ?? "").startsWith(`bytes ${offset}-`);
}

export function bytesPromised(headers: Headers, held: number): number | undefined {
  const length = headers["content-length"];
  return typeof length === "string" && /^\d+$/.test(length) ? held + Number(length) : undefined;
}

export function retryAfter(headers: Headers, policy: RetryPolicy): number | undefined {
  const text = headers["retry-after"];
  if (typeof text !== "string") return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), policy.retryAfterMaxMs) : undefined;
}

/** Rejects by the headers alone, before a wrong file is downloaded. */
export function refuseLength(
  job: Transfer,
  url: URL,
  total: number | undefined,
  headers: Headers,
): void {
  if (total === undefined) return;
  const page = String(headers["content-type"] ?? "").startsWith("text/html");
  if (job.size !== undefined && total !== job.size) {
    throw wrongBytes(url, `expected ${job.size} bytes, the server has ${total}`, page);
  }
  if (job.size === undefined && total > job.limit) throw tooLarge(job, url, `${total} bytes`);
}

export function refuseExcess(job: Transfer, url: URL, received: number, isPacked: boolean): void {
  const most = job.size ?? job.limit;
  // Compressing compressed data makes it slightly larger.
  if (received <= (isPacked ? most * 1.01 + 65_536 : most)) return;
  if (job.size === undefined) throw tooLarge(job, url, "more");
  throw wrongBytes(url, `expected ${job.size} bytes, got more`, false);
}

function tooLarge({ limit }: Transfer, url: URL, has: string): UserError {
  const message = `${shownUrl(url)}: the server has ${has}, the limit is ${limit} bytes`;
  return new UserError("E_DOWNLOAD_TOO_LARGE", message);
}

/** undici does not detect truncation of a response that ends with its connection. */
export function refuseCut(job: Transfer, headers: Headers): void {
  const { size, sink } = job;
  const framed = headers["content-length"] ?? headers["transfer-encoding"];
  if (framed === undefined && size !== undefined && sink.received < size) {
    throw cutError(sink.received, size);
  }
}

/** The headers of a response, and which responses are rejected. */
import type { Dispatcher } from "undici";
import { UserError } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { cutError } from "./errors.ts";
import type { RetryPolicy } from "./retry.ts";
import { wrongBytes } from "./sink.ts";

type Headers = Dispatcher.ResponseData["headers"];

/** The bytes that a server may send. */
interface Expected {
  /** Exactly so many. */
  readonly size?: number | undefined;
  /** At most so many, if no size is known. */
  readonly limit: number;
}

/** The entity tag, if it promises the same bytes; a weak one does not. */
export function strongEtag(headers: Headers): string | undefined {
  const etag = headers.etag;
  return typeof etag === "string" && etag.startsWith('"') ? etag : undefined;
}

/** Whether a response of status 206 begins at this byte. */
export function startsAt(headers: Headers, offset: number): boolean {
  return String(headers["content-range"] ?? "").startsWith(`bytes ${offset}-`);
}

/** The bytes in total, of which `held` are here already; undefined if the server does not say it. */
export function bytesPromised(headers: Headers, held: number): number | undefined {
  const length = headers["content-length"];
  return typeof length === "string" && /^\d+$/.test(length) ? held + Number(length) : undefined;
}

/** How long the server asks to wait (ms), at most as long as the policy allows. */
export function retryAfter(headers: Headers, policy: RetryPolicy): number | undefined {
  const text = headers["retry-after"];
  if (typeof text !== "string") return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), policy.retryAfterMaxMs) : undefined;
}

/** Rejects by the headers alone, before a wrong file is downloaded. */
export function refuseLength(
  { size, limit }: Expected,
  url: URL,
  total: number | undefined,
  headers: Headers,
): void {
  if (total === undefined) return;
  const page = String(headers["content-type"] ?? "").startsWith("text/html");
  if (size !== undefined && total !== size) {
    throw wrongBytes(url, `expected ${size} bytes, the server has ${total}`, page);
  }
  if (size === undefined && total > limit) throw tooLarge(limit, url, `${total} bytes`);
}

/** Throws as soon as more bytes than the expected ones were received, or than the limit. */
export function refuseExcess(
  { size, limit }: Expected,
  url: URL,
  received: number,
  isPacked: boolean,
): void {
  const most = size ?? limit;
  // Compressing compressed data makes it slightly larger.
  if (received <= (isPacked ? most * 1.01 + 65_536 : most)) return;
  if (size === undefined) throw tooLarge(limit, url, "more");
  throw wrongBytes(url, `expected ${size} bytes, got more`, false);
}

function tooLarge(limit: number, url: URL, has: string): UserError {
  const message = `${shownUrl(url)}: the server has ${has}, the limit is ${limit} bytes`;
  return new UserError("E_DOWNLOAD_TOO_LARGE", message);
}

/** undici does not detect truncation of a response that ends with its connection. */
export function refuseCut({ size }: Expected, received: number, headers: Headers): void {
  const framed = headers["content-length"] ?? headers["transfer-encoding"];
  if (framed === undefined && size !== undefined && received < size) {
    throw cutError(received, size);
  }
}

import { STATUS_CODES } from "node:http";
import type { ErrorCode } from "../core/errors.ts";

/** The error for a response with an unexpected status. */
export interface StatusError extends Error {
  readonly status: number;
  readonly waitMs?: number;
}

/** `waitMs`: how long the server asks to wait. */
export function statusError(status: number, waitMs?: number): StatusError {
  const error = new Error(`responded with ${status}`);
  return Object.assign(error, waitMs === undefined ? { status } : { status, waitMs });
}

/** Whether the same request may succeed later. */
export function isTransient(status: number): boolean {
  return isServerError(status) || status === 408 || status === 425 || status === 429;
}

/** 511 is not the server's: the network wants a login. */
function isServerError(status: number): boolean {
  return status >= 500 && status < 600 && status !== 511;
}

const meanings: Readonly<Record<number, string>> = {
  401: "it requires credentials",
  403: "access is denied",
  404: "it has no such file",
  407: "the proxy requires credentials",
  410: "the file was removed for good",
  429: "too many requests",
  451: "it may not serve this for legal reasons",
};

/** ` (what it means)`; empty for an undefined status. */
export function meaningOf(status: number): string {
  const meaning = meanings[status] ?? STATUS_CODES[status]?.toLowerCase();
  return meaning === undefined ? "" : ` (${meaning})`;
}

/** The code in the table of problems for a status. */
export function problemOfStatus(status: number): ErrorCode {
  if (status === 407) return "E_PROXY";
  if (isTransient(status)) return "E_HTTP_SERVER";
  if ([404, 410].includes(status)) return "E_HTTP_NOT_FOUND";
  return [401, 403, 451].includes(status) ? "E_HTTP_FORBIDDEN" : "E_HTTP_STATUS";
}

/** A full sentence: what to do about a status from a host. */
export function statusHint(status: number, host: string): string {
  if (isServerError(status) || status === 429)
    return `${host} is overloaded or failing; try again later.`;
  if (isTransient(status)) return "Try again later.";
  switch (status) {
    case 401:
    case 403:
      return `Check what ${host} requires: a token (netrc or npmrc), an allowed IP address, a proxy.`;
    case 404:
      return "If a mirror serves it, check that the mirror has this path. Otherwise the recipe is out of date.";
    case 407:
      return "Add the credentials to the proxy's URL: http://user:password@host:port.";
    case 410:
    case 451:
      return "Use a mirror or another source that has the file.";
    case 511:
      return `The network wants a login before it lets anything through to ${host}: log in with a browser, or use another network.`;
    default:
      return status >= 400
        ? `${host} refuses this request, and will again: check the URL, the mirror and the proxy.`
        : `${host} does not respond like a file server: check the URL, the mirror and the proxy.`;
  }
}

import { networkInterfaces } from "node:os";
import { offlineError, UserError } from "../core/errors.ts";
import type { Env } from "../core/platform.ts";
import { shownUrl } from "../core/shown-url.ts";
import type { Mirror } from "./mirror.ts";
import { type ProxySettings, proxyFor } from "./proxy.ts";
import type { Setting } from "./setting.ts";

/** The URL that is actually requested. */
export function targetOf(text: string, mirrors: readonly Mirror[]): URL {
  const mirror = mirrors.find(({ from }) => begins(text, from));
  const target = mirror === undefined ? text : mirror.to + text.slice(mirror.from.length);
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new UserError("E_URL", `${shownUrl(target)} is not an http or https URL`, {
    hint: mirror === undefined ? "Correct it in the recipe." : "Correct the --mirror option.",
  });
}

/** Compares whole segments: a mirror of `https://host/a` does not match `https://host/ab`. */
function begins(text: string, prefix: string): boolean {
  return (
    text.startsWith(prefix) && (prefix.endsWith("/") || /^[/?]?$/.test(text.charAt(prefix.length)))
  );
}

interface Reach {
  readonly env: Env;
  readonly offline: boolean;
  readonly settings: ProxySettings;
  /** This request's own proxy. */
  readonly own?: Setting | undefined;
  readonly interfaces?: typeof networkInterfaces | undefined;
}

/** Throws `unmet` at once if no response is possible. */
export function refuseWithoutNetwork(url: URL, options: Reach): void {
  if (options.offline) throw offlineError(shownUrl(url));
  // On a host without a network a proxy may listen on the loopback interface.
  const proxy = proxyFor(url, options);
  if (isLoopback(url.hostname) || (proxy && isLoopback(proxy.url.hostname))) return;
  if (hasNetwork(options.interfaces ?? networkInterfaces)) return;
  throw new UserError("E_NO_NETWORK", `${shownUrl(url)} is needed, but there is no network here`, {
    shared: { key: "no network", message: "there is no network here" },
  });
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}

/**
 * A sandbox without network has only the loopback interface, so there is no need to wait for
 * timeouts.
 */
function hasNetwork(interfaces: typeof networkInterfaces): boolean {
  try {
    return Object.values(interfaces()).some((list) => list?.some(({ internal }) => !internal));
  } catch {
    return true; // some sandboxes do not allow listing interfaces
  }
}

import type { networkInterfaces } from "node:os";
import type { Digest } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import { createAgent } from "./agent.ts";
import type { CredentialsFor } from "./credentials.ts";
import { type Begin, download, hashDownload, json, text } from "./download.ts";
import { HurriedError, hostCause, shownUrl } from "./errors.ts";
import type { Mirror } from "./mirror.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { defaultRetryPolicy, hasty, type RetryPolicy } from "./retry.ts";
import type { Setting } from "./setting.ts";
import { refuseWithoutNetwork, targetOf } from "./target.ts";
import { withWaiting } from "./waiting.ts";

export interface DownloadRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Absolute; created, and removed again if the download fails. */
  readonly file: string;
  readonly digest: Digest;
  /** The expected bytes; a server that has more or fewer is rejected at once. */
  readonly size?: number | undefined;
  /** Maximum bytes if no size is known; default 4 GiB. */
  readonly limit?: number | undefined;
  /**
   * Sends this machine's credentials for the URL (netrc, npm): an operator has named it. A mirror
   * always gets those for itself.
   */
  readonly isPrivate?: boolean | undefined;
  /** True if there is another source for the same bytes: a dead server then costs only seconds. */
  readonly hasAlternative?: boolean | undefined;
  /**
   * A proxy for this request that replaces the environment's and npm's; the value `DIRECT` means
   * none.
   */
  readonly proxy?: Setting;
  readonly signal?: AbortSignal | undefined;
  /** Bytes so far and in total, if known. A restarted download counts from 0 again. */
  readonly onProgress?: ((received: number, total?: number) => void) | undefined;
}

export interface Download {
  /** Bytes. */
  readonly size: number;
  /** The final URL, without credentials and query. */
  readonly url: string;
}

/** The digests of a download. */
export interface HashedDownload extends Download {
  readonly sha256: Digest;
  readonly sha512: Digest;
}

export type TextOptions = Pick<
  DownloadRequest,
  "headers" | "proxy" | "hasAlternative" | "isPrivate" | "signal"
>;

export interface Text {
  readonly text: string;
  /** The final URL. */
  readonly url: URL;
}

/** All network access goes through this interface. */
export interface Http {
  /**
   * Downloads a file and verifies it in one pass. Throws a UserError: `integrity` if the bytes do
   * not match, `network` if they cannot be fetched now, `unmet` if there is no network.
   */
  download(request: DownloadRequest): Promise<Download>;
  /**
   * Downloads a file that is not pinned yet and returns its digests. Throws like `download`;
   * `integrity` if it is a web page.
   */
  weigh(request: Omit<DownloadRequest, "digest">): Promise<HashedDownload>;
  /** A JSON document of at most 32 MiB, unverified. Throws like `download`. */
  json(url: string, headers?: Readonly<Record<string, string>>): Promise<unknown>;
  /**
   * A text of at most 32 MiB, unverified (its reader verifies it), and its final URL. Throws like
   * `download`.
   */
  text(url: string, options?: TextOptions): Promise<Text>;
  /**
   * Reports how many transfers have not received a byte for a while, whenever that changes: others
   * can take their places in the meantime, so that a dead source delays no other.
   */
  onQuiet(listener: (transfers: number) => void): void;
  /** Closes all connections, also those in use. */
  close(): Promise<void>;
}

export interface HttpOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Called when the first request needs them. */
  readonly mirrors: () => readonly Mirror[];
  readonly offline: boolean;
  /** The configured proxies, certificates and timeouts; called once, before the first request. */
  readonly settings?: () => Promise<NetworkSettings>;
  /** The machine's credentials for single files. */
  readonly credentials?: CredentialsFor;
  /** PEM texts of additional trusted certificates. */
  readonly ca?: readonly string[];
  readonly timing?: Partial<RetryPolicy>;
  /** The machine's network interfaces; default `os.networkInterfaces`. */
  readonly interfaces?: typeof networkInterfaces;
  /**
   * Called for each request, redirect, retry and mirror, and when a URL is given up for another.
   */
  readonly onDetail?: (message: string) => void;
}

/** Opens and loads nothing before the first request. */
export function createHttp(options: HttpOptions): Http {
  const { env, mirrors, ca = [], onDetail = () => {} } = options;
  const settings = once(async () => (await options.settings?.()) ?? {});
  const basic = { ...defaultRetryPolicy, ...options.timing };
  const patience = once(async () => withWaiting(basic, env, await settings()));
  const agent = once(async () =>
    createAgent({ env, settings: await settings(), ca, connectMs: basic.connectMs }),
  );
  let isOpen = false;
  /** Origins that timed out; later transfers from them wait less. */
  const dead = new Set<string>();
  /** Origins that were given up early, although the settings ask for a longer wait. */
  const hurried = new Set<string>();
  const listeners: ((transfers: number) => void)[] = [];
  let quiet = 0;
  const onQuiet = (isQuiet: boolean): void => {
    quiet += isQuiet ? 1 : -1;
    for (const listener of listeners) listener(quiet);
  };
  const begin: Begin = async (text, { hasAlternative = false, isPrivate = false, ...rest }) => {
    const url = targetOf(text, mirrors());
    const isMirrored = shownUrl(url) !== shownUrl(text);
    if (isMirrored) onDetail(`mirror: ${shownUrl(text)} -> ${shownUrl(url)}`);
    refuseWithoutNetwork(url, { ...options, settings: await settings(), own: rest.proxy });
    if (hasAlternative && hurried.has(url.origin)) throw new HurriedError(deadBefore(url));
    if (hasAlternative && dead.has(url.origin)) throw deadBefore(url);
    const full = await patience();
    const policy = hasAlternative || dead.has(url.origin) ? hasty(full) : full;
    const onDead = (error: UserError): UserError => {
      const isHurried = hasAlternative && full.isSet;
      (isHurried ? hurried : dead).add(url.origin);
      return isHurried ? new HurriedError(error) : error;
    };
    const isOwn = rest.headers.authorization !== undefined || url.username !== "";
    const login = (isPrivate || isMirrored) && !isOwn ? await options.credentials?.(url) : {};
    const headers = { ...rest.headers, ...login };
    isOpen = true;
    const job = { ...rest, headers, url, timing: policy };
    return { ...job, agent: await agent(), onQuiet, onDead, onDetail };
  };
  /** If there is another source, this error is reported only if that one fails, too. */
  const tell = async <T>(url: string, hasAlternative: boolean | undefined, had: Promise<T>) => {
    if (hasAlternative) {
      had.catch((why: unknown) => {
        if (why instanceof UserError)
          onDetail(`next source after ${shownUrl(url)}: ${why.message}`);
      });
    }
    return await had;
  };
  return {
    download: (request) => tell(request.url, request.hasAlternative, download(request, begin)),
    weigh: (request) => tell(request.url, request.hasAlternative, hashDownload(request, begin)),
    json: (url, headers) => json(url, headers ?? {}, begin),
    text: (url, options = {}) => tell(url, options.hasAlternative, text(url, options, begin)),
    onQuiet: (listener) => void listeners.push(listener),
    async close() {
      if (isOpen)
        await agent().then(
          (open) => open.destroy(),
          () => {},
        );
    },
  };
}

function deadBefore(url: URL): UserError {
  const message = `cannot download ${shownUrl(url)}: ${url.host} did not respond`;
  return new UserError("E_DOWNLOAD_STALLED", message, {
    hint: `${url.host} or the network hangs; try again later.`,
    shared: hostCause(url.host, "did not respond"),
  });
}

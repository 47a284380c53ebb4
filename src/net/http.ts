import type { networkInterfaces } from "node:os";
import type { Digest } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import { createAgent } from "./agent.ts";
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
  /** Absolute; made anew. It is gone again when the download fails. */
  readonly file: string;
  readonly digest: Digest;
  /** Bytes promised; a server that has more or fewer is refused at once. */
  readonly size?: number | undefined;
  /** Bytes taken at most where no size is promised; default 4 GiB. */
  readonly limit?: number | undefined;
  /** True where the same bytes can be had elsewhere: a dead server then costs seconds. */
  readonly hasAlternative?: boolean | undefined;
  /** A proxy for this request in place of the environment's and npm's; its value is `DIRECT` for none. */
  readonly proxy?: Setting;
  readonly signal?: AbortSignal | undefined;
  /** Bytes so far and in all, where known. A restarted download counts from 0 again. */
  readonly onProgress?: ((received: number, total?: number) => void) | undefined;
}

export interface Download {
  /** Bytes. */
  readonly size: number;
  /** Where the bytes came from in the end, without credentials and query. */
  readonly url: string;
}

/** What the bytes of a download turned out to be. */
export interface HashedDownload extends Download {
  readonly sha256: Digest;
  readonly sha512: Digest;
}

export type TextOptions = Pick<DownloadRequest, "headers" | "proxy" | "hasAlternative" | "signal">;

export interface Text {
  readonly text: string;
  /** Where it came from in the end. */
  readonly url: URL;
}

/** The one door to the network. */
export interface Http {
  /**
   * Brings a file and verifies it in one pass. Throws a UserError: `integrity` where the bytes are
   * not those promised, `network` where they cannot be had now, `unmet` where there is no network.
   */
  download(request: DownloadRequest): Promise<Download>;
  /**
   * Brings a file that nothing pins yet, for who is about to pin it, and says what it is. Throws as
   * `download` does; `integrity` where it is a web page.
   */
  weigh(request: Omit<DownloadRequest, "digest">): Promise<HashedDownload>;
  /** A JSON document of at most 32 MiB, unverified. Throws as `download` does. */
  json(url: string, headers?: Readonly<Record<string, string>>): Promise<unknown>;
  /**
   * A text of at most 32 MiB, unverified (its reader does that), and where it came from in the end.
   * Throws as `download` does.
   */
  text(url: string, options?: TextOptions): Promise<Text>;
  /**
   * Tells how many transfers have waited for a byte for a while, whenever that changes: others may
   * take their places meanwhile, so that a dead source delays nobody.
   */
  onQuiet(listener: (transfers: number) => void): void;
  /** Ends all connections, those in use too. */
  close(): Promise<void>;
}

export interface HttpOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asked when the first request needs them. */
  readonly mirrors: () => readonly Mirror[];
  readonly offline: boolean;
  /** What files say of proxies, certificates and waiting; asked once, before the first request. */
  readonly settings?: () => Promise<NetworkSettings>;
  /** PEM texts of more certificates to trust. */
  readonly ca?: readonly string[];
  readonly timing?: Partial<RetryPolicy>;
  /** The machine's network interfaces; default `os.networkInterfaces`. */
  readonly interfaces?: typeof networkInterfaces;
  /** Hears of each request, redirect, retry and mirror, and of addresses that are given up for another. */
  readonly onDetail?: (message: string) => void;
}

/** Opens nothing and loads nothing before the first request. */
export function createHttp(options: HttpOptions): Http {
  const { env, mirrors, ca = [], onDetail = () => {} } = options;
  const settings = once(async () => (await options.settings?.()) ?? {});
  const basic = { ...defaultRetryPolicy, ...options.timing };
  const patience = once(async () => withWaiting(basic, env, await settings()));
  const agent = once(async () =>
    createAgent({ env, settings: await settings(), ca, connectMs: basic.connectMs }),
  );
  let isOpen = false;
  /** Origins that let a transfer wait in vain; nobody waits as long for them again. */
  const dead = new Set<string>();
  /** Origins that were given up in haste, although the settings want servers to be waited for. */
  const hurried = new Set<string>();
  const listeners: ((transfers: number) => void)[] = [];
  let quiet = 0;
  const onQuiet = (isQuiet: boolean): void => {
    quiet += isQuiet ? 1 : -1;
    for (const listener of listeners) listener(quiet);
  };
  const begin: Begin = async (text, { hasAlternative = false, ...rest }) => {
    const url = targetOf(text, mirrors());
    if (shownUrl(url) !== shownUrl(text)) {
      onDetail(`mirror: ${shownUrl(text)} -> ${shownUrl(url)}`);
    }
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
    isOpen = true;
    return { agent: await agent(), timing: policy, url, onQuiet, onDead, onDetail, ...rest };
  };
  /** Whoever has another address tells of this error only where that one fails, too. */
  const tell = async <T>(url: string, hasAlternative: boolean | undefined, had: Promise<T>) => {
    if (hasAlternative) {
      had.catch((why: unknown) => {
        if (why instanceof UserError)
          onDetail(`next address after ${shownUrl(url)}: ${why.message}`);
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
  const message = `cannot download ${shownUrl(url)}: ${url.host} did not answer`;
  return new UserError("E_DOWNLOAD_STALLED", message, {
    hint: `${url.host} or the way to it hangs; try again later.`,
    shared: hostCause(url.host, "did not answer"),
  });
}

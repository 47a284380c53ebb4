import type { networkInterfaces } from "node:os";
import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import type { Env } from "../core/platform.ts";
import { shownUrl } from "../core/shown-url.ts";
import { type Agent, createAgent } from "./agent.ts";
import {
  type Begin,
  type Download,
  type DownloadRequest,
  download,
  type HashedDownload,
  hashDownload,
  json,
  type Text,
  type TextOptions,
  text,
} from "./download.ts";
import { HurriedError, hostCause } from "./errors.ts";
import type { Mirror } from "./mirror.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { withoutSecrets } from "./redirects.ts";
import { defaultRetryPolicy, hasty, type RetryPolicy } from "./retry.ts";
import { refuseWithoutNetwork, targetOf } from "./target.ts";
import { withWaiting } from "./waiting.ts";

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
  hashDownload(request: Omit<DownloadRequest, "digest">): Promise<HashedDownload>;
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
  /** In the next turn of the event loop, while the caller waits for something else: loads what the first request needs. */
  prepare(): void;
  /** Closes all connections, also those in use. */
  close(): Promise<void>;
}

/** The header for a single file; empty if there are no credentials for it. */
export type CredentialsFor = (url: URL) => Promise<Record<string, string>>;

export interface HttpOptions {
  readonly env: Env;
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

/** Reads and loads nothing before the first request, or `prepare`. */
export function createHttp(options: HttpOptions): Http {
  const { env, mirrors, ca = [], onDetail = () => {} } = options;
  const settings = once(async () => (await options.settings?.()) ?? {});
  const basic = { ...defaultRetryPolicy, ...options.timing };
  const policy = once(async () => withWaiting(basic, env, await settings()));
  let agent: Promise<Agent> | undefined;
  const openAgent = async (): Promise<Agent> =>
    createAgent({ env, settings: await settings(), ca, connectMs: basic.connectMs });
  const opened = (): Promise<Agent> => {
    agent ??= openAgent();
    return agent;
  };
  const silent = silentOrigins();
  const quiet = quietTransfers();
  const begin: Begin = async (text, { hasAlternative = false, isPrivate = false, ...rest }) => {
    const url = targetOf(text, mirrors());
    const isMirrored = shownUrl(url) !== shownUrl(text);
    if (isMirrored) onDetail(`mirror: ${shownUrl(text)} -> ${shownUrl(url)}`);
    refuseWithoutNetwork(url, { ...options, settings: await settings(), own: rest.proxy });
    const usual = await policy();
    const timing = silent.timingFor(url, usual, hasAlternative);
    const onDead = (error: UserError): UserError =>
      silent.add(url, error, hasAlternative && usual.isSet);
    const isSameHost = !isMirrored || new URL(text).origin === url.origin;
    const given = isSameHost ? rest.headers : withoutSecrets(rest.headers);
    const isOwn = given.authorization !== undefined || url.username !== "";
    const login = (isPrivate || isMirrored) && !isOwn ? await options.credentials?.(url) : {};
    const headers = { ...given, ...login };
    const job = { ...rest, headers, url, timing, agent: await opened() };
    return { ...job, onQuiet: quiet.change, onDead, onDetail };
  };
  const told = <T>(url: string, hasAlternative: boolean | undefined, work: Promise<T>) =>
    hasAlternative ? tellFailure(url, work, onDetail) : work;
  return {
    download: (request) => told(request.url, request.hasAlternative, download(request, begin)),
    hashDownload: (request) =>
      told(request.url, request.hasAlternative, hashDownload(request, begin)),
    json: (url, headers) => json(url, headers ?? {}, begin),
    text: (url, options = {}) => told(url, options.hasAlternative, text(url, options, begin)),
    onQuiet: quiet.listen,
    prepare: () => void setImmediate(() => opened().catch(() => {})), // the first request throws it
    async close() {
      const open = await agent?.catch(() => undefined); // its error was thrown to who asked for it
      await open?.destroy();
    },
  };
}

/** Origins that did not answer in this run: others are preferred, and transfers from them wait less. */
function silentOrigins() {
  const dead = new Set<string>();
  /** Given up early, although the settings ask for a longer wait. */
  const hurried = new Set<string>();
  return {
    /** Throws if there is another source, and this one did not answer before. */
    timingFor(url: URL, usual: RetryPolicy, hasAlternative: boolean): RetryPolicy {
      const isDead = dead.has(url.origin);
      if (hasAlternative && hurried.has(url.origin)) throw new HurriedError(deadBefore(url));
      if (hasAlternative && isDead) throw deadBefore(url);
      return hasAlternative || isDead ? hasty(usual) : usual;
    },
    /** Returns the error to throw. */
    add({ origin }: URL, error: UserError, isHurried: boolean): UserError {
      (isHurried ? hurried : dead).add(origin);
      return isHurried ? new HurriedError(error) : error;
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

/** Counts transfers that have not received a byte for a while. */
function quietTransfers() {
  const listeners: ((transfers: number) => void)[] = [];
  let count = 0;
  return {
    listen: (listener: (transfers: number) => void) => void listeners.push(listener),
    change(isQuiet: boolean): void {
      count += isQuiet ? 1 : -1;
      for (const listener of listeners) listener(count);
    },
  };
}

/** If there is another source, this error is reported only if that one fails, too. */
async function tellFailure<T>(
  url: string,
  work: Promise<T>,
  onDetail: (message: string) => void,
): Promise<T> {
  work.catch((why: unknown) => {
    if (why instanceof UserError) onDetail(`next source after ${shownUrl(url)}: ${why.message}`);
  });
  return await work;
}

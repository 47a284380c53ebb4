import { renameSync } from "node:fs";
import type { networkInterfaces } from "node:os";
import type { Digest } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import { createAgent } from "./agent.ts";
import { decodeBytes, decodeFile } from "./encoding.ts";
import { HurriedError, hostCause, shownUrl } from "./errors.ts";
import type { Mirror } from "./mirror.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { defaultTiming, hasty, type Timing } from "./patience.ts";
import type { Setting } from "./setting.ts";
import { discard, type FileSink, fileSink, memorySink, weighingSink } from "./sink.ts";
import { refuseWithoutNetwork, targetOf } from "./target.ts";
import { type Transfer, type Transferred, transfer } from "./transfer.ts";
import { withWaiting } from "./waiting.ts";

export interface DownloadRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Absolute; made anew. It is gone again when the download fails. */
  readonly file: string;
  readonly digest: Digest;
  /** Bytes promised; a server that has more or fewer is refused at once. */
  readonly size?: number;
  /** Bytes taken at most where no size is promised; default 4 GiB. */
  readonly limit?: number;
  /** True where the same bytes can be had elsewhere: a dead server then costs seconds. */
  readonly hasAlternative?: boolean;
  /** A proxy for this request in place of the environment's and npm's; its value is `DIRECT` for none. */
  readonly proxy?: Setting;
  readonly signal?: AbortSignal;
  /** Bytes so far and in all, where known. A restarted download counts from 0 again. */
  readonly onProgress?: (received: number, total?: number) => void;
}

export interface Download {
  /** Bytes. */
  readonly size: number;
  /** Where the bytes came from in the end, without credentials and query. */
  readonly url: string;
}

/** What the bytes of a download turned out to be. */
export interface Weighed extends Download {
  readonly sha256: Digest;
  readonly sha512: Digest;
}

type TextOptions = Pick<DownloadRequest, "headers" | "proxy">;

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
  weigh(request: Omit<DownloadRequest, "digest">): Promise<Weighed>;
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
  readonly timing?: Partial<Timing>;
  /** The machine's network interfaces; default `os.networkInterfaces`. */
  readonly interfaces?: typeof networkInterfaces;
}

const defaultLimit = 4 * 1024 ** 3;
const textLimit = 32 * 1024 ** 2;

/** Opens nothing and loads nothing before the first request. */
export function createHttp(options: HttpOptions): Http {
  const { env, mirrors, ca = [] } = options;
  const settings = once(async () => (await options.settings?.()) ?? {});
  const basic = { ...defaultTiming, ...options.timing };
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
    refuseWithoutNetwork(url, { ...options, settings: await settings(), own: rest.proxy });
    if (hasAlternative && hurried.has(url.origin)) throw new HurriedError(deadBefore(url));
    if (hasAlternative && dead.has(url.origin)) throw deadBefore(url);
    const full = await patience();
    const timing = hasAlternative || dead.has(url.origin) ? hasty(full) : full;
    const onDead = (error: UserError): UserError => {
      const isHurried = hasAlternative && full.isSet;
      (isHurried ? hurried : dead).add(url.origin);
      return isHurried ? new HurriedError(error) : error;
    };
    isOpen = true;
    return { agent: await agent(), timing, url, onQuiet, onDead, ...rest };
  };
  return {
    download: (request) => download(request, begin),
    weigh: (request) => weigh(request, begin),
    json: (url, headers) => json(url, headers ?? {}, begin),
    text: (url, options) => text(url, options ?? {}, begin),
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

type Given = Omit<Transfer, "agent" | "timing" | "url" | "onQuiet" | "onDead">;
type Begin = (url: string, rest: Given & { hasAlternative?: boolean }) => Promise<Transfer>;

function deadBefore(url: URL): UserError {
  return new UserError("network", `cannot download ${shownUrl(url)}: ${url.host} did not answer`, {
    hint: `${url.host} or the way to it hangs; try again later.`,
    shared: hostCause(url.host, "did not answer"),
  });
}

async function download(request: DownloadRequest, begin: Begin): Promise<Download> {
  const { url, headers = {}, file, digest, limit = defaultLimit, ...rest } = request;
  const sink = await fileSink(file, digest);
  try {
    const job = await begin(url, { headers, sink, limit, ...rest });
    const got = await bring(job, sink, (from) => decode(from, request));
    await sink.close();
    return { size: got.size, url: shownUrl(got.url) };
  } catch (error) {
    await sink.close().catch(() => {});
    await discard(file);
    throw error;
  }
}

async function weigh(request: Omit<DownloadRequest, "digest">, begin: Begin): Promise<Weighed> {
  const { url, headers = {}, file, limit = defaultLimit, ...rest } = request;
  const sink = await weighingSink(file);
  try {
    const job = await begin(url, { headers, sink, limit, ...rest });
    let from = await transfer(job);
    if (from.resumed) {
      // Nothing would tell that the pieces are of two files.
      await sink.restart();
      from = await transfer(job);
    }
    if (from.encodings.length > 0 && !isPackedByName(from)) {
      return await weighDecoded(from, file, limit);
    }
    const digests = sink.weighed(from.url);
    await sink.close();
    return { size: sink.received, url: shownUrl(from.url), ...digests };
  } catch (error) {
    await sink.close().catch(() => {});
    await discard(file);
    throw error;
  }
}

/** Old servers say gzip of every .gz: then the packed bytes are what lies there and what is meant. */
function isPackedByName({ url, encodings }: Transferred): boolean {
  const suffixes = { gzip: /\.t?gz$/i, zstd: /\.t?zst$/i, br: /\.br$/i, deflate: /\.zz?$/i };
  return encodings.length === 1 && encodings.every((each) => suffixes[each].test(url.pathname));
}

async function weighDecoded(
  { url, encodings }: Transferred,
  file: string,
  limit: number,
): Promise<Weighed> {
  const decodedFile = `${file}.decoded`;
  const sink = await weighingSink(decodedFile);
  try {
    await decodeFile(file, encodings, sink, limit, url);
    const digests = sink.weighed(url);
    renameSync(decodedFile, file);
    return { size: sink.received, url: shownUrl(url), ...digests };
  } finally {
    await sink.close();
    await discard(decodedFile);
  }
}

/**
 * Brings and verifies. Pieces may be of two files that a server takes for one: then all of it again.
 * What a server says it has packed is unpacked where the bytes as they came are not those promised.
 */
async function bring(
  job: Transfer,
  sink: FileSink,
  unpack: (got: Transferred) => Promise<number>,
): Promise<{ url: URL; size: number }> {
  const got = await transfer(job);
  try {
    sink.verify(got.url);
    return { url: got.url, size: sink.received };
  } catch (error) {
    if (got.encodings.length > 0) return { url: got.url, size: await unpack(got) };
    if (!got.resumed) throw error;
  }
  await sink.restart();
  const again = await transfer(job);
  sink.verify(again.url);
  return { url: again.url, size: sink.received };
}

/** Replaces a file by what it decodes to, once that is verified; its size. */
async function decode(
  { url, encodings }: Transferred,
  { file, digest, size, limit = defaultLimit }: DownloadRequest,
): Promise<number> {
  const decodedFile = `${file}.decoded`;
  const sink = await fileSink(decodedFile, digest);
  try {
    await decodeFile(file, encodings, sink, size ?? limit, url);
    sink.verify(url);
    await sink.close();
    renameSync(decodedFile, file);
    return sink.received;
  } catch (error) {
    await sink.close().catch(() => {});
    await discard(decodedFile);
    throw error;
  }
}

async function json(
  url: string,
  headers: Readonly<Record<string, string>>,
  begin: Begin,
): Promise<unknown> {
  const given = { accept: "application/json", ...headers };
  const found = await text(url, { headers: given }, begin);
  try {
    return JSON.parse(found.text);
  } catch (cause) {
    throw new UserError("network", `${shownUrl(found.url)} did not answer with JSON`, {
      hint: "Check that the registry or mirror that is configured is one.",
      cause,
    });
  }
}

async function text(
  url: string,
  { headers = {}, proxy }: TextOptions,
  begin: Begin,
): Promise<Text> {
  const sink = memorySink();
  const given = { headers, sink, limit: textLimit, ...(proxy === undefined ? {} : { proxy }) };
  const { url: from, encodings } = await transfer(await begin(url, given));
  const bytes = await decodeBytes(sink.bytes(), encodings, textLimit, from);
  return { text: bytes.toString("utf8"), url: from };
}

import type { networkInterfaces } from "node:os";
import type { Digest } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { type Agent, createAgent, type NetworkSettings } from "./agent.ts";
import { shownUrl } from "./errors.ts";
import { defaultTiming, hasty, type Timing } from "./patience.ts";
import { discard, type FileSink, fileSink, memorySink, weighingSink } from "./sink.ts";
import { type Mirror, refuseWithoutNetwork, targetOf } from "./target.ts";
import { type Transfer, transfer } from "./transfer.ts";

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
  /** A proxy for this request in place of the environment's and npm's; `DIRECT` for none. */
  readonly proxy?: string;
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
  readonly mirrors: readonly Mirror[];
  readonly offline: boolean;
  /** npm's proxies and cafile; asked once, before the first request. */
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
  const timing = { ...defaultTiming, ...options.timing };
  /** By the proxy that a request names itself. */
  const agents = new Map<string, Promise<Agent>>();
  const connect = (proxy = ""): Promise<Agent> => {
    const agent = agents.get(proxy) ?? openAgent(withProxy(options, proxy), timing);
    agents.set(proxy, agent);
    return agent;
  };
  /** Origins that let a transfer wait in vain; nobody waits as long for them again. */
  const dead = new Set<string>();
  const listeners: ((transfers: number) => void)[] = [];
  let quiet = 0;
  const onQuiet = (isQuiet: boolean): void => {
    quiet += isQuiet ? 1 : -1;
    for (const listener of listeners) listener(quiet);
  };
  const begin: Begin = async (text, { hasAlternative = false, proxy, ...rest }) => {
    const url = targetOf(text, options.mirrors);
    refuseWithoutNetwork(url, withProxy(options, proxy));
    if (hasAlternative && dead.has(url.origin)) throw deadBefore(url);
    const patience = hasAlternative || dead.has(url.origin) ? hasty(timing) : timing;
    const onDead = (): void => void dead.add(url.origin);
    return { agent: await connect(proxy), timing: patience, url, onQuiet, onDead, ...rest };
  };
  return {
    download: (request) => download(request, begin),
    weigh: (request) => weigh(request, begin),
    json: (url, headers) => json(url, headers ?? {}, begin),
    text: (url, options) => text(url, options ?? {}, begin),
    onQuiet: (listener) => void listeners.push(listener),
    async close() {
      const closing = [...agents.values()].map((agent) =>
        agent.then((open) => open.dispatcher.destroy()).catch(() => {}),
      );
      await Promise.all(closing);
    },
  };
}

type Given = Omit<Transfer, "agent" | "timing" | "url" | "onQuiet" | "onDead">;
type Begin = (
  url: string,
  rest: Given & { hasAlternative?: boolean; proxy?: string },
) => Promise<Transfer>;

function deadBefore(url: URL): UserError {
  return new UserError("network", `cannot download ${shownUrl(url)}: ${url.host} did not answer`, {
    hint: `${url.host} or the way to it hangs; try again later.`,
  });
}

/** apt's proxy goes before the environment's, as it does for apt. */
function withProxy(options: HttpOptions, proxy = ""): HttpOptions {
  if (proxy === "") return options;
  const env = Object.entries(options.env).filter(
    ([name]) => !/^(all|https?|no)_proxy$/i.test(name),
  );
  const own = proxy === "DIRECT" ? { no_proxy: "*" } : { http_proxy: proxy, https_proxy: proxy };
  return { ...options, env: { ...Object.fromEntries(env), ...own } };
}

async function openAgent(options: HttpOptions, timing: Timing): Promise<Agent> {
  const settings = (await options.settings?.()) ?? {};
  const { env, ca = [] } = options;
  return await createAgent({ env, settings, ca, connectMs: timing.connectMs });
}

async function download(request: DownloadRequest, begin: Begin): Promise<Download> {
  const { url, headers = {}, file, digest, limit = defaultLimit, ...rest } = request;
  const sink = await fileSink(file, digest);
  try {
    const from = await bring(await begin(url, { headers, sink, limit, ...rest }), sink);
    await sink.close();
    return { size: sink.received, url: shownUrl(from) };
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
    const digests = sink.weighed(from.url);
    await sink.close();
    return { size: sink.received, url: shownUrl(from.url), ...digests };
  } catch (error) {
    await sink.close().catch(() => {});
    await discard(file);
    throw error;
  }
}

/** Brings and verifies. Pieces may be of two files that a server takes for one: then all of it again. */
async function bring(job: Transfer, sink: FileSink): Promise<URL> {
  const { url, resumed } = await transfer(job);
  try {
    sink.verify(url);
    return url;
  } catch (error) {
    if (!resumed) throw error;
  }
  await sink.restart();
  const again = await transfer(job);
  sink.verify(again.url);
  return again.url;
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
  const { url: from } = await transfer(await begin(url, given));
  return { text: sink.text(), url: from };
}

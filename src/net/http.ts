import { networkInterfaces } from "node:os";
import type { Digest } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { type Agent, createAgent, type NetworkSettings, readProxies } from "./agent.ts";
import { shownUrl } from "./errors.ts";
import { discard, fileSink, memorySink } from "./sink.ts";
import { defaultTiming, type Timing, type Transfer, transfer } from "./transfer.ts";

/** URLs that begin with `from` are asked with `to` in its place. */
interface Mirror {
  readonly from: string;
  readonly to: string;
}

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

/** The one door to the network. */
export interface Http {
  /**
   * Brings a file and verifies it in one pass. Throws a UserError: `integrity` where the bytes are
   * not those promised, `network` where they cannot be had now, `unmet` where there is no network.
   */
  download(request: DownloadRequest): Promise<Download>;
  /** A JSON document of at most 32 MiB, unverified. Throws as `download` does. */
  json(url: string, headers?: Readonly<Record<string, string>>): Promise<unknown>;
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
const jsonLimit = 32 * 1024 ** 2;

/** Opens nothing and loads nothing before the first request. */
export function createHttp(options: HttpOptions): Http {
  const timing = { ...defaultTiming, ...options.timing };
  let agent: Promise<Agent> | undefined;
  const connect = (): Promise<Agent> => {
    agent ??= openAgent(options, timing);
    return agent;
  };
  const begin = async (
    text: string,
    rest: Omit<Transfer, "agent" | "timing" | "url">,
  ): Promise<Transfer> => {
    const url = targetOf(text, options.mirrors);
    refuseWithoutNetwork(url, options);
    return { agent: await connect(), timing, url, ...rest };
  };
  return {
    download: (request) => download(request, begin),
    json: (url, headers) => json(url, headers ?? {}, begin),
    async close() {
      await agent?.then((open) => open.dispatcher.destroy()).catch(() => {});
    },
  };
}

type Begin = (url: string, rest: Omit<Transfer, "agent" | "timing" | "url">) => Promise<Transfer>;

async function openAgent(options: HttpOptions, timing: Timing): Promise<Agent> {
  const settings = (await options.settings?.()) ?? {};
  const { env, ca = [] } = options;
  return await createAgent({ env, settings, ca, connectMs: timing.connectMs });
}

async function download(request: DownloadRequest, begin: Begin): Promise<Download> {
  const { url, headers = {}, size, limit = defaultLimit, signal, onProgress } = request;
  const sink = await fileSink(request.file, request.digest);
  try {
    const job = await begin(url, { headers, sink, size, limit, signal, onProgress });
    const from = await transfer(job);
    sink.verify(from);
    await sink.close();
    return { size: sink.received, url: shownUrl(from) };
  } catch (error) {
    await sink.close().catch(() => {});
    await discard(request.file);
    throw error;
  }
}

async function json(
  url: string,
  headers: Readonly<Record<string, string>>,
  begin: Begin,
): Promise<unknown> {
  const sink = memorySink();
  const accept = { accept: "application/json", ...headers };
  const from = await transfer(await begin(url, { headers: accept, sink, limit: jsonLimit }));
  try {
    return JSON.parse(sink.text());
  } catch (cause) {
    throw new UserError("network", `${shownUrl(from)} did not answer with JSON`, {
      hint: "Check that the registry or mirror that is configured is one.",
      cause,
    });
  }
}

function targetOf(text: string, mirrors: readonly Mirror[]): URL {
  const mirror = mirrors.find(({ from }) => begins(text, from));
  const target = mirror === undefined ? text : mirror.to + text.slice(mirror.from.length);
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new UserError("config", `${shownUrl(target)} is not an http or https URL`, {
    hint: mirror === undefined ? "Correct it in the recipe." : "Correct the --mirror option.",
  });
}

/** Whole segments: a mirror of `https://host/a` is none of `https://host/ab`. */
function begins(text: string, prefix: string): boolean {
  return (
    text.startsWith(prefix) && (prefix.endsWith("/") || /^[/?]?$/.test(text.charAt(prefix.length)))
  );
}

function refuseWithoutNetwork(url: URL, options: HttpOptions): void {
  if (options.offline) {
    throw new UserError("unmet", `${shownUrl(url)} is needed, and this run is offline`, {
      hint: "Run without --offline where there is a network, or import a bundle.",
    });
  }
  // A proxy may listen on the loopback interface of a place that has no other.
  if (isLoopback(url.hostname) || readProxies(options.env, {}).httpsProxy !== "") return;
  if (hasNetwork(options.interfaces ?? networkInterfaces)) return;
  throw new UserError("unmet", `${shownUrl(url)} is needed, and there is no network here`, {
    hint: "Fill the volume from a place that has one: a provisioner, the gateway, or bundle import.",
  });
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}

/** A sandbox without network has the loopback interface alone: no need to wait for timeouts. */
function hasNetwork(interfaces: typeof networkInterfaces): boolean {
  try {
    return Object.values(interfaces()).some((list) => list?.some(({ internal }) => !internal));
  } catch {
    return true; // Some sandboxes forbid the question.
  }
}

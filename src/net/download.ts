/** The steps from a request to verified, hashed or parsed bytes, from which `Http` is built. */
import type { Digest, DigestAlgorithm } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { moveOnto } from "../io/files.ts";
import { decodeBytes, decodeFile } from "./encoding.ts";
import type { Setting } from "./setting.ts";
import { type FileSink, fillFile, memorySink } from "./sink.ts";
import { type Transfer, type Transferred, transfer } from "./transfer.ts";
import { looksLikePage, pageInstead } from "./web-page.ts";

const defaultLimit = 4 * 1024 ** 3;
const textLimit = 32 * 1024 ** 2;

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

type Given = Omit<Transfer, "agent" | "timing" | "url" | "onQuiet" | "onDead" | "onDetail">;
/** Prepares the transfer of a URL; does not start it. */
export type Begin = (
  url: string,
  rest: Given & Pick<DownloadRequest, "hasAlternative" | "isPrivate">,
) => Promise<Transfer>;

/**
 * Downloads and verifies. If the parts come from two versions of a file, everything is downloaded
 * again. A body with a content encoding is decoded if its raw bytes do not match the digest.
 */
export async function download(request: DownloadRequest, begin: Begin): Promise<Download> {
  const { url, headers = {}, file, digest, limit = defaultLimit, ...rest } = request;
  const algorithms = [digest.algorithm];
  return await fillFile(file, algorithms, async (sink) => {
    const job = await begin(url, { headers, sink, limit, ...rest });
    let from = await transfer(job);
    try {
      sink.verify(from.url, digest);
    } catch (error) {
      if (from.encodings.length > 0) {
        const most = request.size ?? limit;
        return await decodeOnto(file, algorithms, from, most, (into) =>
          into.verify(from.url, digest),
        );
      }
      if (!from.resumed) throw error;
      await sink.restart();
      from = await transfer(job);
      sink.verify(from.url, digest);
    }
    return { size: sink.received, url: shownUrl(from.url) };
  });
}

/** See `Http.hashDownload`. */
export async function hashDownload(
  request: Omit<DownloadRequest, "digest">,
  begin: Begin,
): Promise<HashedDownload> {
  const { url, headers = {}, file, limit = defaultLimit, ...rest } = request;
  const algorithms = ["sha256", "sha512"] as const;
  return await fillFile(file, algorithms, async (sink) => {
    const job = await begin(url, { headers, sink, limit, ...rest });
    let from = await transfer(job);
    if (from.resumed) {
      // A mix of two files could not be detected.
      await sink.restart();
      from = await transfer(job);
    }
    if (from.encodings.length > 0 && !isPackedByName(from)) {
      return await decodeOnto(file, algorithms, from, limit, (into) => into.hashed(from.url));
    }
    return { size: sink.received, url: shownUrl(from.url), ...sink.hashed(from.url) };
  });
}

/**
 * Old servers declare every .gz file as gzip-encoded: then the compressed bytes are the file
 * itself.
 */
function isPackedByName({ url, encodings }: Transferred): boolean {
  const suffixes = { gzip: /\.t?gz$/i, zstd: /\.t?zst$/i, br: /\.br$/i, deflate: /\.zz?$/i };
  return encodings.length === 1 && encodings.every((each) => suffixes[each].test(url.pathname));
}

/** Replaces a file by its decoded contents if `judge` accepts them; returns what that says, too. */
async function decodeOnto<Said>(
  file: string,
  algorithms: readonly DigestAlgorithm[],
  { url, encodings }: Transferred,
  limit: number,
  judge: (sink: FileSink) => Said,
): Promise<Said & Download> {
  const decodedFile = `${file}.decoded`;
  return await fillFile(decodedFile, algorithms, async (sink) => {
    await decodeFile(file, encodings, sink, limit, url);
    const said = judge(sink);
    await sink.close();
    moveOnto(decodedFile, file);
    return { ...said, size: sink.received, url: shownUrl(url) };
  });
}

/** See `Http.json`. Throws `network` if it is not JSON. */
export async function json(
  url: string,
  headers: Readonly<Record<string, string>>,
  begin: Begin,
): Promise<unknown> {
  const given = { accept: "application/json", ...headers };
  const found = await text(url, { headers: given }, begin);
  try {
    return JSON.parse(found.text);
  } catch (cause) {
    if (looksLikePage(found.text)) throw pageInstead(found.url, "JSON");
    throw new UserError("E_NOT_A_REGISTRY", `${shownUrl(found.url)} did not respond with JSON`, {
      cause,
    });
  }
}

/** See `Http.text`. */
export async function text(
  url: string,
  { headers = {}, ...rest }: TextOptions,
  begin: Begin,
): Promise<Text> {
  const sink = memorySink();
  const job = await begin(url, { headers, sink, limit: textLimit, ...rest });
  const { url: from, encodings } = await transfer(job);
  const bytes = await decodeBytes(sink.bytes(), encodings, textLimit, from);
  return { text: bytes.toString("utf8"), url: from };
}

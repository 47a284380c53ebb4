/** The steps from a request to verified, hashed or parsed bytes, from which `Http` is built. */
import { UserError } from "../core/errors.ts";
import { moveOnto } from "../io/files.ts";
import { decodeBytes, decodeFile } from "./encoding.ts";
import { shownUrl } from "./errors.ts";
import type { Download, DownloadRequest, HashedDownload, Text, TextOptions } from "./http.ts";
import { bothHashesSink, discard, type FileSink, fileSink, memorySink, type Sink } from "./sink.ts";
import { type Transfer, type Transferred, transfer } from "./transfer.ts";

const defaultLimit = 4 * 1024 ** 3;
const textLimit = 32 * 1024 ** 2;

type Given = Omit<Transfer, "agent" | "timing" | "url" | "onQuiet" | "onDead" | "onDetail">;
/** Prepares the transfer of a URL; does not start it. */
export type Begin = (
  url: string,
  rest: Given & Pick<DownloadRequest, "hasAlternative" | "isPrivate">,
) => Promise<Transfer>;

export async function download(request: DownloadRequest, begin: Begin): Promise<Download> {
  const { url, headers = {}, file, digest, limit = defaultLimit, ...rest } = request;
  const sink = await fileSink(file, digest);
  try {
    const job = await begin(url, { headers, sink, limit, ...rest });
    const open = (decoded: string) => fileSink(decoded, digest);
    const got = await transferAll(job, sink, async (from) => {
      const most = request.size ?? limit;
      return (await decodeOnto(file, from, most, open, (into) => into.verify(from.url))).size;
    });
    await sink.close();
    return { size: got.size, url: shownUrl(got.url) };
  } catch (error) {
    await sink.close().catch(() => {});
    await discard(file);
    throw error;
  }
}

export async function hashDownload(
  request: Omit<DownloadRequest, "digest">,
  begin: Begin,
): Promise<HashedDownload> {
  const { url, headers = {}, file, limit = defaultLimit, ...rest } = request;
  const sink = await bothHashesSink(file);
  try {
    const job = await begin(url, { headers, sink, limit, ...rest });
    let from = await transfer(job);
    if (from.resumed) {
      // A mix of two files could not be detected.
      await sink.restart();
      from = await transfer(job);
    }
    if (from.encodings.length > 0 && !isPackedByName(from)) {
      await sink.close();
      const open = (decoded: string) => bothHashesSink(decoded);
      const digests = await decodeOnto(file, from, limit, open, (into) => into.weighed(from.url));
      return { url: shownUrl(from.url), ...digests };
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

/**
 * Old servers declare every .gz file as gzip-encoded: then the compressed bytes are the file
 * itself.
 */
function isPackedByName({ url, encodings }: Transferred): boolean {
  const suffixes = { gzip: /\.t?gz$/i, zstd: /\.t?zst$/i, br: /\.br$/i, deflate: /\.zz?$/i };
  return encodings.length === 1 && encodings.every((each) => suffixes[each].test(url.pathname));
}

/**
 * Downloads and verifies. If the parts come from two versions of a file, everything is downloaded
 * again. A body with a content encoding is decoded if its raw bytes do not match the digest.
 */
async function transferAll(
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

/**
 * Replaces a file by its decoded contents if `judge` accepts them; returns the result of `judge`,
 * and the size.
 */
async function decodeOnto<S extends Sink & { close(): Promise<void> }, Said>(
  file: string,
  { url, encodings }: Transferred,
  limit: number,
  open: (file: string) => Promise<S>,
  judge: (sink: S) => Said,
): Promise<Said & { readonly size: number }> {
  const decodedFile = `${file}.decoded`;
  const sink = await open(decodedFile);
  try {
    await decodeFile(file, encodings, sink, limit, url);
    const said = judge(sink);
    await sink.close();
    moveOnto(decodedFile, file);
    return { ...said, size: sink.received };
  } catch (error) {
    await sink.close().catch(() => {});
    await discard(decodedFile);
    throw error;
  }
}

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
    throw new UserError("E_NOT_A_REGISTRY", `${shownUrl(found.url)} did not respond with JSON`, {
      cause,
    });
  }
}

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
